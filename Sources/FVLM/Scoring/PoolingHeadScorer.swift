import CLIP
import RegionDetection
import Torch

/// A Perception Encoder's pooling head on crops of its last tokens: the published method on a transformer.
///
/// The head sees the patches of a crop, normalized, without the class token, positions or rotary turns.
package struct PoolingHeadScorer: RegionScorer {
    let tower: VisionTransformer
    let head: PoolingHead
    let options: ScoringOptions

    /// The cells along a side of a crop.
    package static let gridSize = 4

    /// - Throws: `ConfigurationError` for a tower without a pooling head.
    package init(tower: VisionTransformer, options: ScoringOptions = ScoringOptions()) throws {
        guard let head = tower.poolingHead else {
            throw ConfigurationError(
                key: "scoring.scorer",
                reason: "'attentionPool' is for ResNets and Perception Encoders; this vision transformer has "
                    + "denseValue, lastHidden, crop, none")
        }
        self.tower = tower
        self.head = head
        self.options = options
    }

    /// Embeddings of regions, [R, E] `float32`.
    package func embeddings(of boxes: [Boxes], features: VisionTransformer.Features, pixels: Tensor) throws
        -> Tensor
    {
        try tower.embeddings(of: boxes, features: features, pixels: pixels, options) {
            try head.projected(tower.normalizedMap(of: $0))
        } embed: { level, regions in
            let crops = try roiAlign(
                [level], regions, output: Size2D(Self.gridSize), sampling: .aligned(ratio: 2),
                format: .contiguous)
            return try tower.embedding(ofPooled: head.pooled(crops)).to(.float32)
        }
    }
}
