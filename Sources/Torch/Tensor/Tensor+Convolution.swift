extension Operator {
    static let conv2d = Operator("aten::conv2d")
    static let convTranspose2d = Operator("aten::conv_transpose2d.input")
    static let maxPool2d = Operator("aten::max_pool2d")
    static let averagePool2d = Operator("aten::avg_pool2d")
    static let adaptiveAveragePool2d = Operator("aten::adaptive_avg_pool2d")
    static let unfold = Operator("aten::im2col")
    static let gridSample = Operator("aten::grid_sampler_2d")
}

/// A size, stride or padding in both directions of an image.
public struct Size2D: Sendable, Hashable, ExpressibleByIntegerLiteral {
    /// Along the rows' order, downwards.
    public var height: Int
    /// Along a row, to the right.
    public var width: Int

    /// A height and a width.
    public init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    /// The same in both directions.
    public init(_ side: Int) { self.init(side, side) }

    /// The same in both directions.
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

    /// The largest element of every window; the stride is the window's size when left out.
    public func maxPool2d(
        _ kernel: Size2D, stride: Size2D? = nil, padding: Size2D = 0, dilation: Size2D = 1,
        ceilMode: Bool = false
    ) throws -> Tensor {
        try Operator.maxPool2d(
            self, kernel.list, (stride ?? kernel).list, padding.list, dilation.list, ceilMode)
    }

    /// The mean of every window; the stride is the window's size when left out.
    /// - Parameter countsPadding: Whether added places count in the divisor.
    public func averagePool2d(
        _ kernel: Size2D, stride: Size2D? = nil, padding: Size2D = 0, ceilMode: Bool = false,
        countsPadding: Bool = true
    ) throws -> Tensor {
        try Operator.averagePool2d(
            self, kernel.list, (stride ?? kernel).list, padding.list, ceilMode, countsPadding)
    }

    /// The means of as many windows as the output has places.
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

    /// Bilinear samples at the places of `grid` [N, height, width, (x, y)], -1 to 1 from border to border; zero
    /// outside, or the border's value.
    public func gridSample(_ grid: Tensor, clampsToBorder: Bool = false, alignCorners: Bool = false) throws
        -> Tensor
    {
        try Operator.gridSample(self, grid, 0, clampsToBorder ? 1 : 0, alignCorners)
    }
}

// MARK: - Resizing

extension Operator {
    static let upsampleNearest = Operator("aten::upsample_nearest2d")
    static let upsampleBilinear = Operator("aten::upsample_bilinear2d")
    static let upsampleBicubic = Operator("aten::upsample_bicubic2d")
    static let upsampleBilinearAntialias = Operator("aten::_upsample_bilinear2d_aa")
    static let upsampleBicubicAntialias = Operator("aten::_upsample_bicubic2d_aa")
}

/// How values between the places of an image are found.
public enum Interpolation: String, Sendable, CaseIterable {
    /// The value of the nearest place (PyTorch's `nearest`, which rounds down).
    case nearest
    /// A weighted mean of 2 x 2 places.
    case bilinear
    /// A cubic through 4 x 4 places (a = -0.75; with antialiasing -0.5, as PIL has it).
    case bicubic
}

extension Tensor {
    /// Images [N, C, H, W] resized.
    /// - Parameters:
    ///   - alignCorners: Whether the centres of the corners coincide, instead of their outer edges.
    ///   - antialias: Whether the window widens when the image shrinks, as PIL does; not for `nearest`.
    ///   - scale: What PyTorch calls `scale_factor`: used for the coordinates in place of the ratio of the sizes,
    ///     which differs where sizes are rounded.
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
