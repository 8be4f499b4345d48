import Foundation
import Support
import Torch
import WeightFiles

/// Fills a feature cache; an interrupted one is resumed.
///
/// Views are collected in memory until a file is full; then the file and after it the index are written, so that an
/// interrupted cache contains all views except the last few. Not safe to use from several tasks at once.
final class FeatureCacheWriter {
    /// The folder.
    let folder: String

    private let shardByteCount: Int
    private var index: FeatureIndex
    private var known: Set<String>
    private var pending: [(key: FeatureKey, tensors: [StoredTensor])] = []
    private var pendingByteCount = 0
    private var hasNewExclusions = false

    /// Creates a cache, or resumes one with the same identity.
    /// - Parameter shardByteCount: The approximate size of files in bytes.
    /// - Throws: ``TrainingError`` if the folder contains a cache with a different identity or cannot be written.
    init(folder: String, identity: FeatureCacheIdentity, shardByteCount: Int = 256 << 20) throws {
        self.folder = folder
        self.shardByteCount = max(shardByteCount, 1)
        if FileStatus("\(folder)/\(FeatureIndex.fileName)") != nil {
            index = try FeatureIndex(folder: folder)
            if let difference = index.identity.difference(from: identity) {
                throw TrainingError(
                    folder, "holds another cache: \(difference). Choose an empty folder")
            }
        } else {
            try Folder.make(folder)
            index = FeatureIndex(identity: identity)
            try index.write(to: folder)
        }
        known = Set(index.shards.flatMap(\.keys))
    }

    /// The names of the views that are there.
    var keys: Set<String> { known }

    /// How many bytes the last view takes; 0 before the first.
    private(set) var byteCountOfView = 0

    /// Whether a view is already in the cache.
    func contains(_ key: FeatureKey) -> Bool { known.contains(key.description) }

    /// Adds the features of a view, converted to the cache's element type; an existing view is unchanged.
    /// - Throws: ``TrainingError`` unless the features match the identity's levels, or if a file cannot be written.
    func write(_ key: FeatureKey, _ features: [(name: String, tensor: Tensor)]) throws {
        guard features.map(\.name).sorted() == index.identity.levels.sorted() else {
            throw TrainingError(
                folder,
                "the cache stores \(index.identity.levels.joined(separator: ", ")), not \(features.map(\.name).joined(separator: ", "))"
            )
        }
        guard known.insert(key.description).inserted else { return }
        let tensors = try features.map { name, tensor in
            // A copy: the tensor may be a view of much larger memory, or change.
            let converted = try tensor.detached().to(device: .cpu, dtype: index.identity.dtype)
            let own = try converted.clone(.contiguous)
            return try own.stored(named: "\(key)/\(name)")
        }
        pending.append((key, tensors))
        byteCountOfView = tensors.reduce(0) { $0 + $1.byteCount }
        pendingByteCount += byteCountOfView
        if pendingByteCount >= shardByteCount { try flush() }
    }

    /// Records that a view is excluded, since its picture cannot be decoded.
    func exclude(_ key: FeatureKey) {
        var excluded = Set(index.excluded ?? [])
        guard excluded.insert(key.description).inserted else { return }
        index.excluded = excluded.sorted()
        hasNewExclusions = true
    }

    /// Writes what is still in memory. Must be called at the end.
    /// - Throws: ``TrainingError`` if it cannot be written; it then stays in memory.
    func flush() throws {
        guard !pending.isEmpty else {
            if hasNewExclusions { try index.write(to: folder) }
            hasNewExclusions = false
            return
        }
        let number = String(index.shards.count)
        let file = "features-\(String(repeating: "0", count: max(0, 5 - number.count)))\(number).safetensors"
        do {
            try Safetensors.write(pending.flatMap(\.tensors), to: "\(folder)/\(file)")
            var next = index
            next.shards.append(.init(file: file, keys: pending.map(\.key.description)))
            try next.write(to: folder)
            index = next
        } catch {
            throw TrainingError("\(folder)/\(file)", "was not written: \(error.oneLine)")
        }
        pending = []
        pendingByteCount = 0
        hasNewExclusions = false
    }
}
