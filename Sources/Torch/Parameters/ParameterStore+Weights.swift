import Support
import WeightFiles

extension ParameterStore {
    /// Loads the parameters from a checkpoint: all of them, or none if anything does not fit.
    ///
    /// The parameters get their own memory, since training writes to it. Use
    /// ``loadFrozen(_:under:key:ignoring:keeping:)`` for parameters that will not be trained.
    /// - Parameters:
    ///   - source: The checkpoint.
    ///   - path: Loads only the parameters at this path or below it.
    ///   - key: The checkpoint's key for a parameter's name.
    ///   - ignored: Keys of the checkpoint without a parameter.
    ///   - kept: Names of parameters that may be missing from the checkpoint and then keep their values.
    /// - Throws: ``WeightMismatch`` listing everything missing, unexpected or of the wrong shape; `WeightFileError`,
    ///   ``TorchError``.
    public func load(
        _ source: some WeightSource, under path: String = "", key: (String) -> String = { $0 },
        ignoring ignored: (String) -> Bool = { _ in false }, keeping kept: (String) -> Bool = { _ in false }
    ) throws {
        let loaded = try matched(source, under: path, key: key, ignoring: ignored, keeping: kept)
        let tensors = try loaded.map { parameter, stored in
            let tensor = try Tensor(stored)
            let converted = try tensor.to(parameter.dtype)
            return (parameter, converted === tensor ? try tensor.clone(.contiguous) : converted)
        }
        for (parameter, tensor) in tensors { try parameter.set(tensor) }
        try initializeOptional(under: path)
    }

    /// Same as ``load(_:under:key:ignoring:keeping:)``, and freezes the loaded parameters.
    ///
    /// Nothing is copied if element type and alignment match: the parameters then stay in the mapped file and are read
    /// on use. They get their own memory when unfrozen.
    public func loadFrozen(
        _ source: some WeightSource, under path: String = "", key: (String) -> String = { $0 },
        ignoring ignored: (String) -> Bool = { _ in false }, keeping kept: (String) -> Bool = { _ in false }
    ) throws {
        let loaded = try matched(source, under: path, key: key, ignoring: ignored, keeping: kept)
        let tensors = try loaded.map { parameter, stored in
            let tensor = try Tensor(stored)
            let converted = try tensor.to(parameter.dtype)
            return (parameter, converted, isBorrowed: converted === tensor)
        }
        try freeze(under: path)
        for (parameter, tensor, isBorrowed) in tensors {
            try parameter.set(tensor, isBorrowed: isBorrowed)
        }
        try initializeOptional(under: path)
    }

    /// Initializes optional parameters, such as counts of batches.
    private func initializeOptional(under path: String) throws {
        for parameter in parameters(under: path) where parameter.isOptional && !parameter.hasValue {
            try initialize(seed: 0, under: parameter.name)
        }
    }

    /// Every parameter with its tensor of the checkpoint.
    private func matched(
        _ source: some WeightSource, under path: String, key: (String) -> String,
        ignoring ignored: (String) -> Bool, keeping kept: (String) -> Bool
    ) throws -> [(Parameter, StoredTensor)] {
        var mismatch = WeightMismatch(origin: source.origin)
        let available = Set(source.keys)
        var used: Set<String> = []
        var loaded: [(Parameter, StoredTensor)] = []
        for parameter in parameters(under: path) {
            let key = key(parameter.name)
            guard available.contains(key) else {
                if !parameter.isOptional && !kept(parameter.name) { mismatch.missing.append(key) }
                continue
            }
            used.insert(key)
            let stored = try source.tensor(named: key)
            if stored.shape == parameter.shape {
                loaded.append((parameter, stored))
            } else {
                mismatch.wrongShapes.append(
                    .init(name: key, stored: stored.shape, expected: parameter.shape))
            }
        }
        mismatch.unexpected = source.keys.filter { !used.contains($0) && !ignored($0) }
        guard mismatch.isEmpty else {
            mismatch.hint = Self.prefixHint(missing: mismatch.missing, unexpected: mismatch.unexpected)
            throw mismatch
        }
        return loaded
    }

    /// All values, in the form that weight file writers take.
    /// - Parameters:
    ///   - path: The path whose parameters are taken; all by default.
    ///   - key: The file's key for a parameter's name.
    /// - Throws: ``TorchError`` if a parameter has no values.
    public func stored(under path: String = "", key: (String) -> String = { $0 }) throws -> [StoredTensor] {
        try parameters(under: path).map { try $0.value.stored(named: key($0.name)) }
    }

    /// Checkpoints often contain the expected network inside another one; the usual sign is a common prefix.
    private static func prefixHint(missing: [String], unexpected: [String]) -> String? {
        guard let first = missing.first, missing.count > 1 else { return nil }
        let present = Set(unexpected)
        for name in unexpected where name.hasSuffix(first) && name != first {
            let prefix = name.dropLast(first.count)
            if missing.allSatisfy({ present.contains(prefix + $0) }) {
                return "everything missing is present under the prefix '\(prefix)'"
            }
        }
        let unexpectedPrefixed = missing.first { name in
            unexpected.contains { name.hasSuffix("." + $0) }
        }
        guard let name = unexpectedPrefixed, let key = unexpected.first(where: { name.hasSuffix("." + $0) })
        else {
            return nil
        }
        return "the file's keys seem to lack the prefix '\(name.dropLast(key.count))'"
    }
}

extension ParameterStore {
    /// A digest of evenly spaced values of every parameter: distinguishes different weights of the same network.
    ///
    /// - Throws: `TorchError`.
    package func digest() throws -> String {
        var digest = SHA256()
        for parameter in parameters where parameter.hasValue {
            let values = try parameter.value.detached().flattened()
            let stride = max(1, values.shape[0] / 256)
            let sampled = try values[TensorIndex.every(stride)].to(device: .cpu)
                .to(.float32).contiguous()
            try sampled.withBytes { digest.update($0) }
        }
        return String(digest.finalized().hexadecimal.prefix(16))
    }
}
