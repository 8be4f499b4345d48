/// One network's weights out of a checkpoint, under the network's own names.
///
/// Training frameworks put weights below keys such as `state_dict` or `model`, and modules into wrappers whose names come
/// into those of the weights (`module.`, `_orig_mod.`). A checkpoint may hold several sets: beside the trained weights
/// their moving average, for example. One rule for all that takes weights:
///
/// * `_orig_mod`, `_fsdp_wrapped_module` and `_checkpoint_wrapped_module` do not count, wherever they stand in a name.
/// * Whatever stands before a name that the network has is a set's own name.
/// * Of several sets the one of the trained weights is taken: that whose name has only `state_dict`, `model`, `module`,
///   `network` and `net` in it. ``note`` then says which are left. Where none or more than one is such, nothing is taken.
public struct UnwrappedWeights: WeightSource {
    /// Where the tensors come from.
    public var origin: String { source.origin }

    /// The names without what the frameworks added, in the order of the source.
    public let keys: [String]

    /// What stood before the names, such as `state_dict.module.`; empty for none.
    public let prefix: String

    /// What was chosen, when there was a choice: which set is taken, and which are not.
    public let note: String?

    private let source: any WeightSource
    private let originals: [String: String]

    private static let transparent: Set<String> = [
        "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    ]
    private static let plain: Set<String> = ["state_dict", "model", "module", "network", "net"]

    /// The weights of the network that has one of these names.
    ///
    /// - Parameters:
    ///   - source: The checkpoint.
    ///   - signs: Names of weights by which the network is known, such as `token_embedding.weight`; one that ends with a
    ///     point is the beginning of names: `roi_heads.`.
    /// - Returns: Nil when no name of the checkpoint is one of the network's.
    /// - Throws: ``WeightFileError`` that names the sets, when there are several and none is the trained one, or when two
    ///   weights would have one name.
    public init?(_ source: any WeightSource, knownBy signs: [String]) throws {
        let parts = signs.map { $0.split(separator: ".") }
        var prefixes: [[Substring]] = []
        let names = source.keys.map { key in
            key.split(separator: ".").filter { !Self.transparent.contains(String($0)) }
        }
        for name in names {
            for (sign, text) in zip(parts, signs) {
                guard let start = Self.start(of: sign, in: name, isBeginning: text.hasSuffix(".")) else {
                    continue
                }
                let prefix = Array(name[..<start])
                if !prefixes.contains(prefix) { prefixes.append(prefix) }
            }
        }
        // A network may hold one of its kind as a part: `model` and `model.backbone.model` are not two sets.
        prefixes = prefixes.filter { prefix in
            !prefixes.contains { $0.count < prefix.count && prefix.starts(with: $0) && !$0.isEmpty }
        }
        guard let first = prefixes.first else { return nil }
        var chosen = first
        var note: String?
        if prefixes.count > 1 {
            let trained = prefixes.filter { $0.allSatisfy { Self.plain.contains(String($0)) } }
            let listed = prefixes.map { $0.isEmpty ? "(no prefix)" : $0.joined(separator: ".") }
            guard trained.count == 1 else {
                throw WeightFileError(
                    file: source.origin,
                    reason: "holds \(prefixes.count) sets of weights: \(listed.joined(separator: ", ")); "
                        + "save the set that is meant in a file of its own")
            }
            chosen = trained[0]
            let others = zip(prefixes, listed).filter { $0.0 != chosen }.map(\.1)
            note =
                "\(source.origin): the weights of '\(chosen.joined(separator: "."))' are taken, not those of "
                + others.map { "'\($0)'" }.joined(separator: ", ")
        }
        var keys: [String] = []
        var originals: [String: String] = [:]
        for (name, key) in zip(names, source.keys)
        where name.starts(with: chosen) && name.count > chosen.count {
            let short = name.dropFirst(chosen.count).joined(separator: ".")
            guard originals.updateValue(key, forKey: short) == nil else {
                throw WeightFileError(
                    file: source.origin, place: "'\(key)'", reason: "is one of two weights named '\(short)'")
            }
            keys.append(short)
        }
        self.source = source
        self.keys = keys
        self.note = note
        self.originals = originals
        prefix = chosen.map { $0 + "." }.joined()
    }

    /// Where a sign's parts stand in a name: at its end, or, for a beginning, anywhere.
    private static func start(of sign: [Substring], in name: [Substring], isBeginning: Bool) -> Int? {
        guard name.count >= sign.count else { return nil }
        let last = name.count - sign.count
        return isBeginning
            ? (0...last).first { name[$0...].starts(with: sign) }
            : name[last...].elementsEqual(sign) ? last : nil
    }

    /// The tensor called `name`, under that name.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let original = originals[name] else { throw missing(name) }
        var tensor = try source.tensor(named: original)
        tensor.name = name
        return tensor
    }
}
