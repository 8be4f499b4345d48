/// A convolution of images.
///
/// Parameters: `weight` [outputs, inputs / groups, height, width], `bias` [outputs].
///
/// ```swift
/// let store = ParameterStore()
/// let convolution = try Conv2d(store.root / "conv1", inputs: 3, outputs: 64, kernel: 3, padding: 1)
/// let y = try convolution(images)  // [N, 3, H, W] -> [N, 64, H, W]
/// ```
public struct Conv2d: ProductLayer {
    /// How a convolution is computed. Strategies differ in speed and in the last digits.
    public enum Strategy: Sendable, Hashable {
        /// libtorch's kernels.
        case libtorch
        /// Winograd's filtering for plain 3x3 convolutions of `float32` maps in main memory with many channels, which
        /// dominate the time of a detector's heads and pyramid; libtorch's kernels otherwise. Supports first
        /// derivatives only. Results do not depend on the number of threads.
        case winograd
    }

    /// [outputs, inputs / groups, height, width].
    public let weight: Parameter

    /// [outputs]; nil without a bias.
    public let bias: Parameter?

    /// The stride of the window.
    package let stride: Size2D

    /// Zeros added on every side.
    package let padding: Size2D

    /// The distance between the window's sampling positions.
    package let dilation: Size2D

    /// The number of independent groups of channels.
    package let groups: Int

    /// The strategy of computation.
    package let strategy: Strategy

    /// How the product is computed.
    package let form: ProductForm

    /// Declares a convolution.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - inputs: The number of input channels.
    ///   - outputs: The number of output channels.
    ///   - kernel: Rows and columns of the kernel.
    ///   - stride: The step between windows, in rows and columns.
    ///   - padding: Zeros added on each side, in rows and columns.
    ///   - dilation: The distance between the elements of a window.
    ///   - groups: The number of groups of channels that are convolved apart.
    ///   - bias: Whether a bias is added.
    ///   - initializer: The weight's initializer; PyTorch's uniform one by default.
    ///   - biasInitializer: The bias's initializer; PyTorch's uniform one by default.
    ///   - strategy: Which kernel computes it.
    /// - Throws: ``TorchError`` if the names are taken or the groups do not divide the channels.
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
        form = scope.productForm(
            .convolution(stride: stride, padding: padding), of: weight,
            isSupported: groups == 1 && dilation == 1)
    }

    /// Convolves [N, inputs, H, W] to [N, outputs, H', W'].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try form(input, bias: bias?.value) { try plain(input) }
    }

    /// Convolves [N, inputs, H, W] to [N, outputs, H', W'] and sets negative numbers to zero.
    public func rectified(_ input: Tensor) throws -> Tensor { try rectified(input, for: nil) }

    package func rectified(_ input: Tensor, for next: ProductForm?) throws -> Tensor {
        try form(input, bias: bias?.value, rectified: true, for: next) {
            guard let filter = try winograd(input) else { return try plain(input).relu() }
            return try filter(input, weight: weight.value, bias: bias?.value, rectified: true)
        }
    }

    private func plain(_ input: Tensor) throws -> Tensor {
        if let filter = try winograd(input) {
            return try filter(input, weight: weight.value, bias: bias?.value, rectified: false)
        }
        return try input.conv2d(
            weight.value, bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }

    /// The filter that computes this convolution of an input; nil if libtorch computes it.
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

/// A transposed convolution, which upsamples images.
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

    /// [outputs]; nil without a bias.
    public let bias: Parameter?

    /// The stride of the window in the output.
    package let stride: Size2D

    /// Rows and columns cropped from every side of the output.
    package let padding: Size2D

    /// Rows and columns added at the bottom and at the right of the output.
    package let outputPadding: Size2D

    /// Rows and columns of a window.
    private let size: Size2D

    /// How the product of ``windows(_:rectified:)`` is computed.
    package let form: ProductForm

    /// Declares a transposed convolution.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - inputs: The number of input channels.
    ///   - outputs: The number of output channels.
    ///   - kernel: Rows and columns of the kernel.
    ///   - stride: The step between windows, in rows and columns.
    ///   - padding: Zeros added on each side, in rows and columns.
    ///   - outputPadding: Rows and columns added to one side of the result.
    ///   - bias: Whether a bias is added.
    ///   - initializer: The weight's initializer; PyTorch's uniform one by default.
    ///   - biasInitializer: The bias's initializer; PyTorch's uniform one by default.
    /// - Throws: ``TorchError`` if the names are taken.
    public init(
        _ scope: ParameterScope, inputs: Int, outputs: Int, kernel: Size2D, stride: Size2D = 1,
        padding: Size2D = 0, outputPadding: Size2D = 0, bias: Bool = true, initializer: Initializer? = nil,
        biasInitializer: Initializer? = nil
    ) throws {
        // PyTorch treats the second dimension as inputs here too, although it holds the outputs.
        let standard = Initializer.fanUniform(inputs: outputs * kernel.height * kernel.width)
        weight = try scope.weight(
            "weight", [inputs, outputs, kernel.height, kernel.width], initializer ?? standard)
        self.bias = bias ? try scope.weight("bias", [outputs], biasInitializer ?? standard) : nil
        size = kernel
        self.stride = stride
        self.padding = padding
        self.outputPadding = outputPadding
        let parameter = weight
        form = scope.productForm(
            .linear, of: weight, isSupported: stride == size && padding == 0 && outputPadding == 0
        ) { try Self.rows(of: parameter.value) }
    }

    /// The weights of disjoint windows as those of a linear map, [window x outputs, inputs].
    private static func rows(of weight: Tensor) throws -> Tensor {
        try weight.permuted([2, 3, 1, 0]).reshaped([-1, weight.shape[0]])
    }

    /// Upsamples [N, inputs, H, W] to [N, outputs, H', W'].
    ///
    /// Disjoint windows are the rows of a matrix product. libtorch has no fast path for these: the gradient of the bias
    /// alone took a twentieth of a detector's training step.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        guard hasDisjointWindows, input.rank == 4 else {
            return try input.convTranspose2d(
                weight.value, bias?.value, stride: stride, padding: padding, outputPadding: outputPadding)
        }
        return try assembled(windows(input))
    }

    /// Whether every pixel produces a window of its own, so that ``windows(_:)`` is available.
    package var hasDisjointWindows: Bool {
        stride == size && padding == 0 && outputPadding == 0
    }

    /// The pixels of the upsampled image in an order without cost: window after window instead of row after row.
    ///
    /// Pixelwise layers may work on these; ``assembled(_:)`` restores the order of their results.
    /// - Parameters:
    ///   - input: [N, inputs, H, W].
    ///   - rectified: Whether negative numbers are set to zero.
    ///   - type: The element type of a product of bytes.
    /// - Returns: [N, outputs, H, W x window], channels last.
    /// - Throws: ``TorchError`` if windows overlap or the input has a different shape.
    package func windows(_ input: Tensor, rectified: Bool = false, type: DType = .float32) throws -> Tensor {
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
        let biases = try bias?.value.expanded([pixels, outputs]).flattened()
        let (batch, height, width) = (input.shape[0], input.shape[2], input.shape[3])
        let rows = try input.permuted([0, 2, 3, 1]).reshaped([batch * height * width, weight.shape[0]])
        let products = try form(rows, bias: biases, rectified: rectified, type: type) {
            let products = try rows.linear(Self.rows(of: weight), biases)
            // In place, since this is the largest of a detector's tensors.
            if rectified { try products.reluInPlace() }
            return products
        }
        return try products.reshaped([batch, height, width * pixels, outputs]).permuted([0, 3, 1, 2])
    }

    /// The image of pixels from ``windows(_:)``, or from layers applied to these.
    /// - Parameter windows: [N, C, H, W x window].
    /// - Returns: [N, C, H', W'], channels last.
    /// - Throws: ``TorchError`` if the width is not a multiple of the window's pixels.
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
