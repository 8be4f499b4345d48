/// How the channels of a layer's output are normalized.
public enum Normalization: Sendable, Hashable {
    /// No normalization.
    case none

    /// Batch normalization. `momentum` is the weight of a batch in the new running statistics; Flax and the published
    /// F-VLM specify 1 minus this (0.997). Parameters and running statistics match those of synchronized batch
    /// normalization, so weights trained with either can be used with the other.
    case batch(epsilon: Double = 1e-5, momentum: Double = 0.1)

    /// Over groups of channels, for small batches.
    case group(groups: Int = 32, epsilon: Double = 1e-5)

    /// Over the channels of every pixel, as in ViTDet.
    case layer(epsilon: Double = 1e-6)

    /// The normalization of the published F-VLM's pyramid and heads.
    public static let published = Normalization.batch(epsilon: 1e-4, momentum: 0.003)

    /// The layer for `channels` channels, nil for ``none``.
    /// - Throws: `TorchError` if names are taken or groups do not divide the channels.
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

/// Layer normalization over the channels of [N, C, H, W].
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

/// A layer followed by an optional normalization (parameters below `norm`) and an optional activation.
struct NormalizedLayer: UnaryLayer {
    let layer: any UnaryLayer
    let norm: (any UnaryLayer)?
    let activation: Activation?

    func callAsFunction(_ input: Tensor) throws -> Tensor {
        if norm == nil, activation == .relu { return try layer.rectified(input) }
        var output = try layer(input)
        if let norm { output = try norm(output) }
        return try activation.map { try $0(output) } ?? output
    }

    /// Applies the layer for a single one that reads the result, see `ProductLayer`.
    func callAsFunction(_ input: Tensor, for next: NormalizedLayer?) throws -> Tensor {
        guard norm == nil, activation == .relu, let product = layer as? any ProductLayer,
            let form = (next?.layer as? any ProductLayer)?.form
        else { return try self(input) }
        return try product.rectified(input, for: form)
    }

    /// Whether the layer computes in bytes.
    var isInBytes: Bool { (layer as? any ProductLayer)?.form.isInBytes ?? false }

    /// Applies layers in sequence.
    static func chain(_ layers: [NormalizedLayer], _ input: Tensor) throws -> Tensor {
        try layers.indices.reduce(input) { input, place in
            try layers[place](input, for: place + 1 < layers.count ? layers[place + 1] : nil)
        }
    }

    /// Declares a zero-padded convolution whose 3x3 kernel keeps the map's size.
    static func convolution(
        _ scope: ParameterScope, inputs: Int, outputs: Int, kernel: Int, bias: Bool,
        normalization: Normalization = .none, activation: Activation? = nil, initializer: Initializer
    ) throws -> NormalizedLayer {
        let convolution = try Conv2d(
            scope, inputs: inputs, outputs: outputs, kernel: Size2D(kernel), padding: Size2D(kernel / 2),
            bias: bias, initializer: initializer, biasInitializer: .zeros, strategy: .winograd)
        return NormalizedLayer(
            layer: convolution, norm: try normalization.layer(scope / "norm", channels: outputs),
            activation: activation)
    }
}

extension Initializer {
    /// detectron2's `c2_xavier_fill`: uniform with variance 1 / inputs.
    static let caffe2Xavier = Initializer.kaimingUniform(.input, gain: 1)

    /// detectron2's `c2_msra_fill`, and Flax's variance scaling by 2 over the fan-out.
    static let caffe2MSRA = Initializer.kaimingNormal(.output)
}
