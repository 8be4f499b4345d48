/// A linear map of the last dimension: x W^T + b.
///
/// Parameters: `weight` [outputs, inputs], `bias` [outputs].
public struct Linear: UnaryLayer {
    /// [outputs, inputs].
    public let weight: Parameter

    /// [outputs], or none.
    public let bias: Parameter?

    /// Declares a linear map.
    /// - Parameters:
    ///   - initializer: Of the weight; PyTorch's uniform one when left out.
    ///   - biasInitializer: Of the bias; PyTorch's uniform one when left out.
    /// - Throws: ``TorchError`` when the names are taken.
    public init(
        _ scope: ParameterScope, inputs: Int, outputs: Int, bias: Bool = true,
        initializer: Initializer? = nil, biasInitializer: Initializer? = nil
    ) throws {
        let standard = Initializer.fanUniform(inputs: inputs)
        weight = try scope.weight("weight", [outputs, inputs], initializer ?? standard)
        self.bias = bias ? try scope.weight("bias", [outputs], biasInitializer ?? standard) : nil
    }

    /// Maps [..., inputs] to [..., outputs].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.linear(weight.value, bias?.value)
    }
}
