infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .&& : LogicalConjunctionPrecedence
infix operator .|| : LogicalDisjunctionPrecedence
prefix operator .!

extension Operator {
    static let equal = Operator("aten::eq.Tensor")
    static let equalScalar = Operator("aten::eq.Scalar")
    static let notEqual = Operator("aten::ne.Tensor")
    static let notEqualScalar = Operator("aten::ne.Scalar")
    static let less = Operator("aten::lt.Tensor")
    static let lessScalar = Operator("aten::lt.Scalar")
    static let lessOrEqual = Operator("aten::le.Tensor")
    static let lessOrEqualScalar = Operator("aten::le.Scalar")
    static let greater = Operator("aten::gt.Tensor")
    static let greaterScalar = Operator("aten::gt.Scalar")
    static let greaterOrEqual = Operator("aten::ge.Tensor")
    static let greaterOrEqualScalar = Operator("aten::ge.Scalar")
    static let logicalAnd = Operator("aten::logical_and")
    static let logicalOr = Operator("aten::logical_or")
    static let logicalNot = Operator("aten::logical_not")
    static let equalTensors = Operator("aten::equal")
    static let isClose = Operator("aten::isclose")
}

// Comparisons return tensors of Booleans; shapes are broadcast.
extension Tensor {
    /// Whether the left element is equal to the right one.
    public static func .== (left: Tensor, right: Tensor) throws -> Tensor { try Operator.equal(left, right) }

    /// Whether the element is equal to the number.
    public static func .== (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.equalScalar(left, right._scalar)
    }

    /// Whether the left element is different from the right one.
    public static func .!= (left: Tensor, right: Tensor) throws -> Tensor {
        try Operator.notEqual(left, right)
    }

    /// Whether the element is different from the number.
    public static func .!= (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.notEqualScalar(left, right._scalar)
    }

    /// Whether the left element is less than the right one.
    public static func .< (left: Tensor, right: Tensor) throws -> Tensor { try Operator.less(left, right) }

    /// Whether the element is less than the number.
    public static func .< (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.lessScalar(left, right._scalar)
    }

    /// Whether the left element is at most the right one.
    public static func .<= (left: Tensor, right: Tensor) throws -> Tensor {
        try Operator.lessOrEqual(left, right)
    }

    /// Whether the element is at most the number.
    public static func .<= (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.lessOrEqualScalar(left, right._scalar)
    }

    /// Whether the left element is greater than the right one.
    public static func .> (left: Tensor, right: Tensor) throws -> Tensor { try Operator.greater(left, right) }

    /// Whether the element is greater than the number.
    public static func .> (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.greaterScalar(left, right._scalar)
    }

    /// Whether the left element is at least the right one.
    public static func .>= (left: Tensor, right: Tensor) throws -> Tensor {
        try Operator.greaterOrEqual(left, right)
    }

    /// Whether the element is at least the number.
    public static func .>= (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.greaterOrEqualScalar(left, right._scalar)
    }

    /// Whether both elements are true (nonzero).
    public static func .&& (left: Tensor, right: Tensor) throws -> Tensor {
        try Operator.logicalAnd(left, right)
    }

    /// Whether at least one of the elements is true (nonzero).
    public static func .|| (left: Tensor, right: Tensor) throws -> Tensor {
        try Operator.logicalOr(left, right)
    }

    /// Whether the element is false (zero).
    public static prefix func .! (operand: Tensor) throws -> Tensor { try Operator.logicalNot(operand) }

    /// Whether two tensors have the same shape and the same elements; NaN differs from everything.
    public func isEqual(to other: Tensor) throws -> Bool {
        guard shape == other.shape else { return false }
        guard case .boolean(let equal)? = try Operator.equalTensors.results(self, other).first else {
            return false
        }
        return equal
    }

    /// For every element, whether |this - other| <= absolute + relative * |other|.
    public func isClose(
        to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-8, equalNaN: Bool = false
    ) throws -> Tensor {
        try Operator.isClose(self, other, relative, absolute, equalNaN)
    }
}
