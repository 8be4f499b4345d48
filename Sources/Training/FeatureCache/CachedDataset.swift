import CLIP
import FVLM
import Foundation
import Support
import Imaging
import Support
import Synchronization
import Torch

/// A data set with cached features of the frozen network, so that pictures need not be decoded.
///
/// Boxes and masks are made as in ``TrainingDataset`` for the same seed and view; pixels are an empty tensor of the
/// right shape that takes no memory.
struct CachedDataset: ExampleSource {
    /// The source of boxes and masks.
    let dataset: TrainingDataset

    /// The source of features.
    let cache: FeatureCache

    /// The hashes of pictures, computed once rather than in every epoch.
    private let contents = ContentHashes()

    /// Creates a data set with a cache.
    init(_ dataset: TrainingDataset, cache: FeatureCache) {
        self.dataset = dataset
        self.cache = cache
    }

    /// What the cache takes, for the user.
    var note: String {
        let excluded = cache.excludedCount == 0 ? "" : ", \(cache.excludedCount) left out"
        return
            "features come from \(cache.folder): \(cache.count) views\(excluded), \(ByteCount.text(cache.byteCount)) on the disk; "
            + "read again in every epoch, fast while they fit the memory that is free"
    }

    /// The number of images.
    var count: Int { dataset.count }

    /// The fingerprint of the data set.
    var fingerprint: String { dataset.fingerprint }

    /// The faults of the data set.
    var faults: DataFaults { dataset.faults }

    /// Makes one example with its features.
    /// - Throws: ``TrainingError`` if the cache lacks the picture in its current state.
    func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample {
        let size = try dataset.size(at: row)
        let content = try contents.hash(of: row, dataset.path(at: row)) {
            try dataset.featureKey(at: row, view: view).content
        }
        let key = FeatureKey(content: content, row: row, view: view)
        if cache.excludes(key) { throw ExcludedPicture() }
        let features = try cache.read(key)
        let transform = try dataset.augmentation.draw(for: size, random: &random).transform
        let pixels = try Tensor.zeros([1, 1, 1])
            .expanded([3, transform.target.height, transform.target.width])
        var example = try dataset.example(at: row, transform: transform, pixels: pixels)
        example.features = cache.identity.levels.compactMap { features[$0] }
        return example
    }
}

/// Hashes of files by row, recomputed when a file's size or time changes.
private final class ContentHashes: Sendable {
    private struct Entry {
        let size: Int?
        let date: Int64?
        let hash: String
    }

    private let entries = Mutex<[Int: Entry]>([:])

    func hash(of row: Int, _ path: String, _ make: () throws -> String) rethrows -> String {
        let status = FileStatus(path)
        let (size, date) = (status?.byteCount, status?.modification)
        if let entry = entries.withLock({ $0[row] }), entry.size == size, entry.date == date {
            return entry.hash
        }
        let hash = try make()
        entries.withLock { $0[row] = Entry(size: size, date: date, hash: hash) }
        return hash
    }
}

extension TrainingDataset {
    /// The name of a view of a picture in a feature cache; determined by the contents of the picture's file and its
    /// row.
    /// - Throws: ``TrainingError`` if the file cannot be read.
    func featureKey(at row: Int, view: Int) throws -> FeatureKey {
        try FeatureKey(path: path(at: row), row: row, view: view)
    }

    /// Everything that determines the frozen network's input pixels, for ``FeatureCacheIdentity/preprocessing``.
    /// - Parameters:
    ///   - seed: The loader's seed.
    ///   - viewCount: The loader's number of views.
    ///   - more: Other determining factors, such as the frame that pictures are padded to.
    /// - Throws: `EncodingError` for settings that are not numbers.
    func preprocessingIdentity(seed: UInt64, viewCount: Int, more: String = "") throws -> String {
        struct Identity: Encodable {
            var augmentation: Augmentation
            var normalization: PixelNormalization
            /// Nil for the usual one: caches of before say nothing of it.
            var filter: String?
            var seed: UInt64
            var viewCount: Int
            var more: String
        }
        return try JSONText.line(
            Identity(
                augmentation: augmentation, normalization: normalization,
                filter: filter == .bilinear ? nil : filter.rawValue, seed: seed, viewCount: viewCount,
                more: more))
    }
}
