/// Normalisation over the last dimension.
///
/// Parameters: `weight`, `bias` [width].
public struct LayerNorm: UnaryLayer {
    /// The factor of every place, [width].
    public let weight: Parameter

    /// The summand of every place, [width].
    public let bias: Parameter

    /// Added to the variance.
    public let epsilon: Double

    private let shape: [Int]

    /// Declares a layer normalisation.
    /// - Throws: ``TorchError`` when the names are taken.
    public init(_ scope: ParameterScope, width: Int, epsilon: Double = 1e-5) throws {
        weight = try scope.weight("weight", [width], .ones)
        bias = try scope.weight("bias", [width], .zeros)
        shape = [width]
        self.epsilon = epsilon
    }

    /// Normalises [..., width].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.layerNorm(shape, weight: weight.value, bias: bias.value, epsilon: epsilon)
    }
}
