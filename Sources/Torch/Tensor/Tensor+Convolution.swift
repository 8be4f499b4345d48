extension Operator {
    static let conv2d = Operator("aten::conv2d")
    static let convTranspose2d = Operator("aten::conv_transpose2d.input")
    static let maxPool2d = Operator("aten::max_pool2d")
    static let averagePool2d = Operator("aten::avg_pool2d")
    static let adaptiveAveragePool2d = Operator("aten::adaptive_avg_pool2d")
    static let unfold = Operator("aten::im2col")
    static let gridSample = Operator("aten::grid_sampler_2d")
    static let upsampleNearest = Operator("aten::upsample_nearest2d")
    static let upsampleBilinear = Operator("aten::upsample_bilinear2d")
    static let upsampleBicubic = Operator("aten::upsample_bicubic2d")
    static let upsampleBilinearAntialias = Operator("aten::_upsample_bilinear2d_aa")
    static let upsampleBicubicAntialias = Operator("aten::_upsample_bicubic2d_aa")
}

/// A size, stride or padding in both dimensions of an image.
public struct Size2D: Sendable, Hashable, ExpressibleByIntegerLiteral {
    /// The vertical extent.
    public var height: Int
    /// The horizontal extent.
    public var width: Int

    /// Creates a size from height and width.
    public init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    /// Creates a size with equal height and width.
    public init(_ side: Int) { self.init(side, side) }

    /// Creates a size with equal height and width.
    public init(integerLiteral side: Int) { self.init(side) }

    var list: [Int] { [height, width] }
}

// Images are N, C, H, W.
extension Tensor {
    /// A convolution (correlation) with `weight` [out, in / groups, height, width] and `bias` [out].
    public func conv2d(
        _ weight: Tensor, _ bias: Tensor? = nil, stride: Size2D = 1, padding: Size2D = 0,
        dilation: Size2D = 1,
        groups: Int = 1
    ) throws -> Tensor {
        try Operator.conv2d(self, weight, bias, stride.list, padding.list, dilation.list, groups)
    }

    /// The transpose of a convolution, with `weight` [in, out / groups, height, width] and `bias` [out].
    public func convTranspose2d(
        _ weight: Tensor, _ bias: Tensor? = nil, stride: Size2D = 1, padding: Size2D = 0,
        outputPadding: Size2D = 0,
        groups: Int = 1, dilation: Size2D = 1
    ) throws -> Tensor {
        try Operator.convTranspose2d(
            self, weight, bias, stride.list, padding.list, outputPadding.list, groups, dilation.list)
    }

    /// The maximum of every window; the stride defaults to the window's size.
    public func maxPool2d(
        _ kernel: Size2D, stride: Size2D? = nil, padding: Size2D = 0, dilation: Size2D = 1,
        ceilMode: Bool = false
    ) throws -> Tensor {
        try Operator.maxPool2d(
            self, kernel.list, (stride ?? kernel).list, padding.list, dilation.list, ceilMode)
    }

    /// The mean of every window; the stride defaults to the window's size.
    /// - Parameters:
    ///   - kernel: Rows and columns of a window.
    ///   - stride: The step between windows, in rows and columns.
    ///   - padding: Zeros added on each side, in rows and columns.
    ///   - ceilMode: Whether a last, incomplete window counts.
    ///   - countsPadding: Whether padding counts in the divisor.
    public func averagePool2d(
        _ kernel: Size2D, stride: Size2D? = nil, padding: Size2D = 0, ceilMode: Bool = false,
        countsPadding: Bool = true
    ) throws -> Tensor {
        try Operator.averagePool2d(
            self, kernel.list, (stride ?? kernel).list, padding.list, ceilMode, countsPadding)
    }

    /// The means of windows chosen to give an output of the requested size.
    public func adaptiveAveragePool2d(_ size: Size2D) throws -> Tensor {
        try Operator.adaptiveAveragePool2d(self, size.list)
    }

    /// All windows as columns: [N, C * kernel height * kernel width, windows].
    public func unfolded(_ kernel: Size2D, stride: Size2D = 1, padding: Size2D = 0, dilation: Size2D = 1)
        throws
        -> Tensor
    {
        try Operator.unfold(self, kernel.list, dilation.list, padding.list, stride.list)
    }

    /// Bilinear samples at the positions of `grid` [N, height, width, (x, y)], -1 to 1 from border to border; outside,
    /// zero or the border's value.
    public func gridSample(_ grid: Tensor, clampsToBorder: Bool = false, alignCorners: Bool = false) throws
        -> Tensor
    {
        try Operator.gridSample(self, grid, 0, clampsToBorder ? 1 : 0, alignCorners)
    }
}

// MARK: - Resizing

/// How values between pixels are computed.
public enum Interpolation: String, Sendable, CaseIterable {
    /// The value of the nearest pixel (PyTorch's `nearest`, which rounds down).
    case nearest
    /// A weighted mean of 2 x 2 pixels.
    case bilinear
    /// A cubic through 4 x 4 pixels (a = -0.75; with antialiasing -0.5, as in PIL).
    case bicubic
}

extension Tensor {
    /// Images [N, C, H, W] resized.
    /// - Parameters:
    ///   - size: Rows and columns of the result.
    ///   - mode: How values between pixels are computed.
    ///   - alignCorners: Whether the centers of the corner pixels coincide, instead of their outer edges.
    ///   - antialias: Whether the window widens when downsampling, as in PIL; not for `nearest`.
    ///   - scale: PyTorch's `scale_factor`: used for the coordinates instead of the ratio of the sizes, which differs
    ///     if sizes are rounded.
    /// - Throws: ``TorchError``.
    public func interpolated(
        to size: Size2D, _ mode: Interpolation = .bilinear, alignCorners: Bool = false,
        antialias: Bool = false,
        scale: (height: Double, width: Double)? = nil
    ) throws -> Tensor {
        let vertical = scale?.height
        let horizontal = scale?.width
        switch (mode, antialias) {
        case (.nearest, false): return try Operator.upsampleNearest(self, size.list, vertical, horizontal)
        case (.nearest, true):
            throw TorchError("interpolated", arguments: [summary], reason: "nearest has no antialiasing")
        case (.bilinear, false):
            return try Operator.upsampleBilinear(self, size.list, alignCorners, vertical, horizontal)
        case (.bilinear, true):
            return try Operator.upsampleBilinearAntialias(self, size.list, alignCorners, vertical, horizontal)
        case (.bicubic, false):
            return try Operator.upsampleBicubic(self, size.list, alignCorners, vertical, horizontal)
        case (.bicubic, true):
            return try Operator.upsampleBicubicAntialias(self, size.list, alignCorners, vertical, horizontal)
        }
    }
}
