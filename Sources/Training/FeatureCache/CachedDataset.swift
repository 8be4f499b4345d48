import FVLM
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

    /// A data set upon a cache.
    public init(_ dataset: TrainingDataset, cache: FeatureCache) {
        self.dataset = dataset
        self.cache = cache
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
        example.features = cache.identity.levels.compactMap { features[$0] }
        return example
    }
}
