/// The element type of a tensor.
///
/// It covers the types that libtorch computes with; the raw value is PyTorch's name.
public enum DType: String, CaseIterable, Sendable, Hashable, Codable {
    /// IEEE 754 single precision.
    case float32
    /// IEEE 754 double precision.
    case float64
    /// IEEE 754 half precision.
    case float16
    /// The upper half of a `float32`.
    case bfloat16
    /// 8 bits, signed.
    case int8
    /// 16 bits, signed.
    case int16
    /// 32 bits, signed.
    case int32
    /// 64 bits, signed.
    case int64
    /// 8 bits, unsigned.
    case uint8
    /// One byte, 0 or 1.
    case bool

    /// The size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .int8, .uint8, .bool: 1
        case .float16, .bfloat16, .int16: 2
        case .float32, .int32: 4
        case .float64, .int64: 8
        }
    }

    /// Whether elements are floating-point numbers, of any width.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float64, .float16, .bfloat16: true
        case .int8, .int16, .int32, .int64, .uint8, .bool: false
        }
    }
}

extension DType: CustomStringConvertible {
    /// PyTorch's name of the type.
    public var description: String { rawValue }
}
