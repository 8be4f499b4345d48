import CLIP
import Foundation

extension TrainingDataset {
    /// The name of a view of a picture in a feature cache; follows from the contents of the picture's file and its place.
    /// - Throws: ``TrainingError`` when the file cannot be read.
    public func featureKey(at row: Int, view: Int) throws -> FeatureKey {
        try FeatureKey(path: path(at: row), row: row, view: view)
    }

    /// Everything that decides what pixels a frozen network sees, for ``FeatureCacheIdentity/preprocessing``.
    /// - Parameters:
    ///   - seed: The loader's seed.
    ///   - viewCount: The loader's number of views.
    ///   - more: What else decides, such as the frame that pictures are padded to.
    /// - Throws: `EncodingError` for settings that are not numbers.
    public func preprocessingIdentity(seed: UInt64, viewCount: Int, more: String = "") throws -> String {
        struct Identity: Encodable {
            var augmentation: Augmentation
            var normalization: PixelNormalization
            var seed: UInt64
            var viewCount: Int
            var more: String
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let identity = Identity(
            augmentation: augmentation, normalization: normalization, seed: seed, viewCount: viewCount,
            more: more)
        return String(decoding: try encoder.encode(identity), as: UTF8.self)
    }
}
