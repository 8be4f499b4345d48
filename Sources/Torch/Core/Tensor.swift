internal import CTorch

/// A multi-dimensional array of numbers on a device, backed by libtorch.
///
/// A tensor has reference semantics: `let y = x` refers to the same elements, and views (slices, transposes) share
/// them. Its memory is freed with the last reference. Reading from several tasks at once is safe; writing elements
/// (methods that end in `InPlace`, ``copyInPlace(_:)``) while others read requires the caller's own synchronization, as
/// with any shared memory.
///
/// Every operation of libtorch throws ``TorchError``; one `try` covers a whole statement:
///
/// ```swift
/// let y = try x.matmul(weight.transposed(0, 1)) + bias
/// ```
public final class Tensor: @unchecked Sendable {
    let handle: ct_tensor

    /// Takes ownership of a reference.
    @inline(__always)
    init(taking handle: ct_tensor) { self.handle = handle }

    deinit { ct_tensor_release(handle) }

    // MARK: Shape

    /// The number of dimensions.
    public var rank: Int { ct_tensor_rank(handle) }

    /// The number of elements.
    public var count: Int { Int(ct_tensor_count(handle)) }

    /// The sizes of all dimensions.
    public var shape: [Int] {
        let rank = rank
        return [Int](unsafeUninitializedCapacity: rank) { buffer, count in
            buffer.withMemoryRebound(to: Int64.self) { ct_tensor_shape(handle, $0.baseAddress) }
            count = rank
        }
    }

    /// The size of one dimension; negative numbers count from the last.
    /// - Throws: ``TorchError`` if there is no such dimension.
    public func size(_ dimension: Int) throws -> Int {
        let shape = shape
        let index = dimension < 0 ? dimension + shape.count : dimension
        guard shape.indices.contains(index) else {
            throw TorchError(
                "size", arguments: [summary, "\(dimension)"],
                reason: "the tensor has \(shape.count) dimensions, there is no dimension \(dimension)")
        }
        return shape[index]
    }

    /// The distances in memory between neighbors along each dimension, in elements.
    /// - Throws: ``TorchError`` for tensors without strides, such as sparse ones.
    public var strides: [Int] {
        get throws {
            var strides = [Int64](repeating: 0, count: rank)
            try check(ct_tensor_strides(handle, &strides), "strides", [summary])
            return strides.map(Int.init)
        }
    }

    /// Whether the elements are stored in this order, without gaps.
    public func isContiguous(_ format: MemoryFormat = .contiguous) -> Bool {
        ct_tensor_is_contiguous(handle, format.code)
    }

    // MARK: Elements

    /// The element type.
    /// - Throws: ``TorchError`` for element types that this library does not cover, such as complex numbers.
    public var dtype: DType {
        get throws {
            let code = ct_tensor_dtype(handle)
            guard let type = DType(code: code) else {
                throw TorchError("dtype", reason: "libtorch's element type \(code) is not supported")
            }
            return type
        }
    }

    /// The device of the elements.
    public var device: Device { Device(ct_tensor_device(handle)) }

    /// Whether both tensors use the same memory, such as a tensor and a view of it.
    package func sharesStorage(with other: Tensor) -> Bool {
        let identity = ct_tensor_storage_identity(handle)
        return identity != 0 && identity == ct_tensor_storage_identity(other.handle)
    }

    /// Element type, shape and, unless it is the CPU, device: `float32[2, 3] cuda:0`.
    public var summary: String {
        let type = DType(code: ct_tensor_dtype(handle))?.rawValue ?? "type \(ct_tensor_dtype(handle))"
        let place = device == .cpu ? "" : " \(device)"
        return "\(type)\(shape)\(place)"
    }
}
