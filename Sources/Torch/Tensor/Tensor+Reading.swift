internal import CTorch

extension Tensor {
    /// The elements, row by row, converted to a Swift type.
    /// - Throws: ``TorchError`` when the elements cannot be brought into main memory.
    public func array<Element: TensorElement>(of type: Element.Type = Element.self) throws -> [Element] {
        let source = try detached().to(device: .cpu, dtype: Element.dtype).contiguous()
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
    /// - Throws: ``TorchError`` when the tensor is elsewhere or has gaps; what `body` throws.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try withMutableBytes { try body(UnsafeRawBufferPointer($0)) }
    }

    /// Calls `body` with the memory of a contiguous tensor in main memory, to be written.
    ///
    /// Autograd does not see what is written.
    /// - Throws: ``TorchError`` when the tensor is elsewhere or has gaps; what `body` throws.
    public func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) throws
        -> Result
    {
        guard isContiguous() || (rank == 4 && isContiguous(.channelsLast)) else {
            throw TorchError("withBytes", arguments: [summary], reason: "the tensor is not contiguous")
        }
        return try withPointer { try body(.init(start: $0, count: count * (try dtype.byteCount))) }
    }

    /// Calls `body` with the address of the first element, in main memory; ``strides`` lead to the others.
    /// - Throws: ``TorchError`` when the tensor is elsewhere; what `body` throws.
    public func withPointer<Result>(_ body: (UnsafeMutableRawPointer) throws -> Result) throws -> Result {
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
