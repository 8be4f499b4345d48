import CLIP
import RegionDetection
import Torch

/// A frozen image tower in the detector's two roles: it provides the pyramid's maps, and creates the scorer that
/// compares regions with texts. No gradient flows into it, and its statistics never change.
public protocol Trunk: Sendable {
    /// The tower's features for a batch.
    associatedtype Features: Sendable

    /// The names of the pyramid's maps, in the order of ``levels(of:)-(Features)``.
    var levelNames: [String] { get }

    /// Computes the features of a batch.
    /// - Parameter pixels: [N, 3, H, W], normalised.
    /// - Throws: `CLIPError` for images that are too small, `TorchError`.
    func features(of pixels: Tensor) throws -> Features

    /// The pyramid's input maps, finest first, [N, C, H, W].
    /// - Throws: `CLIPError`.
    func levels(of features: Features) throws -> [Tensor]

    /// Creates the scorer that embeds regions; nil if only the detector's score is used.
    /// - Throws: ``ConfigurationError`` for a scorer of the other kind of tower.
    func scorer(for options: ScoringOptions) throws -> (any RegionScorer<Features>)?
}

extension Trunk {
    /// The pyramid's maps of a batch.
    /// - Throws: The errors of ``features(of:)``.
    public func levels(of pixels: Tensor) throws -> [Tensor] {
        try withoutGradients { try levels(of: features(of: pixels)) }
    }

    /// The pyramid's maps for one image, [C, h, w] each: the contents of a cache.
    /// - Parameter image: [3, H, W], normalised.
    /// - Throws: The errors of ``features(of:)``.
    package func levels(ofImage image: Tensor, padding: ImageBatch.Padding, on device: Device) throws
        -> [Tensor]
    {
        try levels(of: ImageBatch([image.to(device: device)], padding: padding).pixels)
            .map { try $0.squeezed(0) }
    }

    /// The pyramid's maps for a batch of examples: from their cache, or computed.
    /// - Parameter device: The device of the tower.
    /// - Throws: `DetectionError` if only some of them have maps; the errors of ``features(of:)``.
    func levels(of examples: [TrainingExample], padding: ImageBatch.Padding, on device: Device) throws
        -> [Tensor]
    {
        guard let first = examples.first, !first.features.isEmpty else {
            let images = try examples.map { try $0.pixels(on: device) }
            return try levels(of: ImageBatch(images, padding: padding).pixels)
        }
        guard examples.allSatisfy({ $0.features.count == first.features.count }) else {
            throw DetectionError(
                "training", "some examples of a batch have the trunk's maps, others do not")
        }
        return try first.features.indices.map { level in
            // In the stored type on their way: half as much.
            try Tensor.stack(examples.map { $0.features[level] }).to(device: device, dtype: .float32)
        }
    }
}

extension Trunk {
    /// Embeddings of regions alone, [R, E] `float32`, not of length 1; nil without a scorer.
    /// - Parameters:
    ///   - boxes: The regions of each image, in pixels of the batch.
    ///   - pixels: The batch, [N, 3, H, W], normalised.
    /// - Throws: ``ConfigurationError`` for a scorer of the other kind of tower; `CLIPError`, `DetectionError`,
    ///   `TorchError`.
    package func embeddings(of boxes: [Boxes], in pixels: Tensor, _ options: ScoringOptions) throws -> Tensor?
    {
        try scorer(for: options)?.embeddings(of: boxes, features: features(of: pixels), pixels: pixels)
    }
}

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

/// CLIP's vision transformer: the tokens of one block as a single map, and the patch embeddings of the last.
package struct TransformerTrunk: Trunk {
    let tower: VisionTransformer
    /// The block whose tokens feed the pyramid, counted from 1.
    let block: Int

    /// Creates a trunk from a vision transformer.
    /// - Parameter block: The block whose tokens feed the pyramid, counted from 1; nil: at two thirds of the depth.
    /// - Throws: ``ConfigurationError`` for a block that the tower lacks.
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

    /// A scorer on a map of patch embeddings or by crops.
    package func scorer(for options: ScoringOptions) throws -> (any RegionScorer<VisionTransformer.Features>)?
    {
        let kind = options.scorer ?? .denseValue
        try kind.checkDense(options)
        switch kind {
        case .denseValue: return DenseMapScorer(tower: tower, options: options)
        case .lastHidden: return DenseMapScorer(tower: tower, options: options, usesValuePath: false)
        case .crop: return CropScorer<VisionTransformer.Features>(tower: .transformer(tower))
        case .none: return nil
        case .attentionPool:
            throw ConfigurationError(
                key: "scoring.scorer",
                reason:
                    "'attentionPool' is for ResNets; a vision transformer supports denseValue, lastHidden, crop, none"
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
