extension Operator {
    static let matmul = Operator("aten::matmul")
    static let addProductsInPlace = Operator("aten::baddbmm_")
    static let einsum = Operator("aten::einsum")
    static let linear = Operator("aten::linear")
    static let outer = Operator("aten::outer")
    static let pairwiseDistance = Operator("aten::_cdist_forward")
}

extension Tensor {
    /// The matrix product of the last two dimensions; the others are broadcast. Vectors act as rows or columns.
    public func matmul(_ other: Tensor) throws -> Tensor { try Operator.matmul(self, other) }

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
