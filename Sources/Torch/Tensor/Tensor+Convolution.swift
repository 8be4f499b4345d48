extension Operator {
    static let conv2d = Operator("aten::conv2d")
    static let convTranspose2d = Operator("aten::conv_transpose2d.input")
    static let maxPool2d = Operator("aten::max_pool2d")
    static let averagePool2d = Operator("aten::avg_pool2d")
    static let adaptiveAveragePool2d = Operator("aten::adaptive_avg_pool2d")
    static let adaptiveMaxPool2d = Operator("aten::adaptive_max_pool2d")
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

    /// The largest elements of as many windows as the output has places.
    public func adaptiveMaxPool2d(_ size: Size2D) throws -> Tensor {
        try Operator.adaptiveMaxPool2d.tensors(self, size.list)[0]
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
