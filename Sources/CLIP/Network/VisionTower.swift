import Torch

/// CLIP's image tower of either kind. Common operations are methods here; operations of one kind are reached through
/// the case.
public enum VisionTower: Sendable {
    /// Patches and a transformer.
    case transformer(VisionTransformer)
    /// A modified ResNet and its attention pool.
    case resNet(ModifiedResNet, AttentionPool)

    /// The output of the first stage, to be pooled.
    public enum Features: Sendable {
        /// Features of a transformer.
        case transformer(VisionTransformer.Features)
        /// Features of a ResNet.
        case resNet(ModifiedResNet.Features)
    }

    /// Declares the tower that a configuration describes.
    /// - Parameter scope: The scope of the whole CLIP; the names of ``CheckpointFormat`` are relative to it.
    /// - Throws: ``CLIPError`` for impossible sizes, or for a ResNet with transformers' names, which do not cover it;
    ///   `TorchError`.
    package init(
        _ scope: ParameterScope, _ configuration: CLIPConfiguration.Vision, format: CheckpointFormat
    ) throws {
        switch configuration {
        case .transformer(let configuration):
            self = .transformer(try VisionTransformer(scope, configuration, format: format))
        case .resNet(let configuration):
            guard let name = format.names.resNet else {
                throw CLIPError("image tower", reason: "transformers has no names for CLIP's ResNets")
            }
            let tower = scope / name
            self = .resNet(
                try ModifiedResNet(tower, configuration),
                try AttentionPool(tower / "attnpool", configuration))
        }
    }

    /// The side in pixels of the square training images.
    package var imageSize: Int {
        switch self {
        case .transformer(let tower): tower.configuration.imageSize
        case .resNet(let trunk, _): trunk.configuration.imageSize
        }
    }

    /// The width E of an embedding.
    package var embeddingWidth: Int {
        switch self {
        case .transformer(let tower): tower.configuration.embeddingWidth
        case .resNet(_, let pool): pool.embeddingWidth
        }
    }

    /// Runs the first stage.
    /// - Parameter pixels: [N, 3, H, W], normalized.
    /// - Throws: ``CLIPError`` for images that are too small, `TorchError`.
    package func features(of pixels: Tensor) throws -> Features {
        switch self {
        case .transformer(let tower): .transformer(try tower.features(of: pixels))
        case .resNet(let trunk, _): .resNet(try trunk.features(of: pixels))
        }
    }

    /// Runs the second stage: embeddings of whole images, [N, E], not of length 1.
    /// - Throws: ``CLIPError`` if a ResNet's images are not of the trained size or the features come from the other
    ///   kind of tower, `TorchError`.
    package func embedding(of features: Features) throws -> Tensor {
        switch (self, features) {
        case (.transformer(let tower), .transformer(let features)): return try tower.embedding(of: features)
        case (.resNet(_, let pool), .resNet(let features)): return try pool(features.c5)
        default: throw CLIPError("image tower", reason: "the features come from the other kind of tower")
        }
    }

    /// Runs both stages.
    /// - Throws: The errors of both stages.
    package func embedding(of pixels: Tensor) throws -> Tensor { try embedding(of: features(of: pixels)) }
}
