extension Operator {
    static let sum = Operator("aten::sum.dim_IntList")
    static let mean = Operator("aten::mean.dim")
    static let standardDeviation = Operator("aten::std.correction")
    static let variance = Operator("aten::var.correction")
    static let product = Operator("aten::prod.dim_int")
    static let minimumOfAll = Operator("aten::min")
    static let maximumOfAll = Operator("aten::max")
    static let minimumAlong = Operator("aten::amin")
    static let maximumAlong = Operator("aten::amax")
    static let minimumWithIndex = Operator("aten::min.dim")
    static let maximumWithIndex = Operator("aten::max.dim")
    static let argumentMaximum = Operator("aten::argmax")
    static let all = Operator("aten::all.dims")
    static let any = Operator("aten::any.dims")
    static let norm = Operator("aten::linalg_vector_norm")
    static let logSumExp = Operator("aten::logsumexp")
    static let cumulativeSum = Operator("aten::cumsum")
    static let listNorm = Operator("aten::_foreach_norm.Scalar")
    static let listAddInPlace = Operator("aten::_foreach_add_.Scalar")
    static let listAddListInPlace = Operator("aten::_foreach_add_.List")
    static let listMultiplyInPlace = Operator("aten::_foreach_mul_.Scalar")
    static let listClampMinimumInPlace = Operator("aten::_foreach_clamp_min_.Scalar")
    static let listClampMaximumInPlace = Operator("aten::_foreach_clamp_max_.Scalar")
    static let listCopyInPlace = Operator("aten::_foreach_copy_")
}

// Reductions are over the given dimensions, or over all of them; with `keepDimensions` these stay, with size 1.
extension Tensor {
    /// The sum.
    public func sum(_ dimensions: [Int]? = nil, keepDimensions: Bool = false, dtype: DType? = nil) throws
        -> Tensor
    {
        try Operator.sum(self, dimensions, keepDimensions, dtype)
    }

    /// The sum along one dimension.
    public func sum(_ dimension: Int, keepDimensions: Bool = false) throws -> Tensor {
        try sum([dimension], keepDimensions: keepDimensions)
    }

    /// The mean, of floating-point numbers.
    public func mean(_ dimensions: [Int]? = nil, keepDimensions: Bool = false) throws -> Tensor {
        try Operator.mean(self, dimensions, keepDimensions)
    }

    /// The mean along one dimension.
    public func mean(_ dimension: Int, keepDimensions: Bool = false) throws -> Tensor {
        try mean([dimension], keepDimensions: keepDimensions)
    }

    /// The variance; `correction` is subtracted from the count in the divisor (1: the unbiased estimate).
    public func variance(_ dimensions: [Int]? = nil, correction: Int = 1, keepDimensions: Bool = false) throws
        -> Tensor
    {
        try Operator.variance(self, dimensions, correction, keepDimensions)
    }

    /// The standard deviation; see ``variance(_:correction:keepDimensions:)``.
    public func standardDeviation(
        _ dimensions: [Int]? = nil, correction: Int = 1, keepDimensions: Bool = false
    )
        throws -> Tensor
    {
        try Operator.standardDeviation(self, dimensions, correction, keepDimensions)
    }

    /// The product along one dimension.
    public func product(_ dimension: Int, keepDimensions: Bool = false) throws -> Tensor {
        try Operator.product(self, dimension, keepDimensions)
    }

    /// The minimum of all elements.
    /// - Throws: ``TorchError`` if there are no elements.
    public func min() throws -> Tensor { try Operator.minimumOfAll(self) }

    /// The maximum of all elements.
    /// - Throws: ``TorchError`` if there are no elements.
    public func max() throws -> Tensor { try Operator.maximumOfAll(self) }

    /// The minimum over some dimensions.
    public func min(over dimensions: [Int], keepDimensions: Bool = false) throws -> Tensor {
        try Operator.minimumAlong(self, dimensions, keepDimensions)
    }

    /// The maximum over some dimensions.
    public func max(over dimensions: [Int], keepDimensions: Bool = false) throws -> Tensor {
        try Operator.maximumAlong(self, dimensions, keepDimensions)
    }

    /// The minimum along one dimension, with its indices (`int64`).
    public func min(_ dimension: Int, keepDimensions: Bool = false) throws -> (
        values: Tensor, indices: Tensor
    ) {
        try Operator.minimumWithIndex.pair(self, dimension, keepDimensions)
    }

    /// The maximum along one dimension, with its indices (`int64`).
    public func max(_ dimension: Int, keepDimensions: Bool = false) throws -> (
        values: Tensor, indices: Tensor
    ) {
        try Operator.maximumWithIndex.pair(self, dimension, keepDimensions)
    }

    /// The index of the largest element (`int64`); over all elements by default.
    public func argmax(_ dimension: Int? = nil, keepDimensions: Bool = false) throws -> Tensor {
        try Operator.argumentMaximum(self, dimension, keepDimensions)
    }

    /// Whether all elements are true.
    public func all(_ dimensions: [Int]? = nil, keepDimensions: Bool = false) throws -> Tensor {
        try Operator.all(self, dimensions, keepDimensions)
    }

    /// Whether any element is true.
    public func any(_ dimensions: [Int]? = nil, keepDimensions: Bool = false) throws -> Tensor {
        try Operator.any(self, dimensions, keepDimensions)
    }

    /// The vector norm: (sum |x|^order)^(1/order); an infinite order is the largest magnitude.
    public func norm(order: Double = 2, _ dimensions: [Int]? = nil, keepDimensions: Bool = false) throws
        -> Tensor
    {
        try Operator.norm(self, order, dimensions, keepDimensions)
    }

    /// The logarithm of the sum of exponentials, computed without overflow.
    public func logSumExp(_ dimensions: [Int], keepDimensions: Bool = false) throws -> Tensor {
        try Operator.logSumExp(self, dimensions, keepDimensions)
    }

    /// Running sums along one dimension.
    public func cumulativeSum(_ dimension: Int) throws -> Tensor {
        try Operator.cumulativeSum(self, dimension)
    }
}

// Many tensors at once: on a GPU a list takes a few launches, not one for each tensor.
extension Tensor {
    /// The length of each tensor taken as a vector.
    package static func norms(_ tensors: [Tensor]) throws -> [Tensor] {
        tensors.isEmpty ? [] : try Operator.listNorm.tensors(tensors, 2.0)
    }

    /// Adds a number to every element of each tensor.
    package static func addInPlace(_ tensors: [Tensor], _ number: some ScalarConvertible) throws {
        guard !tensors.isEmpty else { return }
        _ = try Operator.listAddInPlace.results(tensors, number._scalar)
    }

    /// Adds to each tensor another of its shape, times a factor.
    package static func addInPlace(_ tensors: [Tensor], _ others: [Tensor], times factor: Double) throws {
        guard !tensors.isEmpty else { return }
        _ = try Operator.listAddListInPlace.results(tensors, others, factor)
    }

    /// Multiplies every element of each tensor.
    package static func multiplyInPlace(_ tensors: [Tensor], _ factor: Double) throws {
        guard !tensors.isEmpty else { return }
        _ = try Operator.listMultiplyInPlace.results(tensors, factor)
    }

    /// Clamps every element of each tensor.
    package static func clampInPlace(_ tensors: [Tensor], min: Double, max: Double) throws {
        guard !tensors.isEmpty else { return }
        _ = try Operator.listClampMinimumInPlace.results(tensors, min)
        _ = try Operator.listClampMaximumInPlace.results(tensors, max)
    }

    /// Overwrites each tensor with another of its shape on the same device.
    package static func copyInPlace(_ tensors: [Tensor], _ sources: [Tensor]) throws {
        guard !tensors.isEmpty else { return }
        _ = try Operator.listCopyInPlace.results(tensors, sources)
    }
}
