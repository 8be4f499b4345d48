import CLIP
import RegionDetection
import Torch

/// A mean over the patch embeddings of a vision transformer's map; of length 1 each first, if that is the trunk's rule.
package struct DenseMapScorer: RegionScorer {
    let tower: VisionTransformer
    let options: ScoringOptions
    /// Whether the map is the last block's value path, which is aligned with texts, or its plain output.
    let usesValuePath: Bool
    /// Whether patch embeddings have the length 1 before they are averaged, with about a sample for each of a region's
    /// patches: F-ViT's rule.
    let isNormalized: Bool

    /// - Parameters:
    ///   - usesValuePath: Whether the map is the last block's value path, which is aligned to texts, or its plain output.
    ///   - isNormalized: Whether patch embeddings have the length 1 before they are averaged: F-ViT's rule.
    package init(
        tower: VisionTransformer, options: ScoringOptions = ScoringOptions(), usesValuePath: Bool = true,
        isNormalized: Bool = false
    ) {
        self.tower = tower
        self.options = options
        self.usesValuePath = usesValuePath
        self.isNormalized = isNormalized
    }

    /// Embeddings of regions, [R, E] `float32`.
    package func embeddings(of boxes: [Boxes], features: VisionTransformer.Features, pixels: Tensor) throws
        -> Tensor
    {
        try tower.embeddings(of: boxes, features: features, pixels: pixels, options) {
            try map(of: $0).to(.float32)
        } embed: { level, regions in
            try roiAlign(
                [level], regions, output: Size2D(1), sampling: .aligned(ratio: isNormalized ? 0 : 2)
            ).flattened(from: 1)
        }
    }

    /// The patch embeddings as a map, [N, E, grid height, grid width].
    package func map(of features: VisionTransformer.Features) throws -> Tensor {
        let map = usesValuePath ? try tower.denseMap(of: features) : try tower.lastHiddenMap(of: features)
        return isNormalized ? try map.to(.float32).normalized(1) : map
    }
}
