/// How the channels of a layer's output are normalised.
public enum Normalization: Sendable, Hashable {
    /// No normalisation.
    case none

    /// Batch normalisation. `momentum` is the weight of a batch in the new running statistics; Flax and the published
    /// F-VLM specify 1 minus this (0.997). Parameters and running statistics match those of synchronised batch
    /// normalisation, so weights trained with either can be used with the other.
    case batch(epsilon: Double = 1e-5, momentum: Double = 0.1)

    /// Over groups of channels, for small batches.
    case group(groups: Int = 32, epsilon: Double = 1e-5)

    /// Over the channels of every pixel, as in ViTDet.
    case layer(epsilon: Double = 1e-6)

    /// The normalisation of the published F-VLM's pyramid and heads.
    public static let published = Normalization.batch(epsilon: 1e-4, momentum: 0.003)

    /// The layer for `channels` channels, nil for ``none``.
    /// - Throws: ``TorchError`` if names are taken or groups do not divide the channels.
    func layer(_ scope: ParameterScope, channels: Int) throws -> (any UnaryLayer)? {
        switch self {
        case .none: nil
        case .batch(let epsilon, let momentum):
            try BatchNorm2d(scope, channels: channels, epsilon: epsilon, momentum: momentum)
        case .group(let groups, let epsilon):
            try GroupNorm(scope, groups: groups, channels: channels, epsilon: epsilon)
        case .layer(let epsilon): try ChannelNorm(scope, channels: channels, epsilon: epsilon)
        }
    }
}

/// Layer normalisation over the channels of [N, C, H, W].
struct ChannelNorm: UnaryLayer {
    private let norm: LayerNorm

    init(_ scope: ParameterScope, channels: Int, epsilon: Double) throws {
        norm = try LayerNorm(scope, width: channels, epsilon: epsilon)
    }

    func callAsFunction(_ input: Tensor) throws -> Tensor {
        guard input.rank == 4 else { return try norm(input) }
        return try norm(input.permuted([0, 2, 3, 1])).permuted([0, 3, 1, 2])
    }
}
