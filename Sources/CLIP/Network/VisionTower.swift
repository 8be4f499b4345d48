import Torch

/// CLIP's image tower of either kind. What both do is here; what only one can do is reached through the case.
public enum VisionTower: Sendable {
    /// Patches and a transformer.
    case transformer(VisionTransformer)
    /// A modified ResNet and the attention pool that belongs to it.
    case resNet(ModifiedResNet, AttentionPool)

    /// What the first stage made of pictures, for the pooling that follows.
    public enum Features: Sendable {
        /// Of a transformer.
        case transformer(VisionTransformer.Features)
        /// Of a ResNet.
        case resNet(ModifiedResNet.Features)
    }

    /// Declares the tower that a configuration describes.
    /// - Parameter scope: That of the whole CLIP, below which the names of ``CheckpointFormat`` begin.
    /// - Throws: ``CLIPError`` for impossible sizes, or a ResNet under the names of transformers, which has none;
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

    /// The side in pixels of the square pictures that the tower was trained with.
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

    /// The first stage.
    /// - Parameter pixels: [N, 3, H, W], normalised.
    /// - Throws: ``CLIPError`` for pictures that are too small, `TorchError`.
    package func features(of pixels: Tensor) throws -> Features {
        switch self {
        case .transformer(let tower): .transformer(try tower.features(of: pixels))
        case .resNet(let trunk, _): .resNet(try trunk.features(of: pixels))
        }
    }

    /// The second stage: embeddings of whole pictures, [N, E], not of length 1.
    /// - Throws: ``CLIPError`` when a ResNet's pictures are not of the trained size or the features are of the other
    ///   kind of tower, `TorchError`.
    package func embedding(of features: Features) throws -> Tensor {
        switch (self, features) {
        case (.transformer(let tower), .transformer(let features)): return try tower.embedding(of: features)
        case (.resNet(_, let pool), .resNet(let features)): return try pool(features.c5)
        default: throw CLIPError("image tower", reason: "the features are of another kind of tower")
        }
    }

    /// Both stages.
    /// - Throws: As the stages.
    package func embedding(of pixels: Tensor) throws -> Tensor { try embedding(of: features(of: pixels)) }
}
