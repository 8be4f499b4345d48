import CLIP
import RegionDetection
import Torch

/// CLIP's ResNet: C2 to C5, and an attention pool.
package struct ResNetTrunk: Trunk {
    let tower: ModifiedResNet
    let pool: AttentionPool
    /// How the attention pool's crops are sampled.
    let sampling: RegionSampling

    /// Creates a trunk from a ResNet.
    /// - Parameter sampling: How the attention pool's crops are sampled.
    package init(_ tower: ModifiedResNet, _ pool: AttentionPool, sampling: RegionSampling = .cellCenters) {
        self.tower = tower
        self.pool = pool
        self.sampling = sampling
    }

    /// The names of the maps.
    package var levelNames: [String] { (2...5).map { "C\($0)" } }

    /// C2 to C5 of a batch.
    package func features(of pixels: Tensor) throws -> ModifiedResNet.Features {
        try withoutGradients { try tower.features(of: pixels) }
    }

    /// C2 to C5.
    package func levels(of features: ModifiedResNet.Features) -> [Tensor] { features.all }

    /// A scorer by attention pooling or by crops.
    package func scorer(for options: ScoringOptions) throws -> (any RegionScorer<ModifiedResNet.Features>)? {
        let kind = options.scorer ?? .attentionPool
        try kind.checkDense(options)
        switch kind {
        case .attentionPool:
            return AttentionPoolScorer(tower: tower, pool: pool, options: options, sampling: sampling)
        case .crop: return CropScorer<ModifiedResNet.Features>(tower: .resNet(tower, pool))
        case .none: return nil
        case .denseValue, .lastHidden:
            throw ConfigurationError(
                key: "scoring.scorer",
                reason:
                    "'\(kind.rawValue)' is for vision transformers; a ResNet supports attentionPool, crop, none"
            )
        }
    }
}

extension ScoringOptions.Scorer {
    fileprivate func checkDense(_ options: ScoringOptions) throws {
        guard !options.vlmDense || self == .attentionPool else {
            throw ConfigurationError(
                key: "scoring.vlmDense", reason: "applies to the scorer attentionPool, not to '\(rawValue)'")
        }
    }
}
