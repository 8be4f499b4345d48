/// A tensor as a file holds it: a view of bytes, nothing read or converted yet.
public struct StoredTensor: Sendable {
    /// The key under which the file has it, or what the maker calls it.
    public var name: String

    /// The element type.
    public let dtype: DType

    /// Sizes of the dimensions; empty for a single number.
    public let shape: [Int]

    /// Steps in elements between neighbours along every dimension.
    public let strides: [Int]

    /// The bytes that the elements lie in; several tensors may share one.
    public let storage: TensorStorage

    /// The place of the first element in `storage`, in elements.
    public let storageOffset: Int

    /// The number of elements.
    public let count: Int

    /// A view of `storage`; without strides, row-major.
    ///
    /// - Throws: ``WeightFileError`` when a size, stride or the offset is negative, or an element would lie
    ///   outside the storage.
    public init(
        name: String, dtype: DType, shape: [Int], strides: [Int]? = nil, storage: TensorStorage,
        storageOffset: Int = 0
    ) throws {
        func failure(_ reason: String) -> WeightFileError {
            WeightFileError(file: "tensor", place: "'\(name)'", reason: reason)
        }
        guard let layout = StridedLayout(shape: shape, strides: strides) else {
            throw failure(
                "shape \(shape) with strides \(strides.map { "\($0)" } ?? "none") is not that of a tensor")
        }
        guard storageOffset >= 0, storage.byteCount / dtype.byteCount >= storageOffset,
            layout.extent <= storage.byteCount / dtype.byteCount - storageOffset
        else {
            throw failure(
                "\(dtype) \(shape), strides \(layout.strides), offset \(storageOffset) reach outside the "
                    + "\(storage.byteCount) bytes of its storage")
        }
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.strides = layout.strides
        self.storage = storage
        self.storageOffset = storageOffset
        self.count = layout.count
    }

    /// The size of the elements in bytes, packed.
    public var byteCount: Int { count * dtype.byteCount }

    /// Whether the elements follow each other in row-major order without gaps.
    public var isContiguous: Bool {
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            if stride != expected { return count == 0 }
            expected *= size
        }
        return true
    }

    /// The address of the first element. Valid while ``storage`` lives.
    public var pointer: UnsafeMutableRawPointer { storage.pointer + storageOffset * dtype.byteCount }

    /// Whether the first element's address suits the element type, so that it can be used in place.
    public var isAligned: Bool { Int(bitPattern: pointer) % dtype.byteCount == 0 }
}

/// Checked sizes and steps of a tensor.
struct StridedLayout {
    let strides: [Int]
    let count: Int

    /// Elements from the first to the one past the last that is reached; 0 for an empty tensor.
    let extent: Int

    /// Nil when a number is negative, too many dimensions are given, or a product overflows.
    init?(shape: [Int], strides given: [Int]?) {
        guard shape.count <= 64, given.map({ $0.count == shape.count }) ?? true else { return nil }
        var packed = [Int](repeating: 1, count: shape.count)
        var count = 1
        var largest = 1
        for index in shape.indices.reversed() {
            guard shape[index] >= 0 else { return nil }
            packed[index] = largest
            let (product, overflow) = largest.multipliedReportingOverflow(by: max(shape[index], 1))
            // Room for the largest element's bytes too.
            guard !overflow, product <= Int.max / 16 else { return nil }
            largest = product
            count *= shape[index] == 0 ? 0 : 1
        }
        count = count == 0 ? 0 : largest
        let strides = given ?? packed
        var last = 0
        for (size, stride) in zip(shape, strides) {
            guard stride >= 0 else { return nil }
            guard size > 0 else { continue }
            let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, overflowOfSum) = last.addingReportingOverflow(reach)
            guard !overflow, !overflowOfSum, sum < Int.max / 16 else { return nil }
            last = sum
        }
        self.strides = strides
        self.count = count
        extent = count == 0 ? 0 : last + 1
    }
}
