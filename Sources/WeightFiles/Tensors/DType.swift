/// The element type of a tensor.
///
/// It covers the types that libtorch computes with; the raw value is PyTorch's name.
public enum DType: String, CaseIterable, Sendable, Hashable, Codable {
    case float32
    case float64
    case float16
    case bfloat16
    case int8
    case int16
    case int32
    case int64
    case uint8
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
