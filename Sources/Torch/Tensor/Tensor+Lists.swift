extension Operator {
    static let listNorm = Operator("aten::_foreach_norm.Scalar")
    static let listAddInPlace = Operator("aten::_foreach_add_.Scalar")
    static let listAddListInPlace = Operator("aten::_foreach_add_.List")
    static let listMultiplyInPlace = Operator("aten::_foreach_mul_.Scalar")
    static let listCopyInPlace = Operator("aten::_foreach_copy_")
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

    /// Overwrites each tensor with another of its shape on the same device.
    package static func copyInPlace(_ tensors: [Tensor], _ sources: [Tensor]) throws {
        guard !tensors.isEmpty else { return }
        _ = try Operator.listCopyInPlace.results(tensors, sources)
    }
}
