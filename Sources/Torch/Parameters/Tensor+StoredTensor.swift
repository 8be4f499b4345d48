import WeightFiles

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
