extension Operator {
    static let toCopy = Operator("aten::_to_copy")
    static let toDtype = Operator("aten::to.dtype")
    static let toDevice = Operator("aten::to.device")
    static let contiguous = Operator("aten::contiguous")
    static let clone = Operator("aten::clone")
    static let copyInPlace = Operator("aten::copy_")
    static let fillInPlace = Operator("aten::fill_.Scalar")
    static let zeroInPlace = Operator("aten::zero_")
}

extension Tensor {
    /// The tensor with another element type; itself when it has that already.
    public func to(_ dtype: DType) throws -> Tensor {
        try self.dtype == dtype ? self : Operator.toDtype(self, dtype)
    }

    /// The tensor on another device, optionally with another element type; itself when nothing changes.
    public func to(device: Device, dtype: DType? = nil) throws -> Tensor {
        try Operator.toDevice(self, device, dtype ?? self.dtype)
    }

    /// The tensor with its elements in this order in memory; itself when they are.
    public func contiguous(_ format: MemoryFormat = .contiguous) throws -> Tensor {
        isContiguous(format) ? self : try Operator.contiguous(self, format)
    }

    /// A copy with memory of its own.
    public func clone(_ format: MemoryFormat = .preserve) throws -> Tensor {
        try Operator.clone(self, format)
    }

    /// Overwrites the elements with those of another tensor, converted and broadcast.
    public func copyInPlace(_ source: Tensor) throws { try Operator.copyInPlace(self, source) }

    /// Sets every element to one number.
    public func fillInPlace(_ value: some ScalarConvertible) throws {
        try Operator.fillInPlace(self, value.scalar)
    }

    /// Sets every element to zero.
    public func zeroInPlace() throws { try Operator.zeroInPlace(self) }
}
