/// A tensor as stored in a file: a view of bytes, without reading or converting them.
public struct StoredTensor: Sendable {
    /// The key in the file, or a name chosen by the creator.
    public var name: String

    /// The element type.
    public let dtype: DType

    /// Sizes of the dimensions; empty for a single number.
    public let shape: [Int]

    /// The steps in elements between neighbors along every dimension.
    public let strides: [Int]

    /// The bytes that contain the elements; several tensors may share one storage.
    public let storage: TensorStorage

    /// The position of the first element in `storage`, in elements.
    public let storageOffset: Int

    /// The number of elements.
    public let count: Int

    /// Creates a view of `storage`; without strides, it is row-major.
    ///
    /// - Throws: ``WeightFileError`` if a size, a stride or the offset is negative, or an element is outside the
    ///   storage.
    public init(
        name: String, dtype: DType, shape: [Int], strides: [Int]? = nil, storage: TensorStorage,
        storageOffset: Int = 0
    ) throws {
        func failure(_ reason: String) -> WeightFileError {
            WeightFileError(file: "tensor", place: "'\(name)'", reason: reason)
        }
        guard let layout = StridedLayout(shape: shape, strides: strides) else {
            throw failure(
                "shape \(shape) with strides \(strides.map { "\($0)" } ?? "none") is not a valid tensor layout"
            )
        }
        guard storageOffset >= 0, storage.byteCount / dtype.byteCount >= storageOffset,
            layout.extent <= storage.byteCount / dtype.byteCount - storageOffset
        else {
            throw failure(
                "\(dtype) \(shape), strides \(layout.strides), offset \(storageOffset) extend beyond the "
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

    /// Whether the elements are in row-major order without gaps.
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

    /// Whether the first element is aligned for the element type, so that it can be used in place.
    public var isAligned: Bool { Int(bitPattern: pointer) % dtype.byteCount == 0 }
}

/// Validated sizes and steps of a tensor.
struct StridedLayout {
    let strides: [Int]
    let count: Int

    /// The number of elements from the first to one past the last that is reached; 0 for an empty tensor.
    let extent: Int

    /// Nil if a number is negative, there are too many dimensions, or a product overflows.
    init?(shape: [Int], strides given: [Int]?) {
        guard shape.count <= 64, given.map({ $0.count == shape.count }) ?? true else { return nil }
        var packed = [Int](repeating: 1, count: shape.count)
        var count = 1
        var largest = 1
        for index in shape.indices.reversed() {
            guard shape[index] >= 0 else { return nil }
            packed[index] = largest
            let (product, overflow) = largest.multipliedReportingOverflow(by: max(shape[index], 1))
            // Leaves room for the largest element's bytes too.
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

extension StoredTensor {
    /// Row-major bytes of the elements: in place if they are stored that way, otherwise in a packed copy.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        if isContiguous {
            return try withExtendedLifetime(storage) {
                try body(UnsafeRawBufferPointer(start: pointer, count: byteCount))
            }
        }
        let packed = packedStorage()
        return try packed.withUnsafeBytes(body)
    }

    /// A row-major tensor with the same elements; this tensor if it is row-major already.
    public func contiguous() throws -> StoredTensor {
        isContiguous
            ? self : try StoredTensor(name: name, dtype: dtype, shape: shape, storage: packedStorage())
    }

    private func packedStorage() -> TensorStorage {
        TensorStorage(byteCount: byteCount) { target in
            let size = dtype.byteCount
            var index = [Int](repeating: 0, count: shape.count)
            var source = 0
            withExtendedLifetime(storage) {
                for element in 0..<count {
                    let from = UnsafeRawBufferPointer(start: pointer + source * size, count: size)
                    UnsafeMutableRawBufferPointer(rebasing: target[element * size..<(element + 1) * size])
                        .copyMemory(from: from)
                    for dimension in shape.indices.reversed() {
                        index[dimension] += 1
                        source += strides[dimension]
                        if index[dimension] < shape[dimension] { break }
                        source -= strides[dimension] * shape[dimension]
                        index[dimension] = 0
                    }
                }
            }
        }
    }

    private func elements<Element: BitwiseCopyable, Value>(
        _ type: Element.Type, _ convert: (Element) -> Value
    ) -> [Value] {
        withUnsafeBytes { bytes in
            (0..<count).map {
                convert(bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: type))
            }
        }
    }

    /// The elements in row-major order as 64-bit floating-point numbers, from any element type.
    public func doubles() -> [Double] {
        switch dtype {
        case .float32: elements(Float.self) { Double($0) }
        case .float64: elements(Double.self) { $0 }
        case .float16: elements(UInt16.self) { Double(HalfPrecision.float(half: $0)) }
        case .bfloat16: elements(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
        case .int8: elements(Int8.self) { Double($0) }
        case .int16: elements(Int16.self) { Double($0) }
        case .int32: elements(Int32.self) { Double($0) }
        case .int64: elements(Int64.self) { Double($0) }
        case .uint8: elements(UInt8.self) { Double($0) }
        case .bool: elements(UInt8.self) { $0 == 0 ? 0 : 1 }
        }
    }

    /// The elements in row-major order as 32-bit floating-point numbers, rounded if the type is wider.
    public func floats() -> [Float] {
        switch dtype {
        case .float32: elements(Float.self) { $0 }
        case .float16: elements(UInt16.self) { HalfPrecision.float(half: $0) }
        case .bfloat16: elements(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        default: doubles().map { Float($0) }
        }
    }

    /// The elements in row-major order as integers.
    ///
    /// - Throws: ``WeightFileError`` if the tensor has a floating-point type.
    public func integers() throws -> [Int64] {
        switch dtype {
        case .int8: elements(Int8.self) { Int64($0) }
        case .int16: elements(Int16.self) { Int64($0) }
        case .int32: elements(Int32.self) { Int64($0) }
        case .int64: elements(Int64.self) { $0 }
        case .uint8: elements(UInt8.self) { Int64($0) }
        case .bool: elements(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .float16, .bfloat16, .float32, .float64:
            throw WeightFileError(
                file: "tensor", place: "'\(name)'", reason: "has \(dtype) elements, but integers are needed")
        }
    }

    /// The row-major bytes of the elements, as an array.
    public func bytes() -> [UInt8] { withUnsafeBytes { Array($0) } }
}

/// Converts 16-bit floating-point numbers without `Float16`, which macOS on Intel lacks.
enum HalfPrecision {
    static func float(half bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return sign == 0 ? magnitude : -magnitude
        case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}

extension StoredTensor: CustomStringConvertible {
    /// Name, element type and shape.
    public var description: String { "\(name): \(dtype) \(shape)" }
}
