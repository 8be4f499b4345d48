import Detection
import FVLM
import Foundation
import Imaging
import Torch

/// A data set whose pictures need not be decoded, since the frozen network's features of them are in a cache.
///
/// Boxes and masks are made as ``TrainingDataset`` makes them for the same seed and view; pixels are an empty tensor of the
/// right shape that takes no memory.
public struct CachedDataset: ExampleSource {
    /// Where boxes and masks come from.
    public let dataset: TrainingDataset

    /// Where features come from.
    public let cache: FeatureCache

    private let attach: @Sendable (inout TrainingExample, [String: Tensor]) throws -> Void

    /// A data set upon a cache.
    /// - Parameter attach: Puts the features of a view, by level, into its example.
    public init(
        _ dataset: TrainingDataset, cache: FeatureCache,
        attach: @escaping @Sendable (inout TrainingExample, [String: Tensor]) throws -> Void
    ) {
        self.dataset = dataset
        self.cache = cache
        self.attach = attach
    }

    /// The number of images.
    public var count: Int { dataset.count }

    /// That of the data set.
    public var fingerprint: String { dataset.fingerprint }

    /// One example with its features.
    /// - Throws: ``TrainingError`` when the cache lacks the picture as it is now.
    public func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample {
        let features = try cache.read(dataset.featureKey(at: row, view: view))
        let size = try ImageHeader(contentsOf: dataset.path(at: row)).size
        let transform = try dataset.augmentation.draw(for: size, random: &random).transform
        let pixels = try Tensor.zeros([1, 1, 1])
            .expanded([3, transform.target.height, transform.target.width])
        var example = try dataset.example(at: row, transform: transform, pixels: pixels)
        try attach(&example, features)
        return example
    }
}

extension TrainingDataset {
    /// The name of a view of a picture in a feature cache; follows from the contents of the picture's file.
    /// - Throws: ``TrainingError`` when the file cannot be read.
    public func featureKey(at row: Int, view: Int) throws -> FeatureKey {
        try FeatureKey(path: path(at: row), view: view)
    }

    /// Everything that decides what pixels a frozen network sees, for ``FeatureCacheIdentity/preprocessing``.
    /// - Parameters:
    ///   - seed: The loader's seed.
    ///   - viewCount: The loader's number of views.
    /// - Throws: `EncodingError` for settings that are not numbers.
    public func preprocessingIdentity(seed: UInt64, viewCount: Int) throws -> String {
        struct Identity: Encodable {
            var augmentation: Augmentation
            var normalization: PixelNormalization
            var seed: UInt64
            var viewCount: Int
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let identity = Identity(
            augmentation: augmentation, normalization: normalization, seed: seed, viewCount: viewCount)
        return String(decoding: try encoder.encode(identity), as: UTF8.self)
    }
}
