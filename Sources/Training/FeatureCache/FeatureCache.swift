import Foundation
import Support
import Torch
import WeightFiles

/// Features of a frozen network on disk, computed once and read in every epoch.
///
/// A folder of safetensors files (`features-00000.safetensors`, ...), which are mapped into memory, and `index.json`
/// with the identity and the file of every view. Reading copies nothing if the element type matches. Safe to read from
/// several tasks.
final class FeatureCache: Sendable {
    /// The folder.
    let folder: String

    /// Everything that the features depend on.
    let identity: FeatureCacheIdentity

    private let shards: [Safetensors]
    private let places: [String: Int]
    private let excluded: Set<String>

    /// The element type of the features in a folder.
    /// - Throws: ``TrainingError`` if there is no cache.
    static func dtype(in folder: String) throws -> DType {
        try FeatureIndex(folder: folder).identity.dtype
    }

    /// Opens a cache.
    /// - Parameter identity: The required identity.
    /// - Throws: ``TrainingError`` if there is none or its identity differs, stating the difference and how to fix it.
    init(folder: String, identity: FeatureCacheIdentity) throws {
        let index = try FeatureIndex(folder: folder)
        if let difference = index.identity.difference(from: identity) {
            throw TrainingError(
                folder, "does not fit: \(difference). Create a new cache with fvlm cache, in an empty folder"
            )
        }
        self.folder = folder
        self.identity = index.identity
        shards = try index.shards.map { try Safetensors(contentsOf: "\(folder)/\($0.file)") }
        var places: [String: Int] = [:]
        for (number, shard) in index.shards.enumerated() {
            for key in shard.keys { places[key] = number }
        }
        self.places = places
        excluded = Set(index.excluded ?? [])
    }

    /// The number of views.
    var count: Int { places.count }

    /// The total size of all files in bytes.
    var byteCount: Int {
        shards.reduce(0) { $0 + (FileStatus($1.origin)?.byteCount ?? 0) }
    }

    /// Whether a view is in the cache.
    func contains(_ key: FeatureKey) -> Bool { places[key.description] != nil }

    /// Whether a view is excluded, since its picture cannot be decoded.
    func excludes(_ key: FeatureKey) -> Bool { excluded.contains(key.description) }

    /// The number of excluded views.
    var excludedCount: Int { excluded.count }

    /// The features of a view, by level; in the stored element type, backed by the mapped file.
    /// - Throws: ``TrainingError`` if there is no such view: the picture was changed or added since; `TorchError`.
    func read(_ key: FeatureKey) throws -> [String: Tensor] {
        guard let place = places[key.description] else {
            throw TrainingError(
                folder,
                "has no view \(key.view) of the picture \(key.content.prefix(12))… in row \(key.row): it was added, changed or moved after the cache was made; run fvlm cache again"
            )
        }
        var features: [String: Tensor] = [:]
        for level in identity.levels {
            features[level] = try Tensor(shards[place].tensor(named: "\(key)/\(level)"))
        }
        return features
    }
}

/// The file `index.json` of a cache.
struct FeatureIndex: Codable {
    struct Shard: Codable {
        var file: String
        var keys: [String]
    }

    static let fileName = "index.json"

    var identity: FeatureCacheIdentity
    var shards: [Shard] = []

    /// Views of pictures that cannot be decoded; nil in caches without any.
    var excluded: [String]?

    init(identity: FeatureCacheIdentity) { self.identity = identity }

    init(folder: String) throws {
        let path = "\(folder)/\(Self.fileName)"
        guard let file = try? FileBytes(contentsOf: path) else {
            throw TrainingError(
                folder, "is not a feature cache: it has no readable \(Self.fileName)",
                exitStatus: FileStatus(folder) == nil ? .failure : .badData)
        }
        do { self = try JSONText.value(of: file.array) } catch {
            throw TrainingError(path, "cannot be read: \(error.oneLine)")
        }
    }

    func write(to folder: String) throws {
        try AtomicFile.write(JSONText.line(self), to: "\(folder)/\(Self.fileName)")
    }
}
