/// A layer followed by an optional normalisation (parameters below `norm`) and an optional activation.
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
