/// A convolution of images.
///
/// Parameters: `weight` [outputs, inputs / groups, height, width], `bias` [outputs].
///
/// ```swift
/// let store = ParameterStore()
/// let convolution = try Conv2d(store.root / "conv1", inputs: 3, outputs: 64, kernel: 3, padding: 1)
/// let y = try convolution(images)  // [N, 3, H, W] -> [N, 64, H, W]
/// ```
public struct Conv2d: UnaryLayer {
    /// How a convolution is computed. The ways differ in speed and in the last digits.
    public enum Strategy: Sendable, Hashable {
        /// libtorch's kernels.
        case libtorch
        /// Winograd's filtering of `float32` maps in main memory for plain 3x3 convolutions with many channels, which
        /// the heads and the pyramid of a detector spend most of their time in; libtorch's kernels otherwise. Supports
        /// first derivatives only. Results do not depend on the number of threads.
        case winograd
    }

    /// [outputs, inputs / groups, height, width].
    public let weight: Parameter

    /// [outputs], or none.
    public let bias: Parameter?

    /// Steps of the window.
    package let stride: Size2D

    /// Zeros added on every side.
    package let padding: Size2D

    /// Distances between the places that a window looks at.
    package let dilation: Size2D

    /// How many independent parts the channels are divided into.
    package let groups: Int

    /// How it is computed.
    package let strategy: Strategy

    /// Declares a convolution.
    /// - Parameters:
    ///   - initializer: Of the weight; PyTorch's uniform one when left out.
    ///   - biasInitializer: Of the bias; PyTorch's uniform one when left out.
    /// - Throws: ``TorchError`` when the names are taken or the groups do not divide the channels.
    public init(
        _ scope: ParameterScope, inputs: Int, outputs: Int, kernel: Size2D, stride: Size2D = 1,
        padding: Size2D = 0, dilation: Size2D = 1, groups: Int = 1, bias: Bool = true,
        initializer: Initializer? = nil, biasInitializer: Initializer? = nil, strategy: Strategy = .libtorch
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
        self.strategy = strategy
    }

    /// Convolves [N, inputs, H, W] to [N, outputs, H', W'].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        if let filter = try winograd(input) {
            return try filter(input, weight: weight.value, bias: bias?.value, rectified: false)
        }
        return try input.conv2d(
            weight.value, bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }

    /// Convolves [N, inputs, H, W] to [N, outputs, H', W'] and sets negative numbers to zero.
    public func rectified(_ input: Tensor) throws -> Tensor {
        guard let filter = try winograd(input) else { return try self(input).relu() }
        return try filter(input, weight: weight.value, bias: bias?.value, rectified: true)
    }

    /// The filter that computes this convolution of an input; nil where libtorch does.
    private func winograd(_ input: Tensor) throws -> WinogradFilter? {
        guard strategy == .winograd, stride == 1, padding == 1, dilation == 1, groups == 1 else { return nil }
        let weight = try weight.value
        // With few channels the transforms cost more than they save.
        guard
            try input.rank == 4 && weight.shape[2] == 3 && weight.shape[3] == 3
                && input.shape[1] == weight.shape[1] && !isAutocasting
                && weight.shape[0] % 16 == 0 && weight.shape[1] % 16 == 0
                && min(weight.shape[0], weight.shape[1]) >= 64 && WinogradFilter.suits(maps: input.shape)
                && input.dtype == .float32 && weight.dtype == .float32 && input.device == .cpu
                && weight.device == .cpu
        else { return nil }
        return WinogradFilter(maps: input.shape)
    }
}

/// The transpose of a convolution, which enlarges images.
///
/// Parameters: `weight` [inputs, outputs, height, width], `bias` [outputs].
///
/// ```swift
/// let store = ParameterStore()
/// let doubling = try ConvTranspose2d(store.root / "deconv", inputs: 256, outputs: 256, kernel: 2, stride: 2)
/// let y = try doubling(maps)  // [N, 256, H, W] -> [N, 256, 2 H, 2 W]
/// ```
public struct ConvTranspose2d: UnaryLayer {
    /// [inputs, outputs, height, width].
    public let weight: Parameter

    /// [outputs], or none.
    public let bias: Parameter?

    /// Steps of the window in the output.
    package let stride: Size2D

    /// Rows and columns cut from every side of the output.
    package let padding: Size2D

    /// Rows and columns added at the bottom and at the right of the output.
    package let outputPadding: Size2D

    /// Rows and columns of a window.
    private let size: Size2D

    /// Declares a transposed convolution.
    /// - Parameters:
    ///   - initializer: Of the weight; PyTorch's uniform one when left out.
    ///   - biasInitializer: Of the bias; PyTorch's uniform one when left out.
    /// - Throws: ``TorchError`` when the names are taken.
    public init(
        _ scope: ParameterScope, inputs: Int, outputs: Int, kernel: Size2D, stride: Size2D = 1,
        padding: Size2D = 0, outputPadding: Size2D = 0, bias: Bool = true, initializer: Initializer? = nil,
        biasInitializer: Initializer? = nil
    ) throws {
        // PyTorch takes the second dimension for the inputs here too, which are the outputs.
        let standard = Initializer.fanUniform(inputs: outputs * kernel.height * kernel.width)
        weight = try scope.weight(
            "weight", [inputs, outputs, kernel.height, kernel.width], initializer ?? standard)
        self.bias = bias ? try scope.weight("bias", [outputs], biasInitializer ?? standard) : nil
        size = kernel
        self.stride = stride
        self.padding = padding
        self.outputPadding = outputPadding
    }

    /// Enlarges [N, inputs, H, W] to [N, outputs, H', W'].
    ///
    /// Windows that do not overlap are the rows of a matrix product. libtorch has no fast way for these: the gradient of
    /// the bias alone took a twentieth of a detector's training step.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        guard hasDisjointWindows, input.rank == 4 else {
            return try input.convTranspose2d(
                weight.value, bias?.value, stride: stride, padding: padding, outputPadding: outputPadding)
        }
        return try assembled(windows(input))
    }

    /// Whether every pixel makes a window of its own, so that ``windows(_:)`` can be had.
    package var hasDisjointWindows: Bool {
        stride == size && padding == 0 && outputPadding == 0
    }

    /// The pixels of the enlarged image in an order that costs nothing: window after window instead of row after row.
    ///
    /// Layers that look at single pixels may work on these, and ``assembled(_:)`` puts what they make of it in its place.
    /// - Parameters:
    ///   - input: [N, inputs, H, W].
    ///   - rectified: Sets negative numbers to zero.
    /// - Returns: [N, outputs, H, W x window], channels last.
    /// - Throws: ``TorchError`` when windows overlap, or the input is of another shape.
    package func windows(_ input: Tensor, rectified: Bool = false) throws -> Tensor {
        guard hasDisjointWindows else {
            throw TorchError(
                "ConvTranspose2d", reason: "windows of \(size) at a stride of \(stride) are not disjoint")
        }
        let weight = try weight.value
        guard input.rank == 4, input.shape[1] == weight.shape[0] else {
            throw TorchError(
                "ConvTranspose2d", reason: "\(input.summary) is not [N, \(weight.shape[0]), H, W]")
        }
        let (outputs, pixels) = (weight.shape[1], size.height * size.width)
        let rows = try weight.permuted([2, 3, 1, 0]).reshaped([pixels * outputs, weight.shape[0]])
        let biases = try bias?.value.expanded([pixels, outputs]).flattened()
        let (batch, height, width) = (input.shape[0], input.shape[2], input.shape[3])
        let products = try input.permuted([0, 2, 3, 1]).reshaped([batch * height * width, weight.shape[0]])
            .linear(rows, biases)
        // In place, for this is the largest of a detector's tensors.
        if rectified { try products.reluInPlace() }
        return try products.reshaped([batch, height, width * pixels, outputs]).permuted([0, 3, 1, 2])
    }

    /// The image whose pixels ``windows(_:)`` has made, or layers of these.
    /// - Parameter windows: [N, C, H, W x window].
    /// - Returns: [N, C, H', W'], channels last.
    /// - Throws: ``TorchError`` for another shape, whose width is no multiple of the window's pixels.
    package func assembled(_ windows: Tensor) throws -> Tensor {
        let pixels = size.height * size.width
        guard windows.rank == 4, windows.shape[3] % pixels == 0 else {
            throw TorchError(
                "ConvTranspose2d", reason: "\(windows.summary) is not [N, C, H, a multiple of \(pixels)]")
        }
        let (channels, height, columns) = (windows.shape[1], windows.shape[2], windows.shape[3] / pixels)
        return try windows.permuted([0, 2, 3, 1])
            .reshaped([windows.shape[0], height, columns, size.height, size.width, channels])
            .permuted([0, 1, 3, 2, 4, 5])
            .reshaped([windows.shape[0], height * size.height, columns * size.width, channels])
            .permuted([0, 3, 1, 2])
    }
}
