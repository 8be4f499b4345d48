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

/// A Swift number type that tensors are made of and read back as.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The element type of tensors that hold such numbers.
    static var dtype: DType { get }
}

extension Float: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .float32 }
}
extension Double: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .float64 }
}
extension Int8: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .int8 }
}
extension Int16: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .int16 }
}
extension Int32: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .int32 }
}
extension Int64: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .int64 }
}
extension Int: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .int64 }
}
extension UInt8: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .uint8 }
}
extension Bool: TensorElement {
    /// The element type that tensors of such values have.
    public static var dtype: DType { .bool }
}
