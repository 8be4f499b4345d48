// One line per operator; the mathematics is ATen's.

extension Operator {
    static let negated = Operator("aten::neg")
    static let abs = Operator("aten::abs")
    static let exp = Operator("aten::exp")
    static let log = Operator("aten::log")
    static let log1p = Operator("aten::log1p")
    static let log2 = Operator("aten::log2")
    static let sqrt = Operator("aten::sqrt")
    static let reciprocalSquareRoot = Operator("aten::rsqrt")
    static let square = Operator("aten::square")
    static let reciprocal = Operator("aten::reciprocal")
    static let sin = Operator("aten::sin")
    static let cos = Operator("aten::cos")
    static let tanh = Operator("aten::tanh")
    static let floor = Operator("aten::floor")
    static let ceil = Operator("aten::ceil")
    static let rounded = Operator("aten::round")
    static let truncated = Operator("aten::trunc")
    static let sign = Operator("aten::sign")
    static let erf = Operator("aten::erf")
    static let isNaN = Operator("aten::isnan")
    static let isFinite = Operator("aten::isfinite")
    static let add = Operator("aten::add.Tensor")
    static let addScalar = Operator("aten::add.Scalar")
    static let subtract = Operator("aten::sub.Tensor")
    static let subtractScalar = Operator("aten::sub.Scalar")
    static let reverseSubtract = Operator("aten::rsub.Scalar")
    static let multiply = Operator("aten::mul.Tensor")
    static let multiplyScalar = Operator("aten::mul.Scalar")
    static let divide = Operator("aten::div.Tensor")
    static let divideScalar = Operator("aten::div.Scalar")
    static let remainder = Operator("aten::remainder.Tensor")
    static let remainderScalar = Operator("aten::remainder.Scalar")
    static let power = Operator("aten::pow.Tensor_Tensor")
    static let powerScalar = Operator("aten::pow.Tensor_Scalar")
    static let clamp = Operator("aten::clamp")
    static let clampTensor = Operator("aten::clamp.Tensor")
    static let minimum = Operator("aten::minimum")
    static let maximum = Operator("aten::maximum")
    static let choose = Operator("aten::where.self")
    static let maskedFill = Operator("aten::masked_fill.Scalar")
    static let lerp = Operator("aten::lerp.Scalar")
    static let addInPlace = Operator("aten::add_.Tensor")
    static let addScalarInPlace = Operator("aten::add_.Scalar")
    static let multiplyInPlace = Operator("aten::mul_.Tensor")
    static let multiplyScalarInPlace = Operator("aten::mul_.Scalar")
    static let clampInPlace = Operator("aten::clamp_")
    static let matmul = Operator("aten::matmul")
    static let addProductInPlace = Operator("aten::addmm_")
    static let addProductsInPlace = Operator("aten::baddbmm_")
    static let einsum = Operator("aten::einsum")
    static let linear = Operator("aten::linear")
    static let outer = Operator("aten::outer")
    static let pairwiseDistance = Operator("aten::_cdist_forward")
}

extension Tensor {
    // MARK: Tensor and tensor; shapes are broadcast, element types promoted

    /// The element-wise sum.
    public static func + (left: Tensor, right: Tensor) throws -> Tensor { try Operator.add(left, right) }

    /// The element-wise difference.
    public static func - (left: Tensor, right: Tensor) throws -> Tensor { try Operator.subtract(left, right) }

    /// The element-wise product.
    public static func * (left: Tensor, right: Tensor) throws -> Tensor { try Operator.multiply(left, right) }

    /// The element-wise quotient; real numbers even for integers.
    public static func / (left: Tensor, right: Tensor) throws -> Tensor { try Operator.divide(left, right) }

    /// The element-wise remainder of the division rounded down; it has the divisor's sign.
    public static func % (left: Tensor, right: Tensor) throws -> Tensor {
        try Operator.remainder(left, right)
    }

    /// The negative of every element.
    public static prefix func - (operand: Tensor) throws -> Tensor { try Operator.negated(operand) }

    // MARK: Tensor and number

    /// Adds a number to every element.
    public static func + (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.addScalar(left, right._scalar)
    }

    /// Subtracts a number from every element.
    public static func - (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.subtractScalar(left, right._scalar)
    }

    /// Multiplies every element by a number.
    public static func * (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.multiplyScalar(left, right._scalar)
    }

    /// Divides every element by a number; real numbers even for integers.
    public static func / (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.divideScalar(left, right._scalar)
    }

    /// The remainder of dividing every element by a number, rounded down.
    public static func % (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
        try Operator.remainderScalar(left, right._scalar)
    }

    /// Adds a number to every element.
    public static func + (left: some ScalarConvertible, right: Tensor) throws -> Tensor {
        try Operator.addScalar(right, left._scalar)
    }

    /// Subtracts every element from a number.
    public static func - (left: some ScalarConvertible, right: Tensor) throws -> Tensor {
        try Operator.reverseSubtract(right, left._scalar)
    }

    /// Multiplies every element by a number.
    public static func * (left: some ScalarConvertible, right: Tensor) throws -> Tensor {
        try Operator.multiplyScalar(right, left._scalar)
    }

    /// Divides a number by every element.
    public static func / (left: some ScalarConvertible, right: Tensor) throws -> Tensor {
        try Operator.multiplyScalar(right.reciprocal(), left._scalar)
    }

    /// Raises every element to the power of another.
    public func power(_ exponent: Tensor) throws -> Tensor { try Operator.power(self, exponent) }

    /// Raises every element to the same power.
    public func power(_ exponent: some ScalarConvertible) throws -> Tensor {
        try Operator.powerScalar(self, exponent._scalar)
    }

    // MARK: Bounds and selection

    /// Every element clamped to a range; one of the bounds may be nil.
    public func clamped(
        min: (some ScalarConvertible)? = Int?.none, max: (some ScalarConvertible)? = Int?.none
    ) throws
        -> Tensor
    {
        try Operator.clamp(self, min?._scalar, max?._scalar)
    }

    /// Every element clamped to the range between the elements of two other tensors.
    public func clamped(min: Tensor?, max: Tensor?) throws -> Tensor {
        try Operator.clampTensor(self, min, max)
    }

    /// The element-wise minimum.
    public static func minimum(_ left: Tensor, _ right: Tensor) throws -> Tensor {
        try Operator.minimum(left, right)
    }

    /// The element-wise maximum.
    public static func maximum(_ left: Tensor, _ right: Tensor) throws -> Tensor {
        try Operator.maximum(left, right)
    }

    /// The elements of this tensor where `condition` is true, otherwise those of `other`.
    /// - Parameters:
    ///   - condition: Booleans; broadcast.
    ///   - other: The elements where the condition is false; broadcast.
    public func `where`(_ condition: Tensor, otherwise other: Tensor) throws -> Tensor {
        try Operator.choose(condition, self, other)
    }

    /// The tensor with `value` wherever `mask` (Booleans, broadcast) is true.
    public func maskedFill(_ mask: Tensor, with value: some ScalarConvertible) throws -> Tensor {
        try Operator.maskedFill(self, mask, value._scalar)
    }

    /// Linear interpolation from this tensor (share 0) to `end` (share 1).
    public func interpolated(to end: Tensor, share: some ScalarConvertible) throws -> Tensor {
        try Operator.lerp(self, end, share._scalar)
    }

    // MARK: In place

    /// Adds another tensor, times `factor`, to this one's elements.
    public func addInPlace(_ other: Tensor, times factor: some ScalarConvertible = 1) throws {
        try Operator.addInPlace(self, other, factor._scalar)
    }

    /// Adds a number to every element.
    public func addInPlace(_ number: some ScalarConvertible) throws {
        try Operator.addScalarInPlace(self, number._scalar)
    }

    /// Multiplies every element by the corresponding one of another tensor.
    public func multiplyInPlace(_ other: Tensor) throws { try Operator.multiplyInPlace(self, other) }

    /// Multiplies every element by a number.
    public func multiplyInPlace(_ number: some ScalarConvertible) throws {
        try Operator.multiplyScalarInPlace(self, number._scalar)
    }

    /// Clamps every element to a range.
    package func clampInPlace(
        min: (some ScalarConvertible)? = Int?.none, max: (some ScalarConvertible)? = Int?.none
    ) throws {
        try Operator.clampInPlace(self, min?._scalar, max?._scalar)
    }

    // MARK: Element-wise functions

    /// The negative of every element.
    public func negated() throws -> Tensor { try Operator.negated(self) }

    /// The magnitude of every element.
    public func abs() throws -> Tensor { try Operator.abs(self) }

    /// e to the power of every element.
    public func exp() throws -> Tensor { try Operator.exp(self) }

    /// The natural logarithm of every element.
    public func log() throws -> Tensor { try Operator.log(self) }

    /// The natural logarithm of one plus every element, exact near zero.
    public func log1p() throws -> Tensor { try Operator.log1p(self) }

    /// The logarithm to base 2 of every element.
    public func log2() throws -> Tensor { try Operator.log2(self) }

    /// The square root of every element.
    public func sqrt() throws -> Tensor { try Operator.sqrt(self) }

    /// The reciprocal of the square root of every element.
    public func reciprocalSquareRoot() throws -> Tensor { try Operator.reciprocalSquareRoot(self) }

    /// The square of every element.
    public func square() throws -> Tensor { try Operator.square(self) }

    /// The reciprocal of every element.
    public func reciprocal() throws -> Tensor { try Operator.reciprocal(self) }

    /// The sine of every element, in radians.
    public func sin() throws -> Tensor { try Operator.sin(self) }

    /// The cosine of every element, in radians.
    public func cos() throws -> Tensor { try Operator.cos(self) }

    /// The hyperbolic tangent of every element.
    public func tanh() throws -> Tensor { try Operator.tanh(self) }

    /// Every element rounded down.
    public func floor() throws -> Tensor { try Operator.floor(self) }

    /// Every element rounded up.
    public func ceil() throws -> Tensor { try Operator.ceil(self) }

    /// Every element rounded to the nearest integer, halves to the even one.
    public func rounded() throws -> Tensor { try Operator.rounded(self) }

    /// Every element rounded towards zero.
    public func truncated() throws -> Tensor { try Operator.truncated(self) }

    /// The sign of every element: -1, 0 or 1.
    public func sign() throws -> Tensor { try Operator.sign(self) }

    /// The error function of every element.
    public func erf() throws -> Tensor { try Operator.erf(self) }

    /// Whether every element is NaN.
    public func isNaN() throws -> Tensor { try Operator.isNaN(self) }

    /// Whether every element is finite.
    public func isFinite() throws -> Tensor { try Operator.isFinite(self) }
}

extension Tensor {
    /// The matrix product of the last two dimensions; the others are broadcast. Vectors act as rows or columns.
    public func matmul(_ other: Tensor) throws -> Tensor { try Operator.matmul(self, other) }

    /// Adds the product of the matrices [N, M] and [M, P] to `factor` times this tensor's elements [N, P].
    package func addProductInPlace(_ first: Tensor, _ second: Tensor, keeping factor: Double = 1) throws {
        try Operator.addProductInPlace(self, first, second, factor)
    }

    /// Adds the products [B, N, P] of the matrices [B, N, M] and [B, M, P] to this tensor's elements [B, N, P].
    package func addProductsInPlace(_ first: Tensor, _ second: Tensor) throws {
        try Operator.addProductsInPlace(self, first, second)
    }

    /// A product in Einstein's notation: `Tensor.einsum("nqd,nkd->nqk", [q, k])`.
    public static func einsum(_ equation: String, _ operands: [Tensor]) throws -> Tensor {
        try Operator.einsum(equation, operands)
    }

    /// `self` [.., in] times the transposed `weight` [out, in], plus `bias` [out].
    public func linear(_ weight: Tensor, _ bias: Tensor? = nil) throws -> Tensor {
        try Operator.linear(self, weight, bias)
    }

    /// The outer product of two vectors.
    public func outer(_ other: Tensor) throws -> Tensor { try Operator.outer(self, other) }

    /// The tensor divided by its Euclidean norm along a dimension; norms below `epsilon` count as `epsilon`.
    public func normalized(_ dimension: Int = -1, epsilon: Double = 1e-12) throws -> Tensor {
        try self / norm(order: 2, [dimension], keepDimensions: true).clamped(min: epsilon)
    }
}
