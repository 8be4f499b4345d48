import CLIP
import Torch

/// CLIP's vision transformer: the tokens of one block as a single map, and the patch embeddings of the last.
package struct TransformerTrunk: Trunk {
    let tower: VisionTransformer
    /// The block whose tokens feed the pyramid, counted from 1.
    let block: Int

    /// Creates a trunk from a vision transformer.
    /// - Parameter block: The block whose tokens feed the pyramid, counted from 1; nil: at two thirds of the depth.
    /// - Throws: `ConfigurationError` for a block that the tower lacks.
    package init(_ tower: VisionTransformer, block: Int? = nil) throws {
        let depth = tower.configuration.transformer.depth
        self.tower = tower
        self.block = block ?? max(depth * 2 / 3, 1)
        guard (1...depth).contains(self.block) else {
            throw ConfigurationError(
                key: "trunk.featureBlock", reason: "must be from 1 to \(depth), not \(self.block)")
        }
    }

    /// The name of the map.
    package var levelNames: [String] { ["block\(block)"] }

    /// The tokens of a batch.
    package func features(of pixels: Tensor) throws -> VisionTransformer.Features {
        try withoutGradients { try tower.features(of: pixels, keeping: [block]) }
    }

    /// The block's tokens as a map.
    package func levels(of features: VisionTransformer.Features) throws -> [Tensor] {
        [try features.map(at: block)]
    }

    /// A scorer on a map of patch embeddings, by a pooling head or by crops.
    package func scorer(for options: ScoringOptions) throws -> (any RegionScorer<VisionTransformer.Features>)?
    {
        try tower.scorer(for: options, isNormalized: tower.configuration.design == .eva02)
    }
}

extension VisionTransformer {
    /// The scorer of any trunk that is made of this tower.
    /// - Parameter isNormalized: Whether patch embeddings have the length 1 before they are averaged.
    func scorer(for options: ScoringOptions, isNormalized: Bool) throws -> (any RegionScorer<Features>)? {
        let kind = options.scorer ?? (poolingHead == nil ? .denseValue : .attentionPool)
        guard !options.vlmDense else {
            throw ConfigurationError(
                key: "scoring.vlmDense", reason: "is for the attentionPool of ResNets")
        }
        guard poolingHead == nil || kind != .denseValue && kind != .lastHidden else {
            throw ConfigurationError(
                key: "scoring.scorer",
                reason:
                    "'\(kind.rawValue)' is for towers that embed single patches; a Perception Encoder has "
                    + "attentionPool, crop, none")
        }
        switch kind {
        case .denseValue: return DenseMapScorer(tower: self, options: options, isNormalized: isNormalized)
        case .lastHidden:
            return DenseMapScorer(
                tower: self, options: options, usesValuePath: false, isNormalized: isNormalized)
        case .attentionPool: return try PoolingHeadScorer(tower: self, options: options)
        case .crop: return CropScorer<Features>(tower: .transformer(self))
        case .none: return nil
        }
    }
}
