// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Conforming types get members that begin with an underscore; they are documented in the protocol.

internal import CTorch
import WeightFiles

extension DType {
    var code: ct_dtype {
        switch self {
        case .float32: CT_FLOAT32
        case .float64: CT_FLOAT64
        case .float16: CT_FLOAT16
        case .bfloat16: CT_BFLOAT16
        case .int8: CT_INT8
        case .int16: CT_INT16
        case .int32: CT_INT32
        case .int64: CT_INT64
        case .uint8: CT_UINT8
        case .bool: CT_BOOLEAN
        }
    }

    init?(code: Int32) {
        guard let type = DType.allCases.first(where: { Int64($0.code.rawValue) == Int64(code) }) else {
            return nil
        }
        self = type
    }
}

/// The order of a tensor's elements in memory.
public enum MemoryFormat: Sendable, Hashable {
    /// Row by row, the last dimension innermost.
    case contiguous
    /// Four-dimensional tensors of shape N, C, H, W with C innermost; the fastest format for convolutions on the CPU.
    case channelsLast
    /// The format of the input.
    case preserve

    var code: ct_memory_format {
        switch self {
        case .contiguous: CT_CONTIGUOUS
        case .channelsLast: CT_CHANNELS_LAST
        case .preserve: CT_PRESERVE
        }
    }
}

/// A Swift number type that tensors can be created from and converted to.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The element type of tensors with such elements.
    static var _dtype: DType { get }
}

extension Float: TensorElement {
    public static var _dtype: DType { .float32 }
}
extension Double: TensorElement {
    public static var _dtype: DType { .float64 }
}
extension Int8: TensorElement {
    public static var _dtype: DType { .int8 }
}
extension Int16: TensorElement {
    public static var _dtype: DType { .int16 }
}
extension Int32: TensorElement {
    public static var _dtype: DType { .int32 }
}
extension Int64: TensorElement {
    public static var _dtype: DType { .int64 }
}
extension Int: TensorElement {
    public static var _dtype: DType { .int64 }
}
extension UInt8: TensorElement {
    public static var _dtype: DType { .uint8 }
}
extension Bool: TensorElement {
    public static var _dtype: DType { .bool }
}
