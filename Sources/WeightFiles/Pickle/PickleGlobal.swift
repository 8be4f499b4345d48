/// The constructors that a pickle may name; all others are refused.
///
/// None of them is code from the file; ``Unpickler`` converts each to plain values.
enum PickleGlobal: Hashable, Sendable {
    /// `collections.OrderedDict`, `dict`, `Counter`, `defaultdict`.
    case dictionary
    case defaultDictionary
    case list
    case set
    case bytes
    case byteArray
    case complex
    case slice

    /// `_codecs.encode`, which protocol 2 uses for bytes.
    case encode

    /// `torch._utils._rebuild_tensor` (1) to `_rebuild_tensor_v3` (3).
    case rebuildTensor(version: Int)
    case rebuildParameter
    case rebuildFromType

    /// `torch.Tensor` and `torch.nn.parameter.Parameter`, arguments of the above.
    case tensorClass
    case storage(PickledElementType)
    case elementType(PickledElementType)
    case size
    case device

    /// `torch.jit._pickle.build_intlist` and similar, which return their argument.
    case scriptList
    case scriptRestoreType

    /// A class of a TorchScript archive, which is only a name.
    case scriptClass(String)

    case numpyReconstruct
    case numpyFromBuffer
    case numpyScalar
    case numpyArrayClass
    case numpyType

    private static let table: [String: PickleGlobal] = {
        var table: [String: PickleGlobal] = [
            "collections.OrderedDict": .dictionary,
            "collections.Counter": .dictionary,
            "collections.defaultdict": .defaultDictionary,
            "_codecs.encode": .encode,
            "torch._utils._rebuild_tensor": .rebuildTensor(version: 1),
            "torch._utils._rebuild_tensor_v2": .rebuildTensor(version: 2),
            "torch._utils._rebuild_tensor_v3": .rebuildTensor(version: 3),
            "torch._utils._rebuild_parameter": .rebuildParameter,
            "torch._utils._rebuild_parameter_with_state": .rebuildParameter,
            "torch._tensor._rebuild_from_type_v2": .rebuildFromType,
            "torch.Tensor": .tensorClass,
            "torch.nn.parameter.Parameter": .tensorClass,
            "torch.nn.parameter.Buffer": .tensorClass,
            "torch.Size": .size,
            "torch.device": .device,
            "torch.storage.UntypedStorage": .storage(.untyped),
            "torch.UntypedStorage": .storage(.untyped),
            "torch.jit._pickle.build_intlist": .scriptList,
            "torch.jit._pickle.build_tensorlist": .scriptList,
            "torch.jit._pickle.build_doublelist": .scriptList,
            "torch.jit._pickle.build_boollist": .scriptList,
            "torch.jit._pickle.restore_type_tag": .scriptRestoreType,
            "numpy.ndarray": .numpyArrayClass,
            "numpy.dtype": .numpyType,
        ]
        for module in ["builtins", "__builtin__"] {
            let builtins: [String: PickleGlobal] = [
                "dict": .dictionary, "list": .list, "set": .set, "frozenset": .set, "bytes": .bytes,
                "bytearray": .byteArray, "complex": .complex, "slice": .slice,
            ]
            for (name, global) in builtins { table["\(module).\(name)"] = global }
        }
        // numpy 2 renamed the module; files of both exist.
        for module in ["numpy.core", "numpy._core"] {
            table["\(module).multiarray._reconstruct"] = .numpyReconstruct
            table["\(module).multiarray.scalar"] = .numpyScalar
            table["\(module).numeric._frombuffer"] = .numpyFromBuffer
        }
        for (name, type) in PickledElementType.torchStorages { table["torch.\(name)"] = .storage(type) }
        for (name, type) in PickledElementType.torchTypes { table["torch.\(name)"] = .elementType(type) }
        return table
    }()

    /// Looks up the constructor with this full name; nil if it is not on the list.
    init?(named name: String) {
        guard let global = Self.table[name] else { return nil }
        self = global
    }
}

/// An element type as named by torch or numpy; ``DType`` has some of them.
struct PickledElementType: Hashable, Sendable {
    /// The name in the file, for messages.
    let name: String

    /// The corresponding type; nil if there is none.
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

    /// Untyped bytes (`torch.UntypedStorage`).
    static let untyped = PickledElementType("UntypedStorage", unsupportedOf: 1)

    /// The types of `torch.FloatStorage` and similar, by class name.
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

    /// The types that `torch.float32` and similar refer to.
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

    /// Creates the type of a numpy type code such as `f4`.
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
    /// PyTorch's storage class for this type.
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
