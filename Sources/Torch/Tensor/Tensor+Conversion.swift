internal import CTorch
import WeightFiles

extension Operator {
    static let toCopy = Operator("aten::_to_copy")
    static let toDtype = Operator("aten::to.dtype")
    static let toDevice = Operator("aten::to.device")
    static let contiguous = Operator("aten::contiguous")
    static let clone = Operator("aten::clone")
    static let copyInPlace = Operator("aten::copy_")
    static let fillInPlace = Operator("aten::fill_.Scalar")
    static let zeroInPlace = Operator("aten::zero_")
    static let pinMemory = Operator("aten::pin_memory")
}

extension Tensor {
    /// The tensor with a different element type; itself if it already has that type.
    public func to(_ dtype: DType) throws -> Tensor {
        try self.dtype == dtype ? self : Operator.toDtype(self, dtype)
    }

    /// The tensor on another device, optionally with a different element type; itself if nothing changes.
    ///
    /// Copies to a GPU are asynchronous: operators that need the tensor wait for it there. Copies from a GPU are complete on
    /// return. The element type is converted where less has to be copied, and never to `float64` on a GPU, which may lack it.
    public func to(device: Device, dtype: DType? = nil) throws -> Tensor {
        let current = try self.dtype
        let dtype = dtype ?? current
        guard dtype != current, self.device.isProcessor != device.isProcessor else {
            return try moved(to: device, dtype)
        }
        let convertsFirst =
            device.isProcessor
            ? dtype.byteCount < current.byteCount && dtype != .float64 : dtype.byteCount <= current.byteCount
        return convertsFirst
            ? try to(dtype).moved(to: device, dtype) : try moved(to: device, current).to(dtype)
    }

    private func moved(to device: Device, _ dtype: DType) throws -> Tensor {
        try Operator.toDevice(self, device, dtype, Self.sends(from: self.device, to: device))
    }

    /// Whether a copy may be asynchronous. Not from a device: the elements would be read too early.
    private static func sends(from source: Device, to target: Device) -> Bool {
        source.isProcessor && target.copiesAsynchronously
    }

    /// A copy in pinned main memory; itself if it is pinned already.
    ///
    /// It must not be modified before copies from it to a device have completed.
    /// - Throws: ``TorchError`` without a device.
    package func pinned() throws -> Tensor { try Operator.pinMemory(self) }

    /// The tensor with its elements stored in this order; itself if they already are.
    public func contiguous(_ format: MemoryFormat = .contiguous) throws -> Tensor {
        isContiguous(format) ? self : try Operator.contiguous(self, format)
    }

    /// A copy with its own memory.
    public func clone(_ format: MemoryFormat = .preserve) throws -> Tensor {
        try Operator.clone(self, format)
    }

    /// Overwrites the elements with those of another tensor, converted and broadcast.
    public func copyInPlace(_ source: Tensor) throws {
        try Operator.copyInPlace(self, source, Self.sends(from: source.device, to: device))
    }

    /// Sets every element to one number.
    public func fillInPlace(_ value: some ScalarConvertible) throws {
        try Operator.fillInPlace(self, value._scalar)
    }

    /// Sets every element to zero.
    public func zeroInPlace() throws { try Operator.zeroInPlace(self) }
}

// MARK: - Reading

extension Tensor {
    /// The elements, row by row, converted to a Swift type.
    /// - Throws: ``TorchError`` if the elements cannot be copied to main memory.
    public func array<Element: TensorElement>(of type: Element.Type = Element.self) throws -> [Element] {
        // Moved first and converted then: a GPU may lack the type that is wanted here.
        let source = try detached().to(device: .cpu).to(Element._dtype).contiguous()
        return try source.withBytes { bytes in
            [Element](unsafeUninitializedCapacity: source.count) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = source.count
            }
        }
    }

    /// The only element, converted to a Swift type.
    /// - Throws: ``TorchError`` unless there is exactly one element.
    public func item<Element: TensorElement>(as type: Element.Type) throws -> Element {
        guard count == 1 else {
            throw TorchError("item", arguments: [summary], reason: "there is not exactly one element")
        }
        return try array(of: type)[0]
    }

    /// The only element as a real number.
    /// - Throws: ``TorchError`` unless there is exactly one element.
    public func item() throws -> Double { try item(as: Double.self) }

    /// Calls `body` with the memory of a contiguous tensor in main memory.
    /// - Throws: ``TorchError`` if the tensor is not in main memory or has gaps; the errors of `body`.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try withMutableBytes { try body(UnsafeRawBufferPointer($0)) }
    }

    /// Calls `body` with the writable memory of a contiguous tensor in main memory.
    ///
    /// Autograd does not track these writes.
    /// - Throws: ``TorchError`` if the tensor is not in main memory or has gaps; the errors of `body`.
    public func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) throws
        -> Result
    {
        guard isContiguous() || (rank == 4 && isContiguous(.channelsLast)) else {
            throw TorchError("withBytes", arguments: [summary], reason: "the tensor is not contiguous")
        }
        return try withPointer { try body(.init(start: $0, count: count * (try dtype.byteCount))) }
    }

    /// Calls `body` with the address of the first element in main memory; ``strides`` give the others.
    /// - Throws: ``TorchError`` if the tensor is not in main memory; the errors of `body`.
    package func withPointer<Result>(_ body: (UnsafeMutableRawPointer) throws -> Result) throws -> Result {
        guard device == .cpu else {
            throw TorchError("withBytes", arguments: [summary], reason: "the elements are not in main memory")
        }
        var data: UnsafeMutableRawPointer?
        try check(ct_tensor_data(handle, &data), "withBytes", [summary])
        defer { withExtendedLifetime(self) {} }
        // A tensor without elements may have no memory at all.
        return try body(data ?? UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped)
    }
}

extension Tensor {
    /// Creates a tensor backed by the bytes of a weight file; nothing is copied if the elements are aligned in the
    /// file.
    ///
    /// A mapped file stays mapped as long as the tensor or a view of it exists. Writing to the tensor changes memory,
    /// never the file.
    /// - Throws: ``TorchError`` if libtorch rejects the shape.
    public convenience init(_ stored: StoredTensor) throws {
        let source = stored.isAligned ? stored : try stored.realigned()
        try self.init(
            wrapping: source.pointer, shape: source.shape, strides: source.strides, dtype: source.dtype,
            owner: source.storage)
    }

    /// The elements in the form that weight file writers take: in main memory, row by row.
    ///
    /// Shares the memory of a tensor that is already in this form; later changes of the tensor then affect the result.
    /// - Parameter name: The name in the file.
    /// - Throws: ``TorchError`` if the elements cannot be copied to main memory.
    public func stored(named name: String) throws -> StoredTensor {
        let source = try detached().to(device: .cpu).contiguous()
        let storage = try source.withPointer {
            TensorStorage(pointer: $0, byteCount: source.count * (try source.dtype.byteCount), owner: source)
        }
        return try StoredTensor(name: name, dtype: source.dtype, shape: source.shape, storage: storage)
    }
}

extension StoredTensor {
    /// The same elements, row by row in memory aligned for the element type.
    fileprivate func realigned() throws -> StoredTensor {
        let storage = withUnsafeBytes { TensorStorage(copying: $0) }
        return try StoredTensor(name: name, dtype: dtype, shape: shape, storage: storage)
    }
}
