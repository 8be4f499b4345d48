/// A convolution of images.
///
/// Parameters: `weight` [outputs, inputs / groups, height, width], `bias` [outputs].
public struct Conv2d: UnaryLayer {
    /// [outputs, inputs / groups, height, width].
    public let weight: Parameter

    /// [outputs], or none.
    public let bias: Parameter?

    /// Steps of the window.
    public let stride: Size2D

    /// Zeros added on every side.
    public let padding: Size2D

    /// Distances between the places that a window looks at.
    public let dilation: Size2D

    /// How many independent parts the channels are divided into.
    public let groups: Int

    /// Declares a convolution.
    /// - Parameters:
    ///   - initializer: Of the weight; PyTorch's uniform one when left out.
    ///   - biasInitializer: Of the bias; PyTorch's uniform one when left out.
    /// - Throws: ``TorchError`` when the names are taken or the groups do not divide the channels.
    public init(
        _ scope: ParameterScope, inputs: Int, outputs: Int, kernel: Size2D, stride: Size2D = 1,
        padding: Size2D = 0, dilation: Size2D = 1, groups: Int = 1, bias: Bool = true,
        initializer: Initializer? = nil, biasInitializer: Initializer? = nil
    ) throws {
        guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
            throw TorchError(
                "Conv2d \(scope.path)",
                reason: "\(groups) groups do not divide \(inputs) and \(outputs) channels")
        }
        let standard = Initializer.fanUniform(inputs: inputs / groups * kernel.height * kernel.width)
        weight = try scope.weight(
            "weight", [outputs, inputs / groups, kernel.height, kernel.width], initializer ?? standard)
        self.bias = bias ? try scope.weight("bias", [outputs], biasInitializer ?? standard) : nil
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
    }

    /// Convolves [N, inputs, H, W] to [N, outputs, H', W'].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.conv2d(
            weight.value, bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
}
