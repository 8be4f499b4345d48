/// An element type as torch or numpy names it, of which ``DType`` has some.
struct PickledElementType: Hashable, Sendable {
    /// The name in the file, for messages.
    let name: String

    /// The type here; nil when there is none.
    let dtype: DType?

    /// The size of one element.
    let byteCount: Int

    private init(_ name: String, _ dtype: DType) {
        self.name = name
        self.dtype = dtype
        byteCount = dtype.byteCount
    }

    private init(_ name: String, unsupportedOf byteCount: Int) {
        self.name = name
        dtype = nil
        self.byteCount = byteCount
    }

    /// Single bytes of no particular type (`torch.UntypedStorage`).
    static let untyped = PickledElementType("UntypedStorage", unsupportedOf: 1)

    /// The types of `torch.FloatStorage` and the like, by the class's name.
    static let torchStorages: [String: PickledElementType] = {
        var types = Dictionary(uniqueKeysWithValues: DType.allCases.map { ($0.torchStorage, $0) })
            .reduce(into: [:]) { $0[$1.key] = PickledElementType($1.key, $1.value) }
        let unsupported = [
            "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16, "QInt8Storage": 1, "QUInt8Storage": 1,
            "QInt32Storage": 4, "QUInt4x2Storage": 1, "QUInt2x4Storage": 1,
        ]
        for (name, size) in unsupported { types[name] = PickledElementType(name, unsupportedOf: size) }
        return types
    }()

    /// The types that `torch.float32` and the like name.
    static let torchTypes: [String: PickledElementType] = {
        var types = DType.allCases.reduce(into: [:]) { $0[$1.rawValue] = PickledElementType($1.rawValue, $1) }
        let unsupported = [
            "uint16": 2, "uint32": 4, "uint64": 8, "complex32": 4, "complex64": 8, "complex128": 16,
            "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1,
            "float8_e8m0fnu": 1,
        ]
        for (name, size) in unsupported { types[name] = PickledElementType(name, unsupportedOf: size) }
        return types
    }()

    /// The type of a numpy type code such as `f4`.
    init(numpy code: String) {
        switch code {
        case "f2": self.init(code, .float16)
        case "f4": self.init(code, .float32)
        case "f8": self.init(code, .float64)
        case "i1": self.init(code, .int8)
        case "i2": self.init(code, .int16)
        case "i4": self.init(code, .int32)
        case "i8": self.init(code, .int64)
        case "u1": self.init(code, .uint8)
        case "b1": self.init(code, .bool)
        default: self.init(code, unsupportedOf: 1)
        }
    }
}

extension DType {
    /// PyTorch's class of storages of this type.
    var torchStorage: String {
        switch self {
        case .float32: "FloatStorage"
        case .float64: "DoubleStorage"
        case .float16: "HalfStorage"
        case .bfloat16: "BFloat16Storage"
        case .int8: "CharStorage"
        case .int16: "ShortStorage"
        case .int32: "IntStorage"
        case .int64: "LongStorage"
        case .uint8: "ByteStorage"
        case .bool: "BoolStorage"
        }
    }
}
