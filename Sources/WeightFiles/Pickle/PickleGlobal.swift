/// The constructors that a pickle may name: all there are, the rest is refused.
///
/// None of them is code of the file's; each is read into plain values by ``Unpickler``.
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

    /// `_codecs.encode`, by which protocol 2 writes bytes.
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

    /// `torch.jit._pickle.build_intlist` and the like, which return their argument.
    case scriptList
    case scriptRestoreType

    /// A class of a TorchScript archive: a name, nothing else.
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
        // numpy 2 renamed the module; files of both are around.
        for module in ["numpy.core", "numpy._core"] {
            table["\(module).multiarray._reconstruct"] = .numpyReconstruct
            table["\(module).multiarray.scalar"] = .numpyScalar
            table["\(module).numeric._frombuffer"] = .numpyFromBuffer
        }
        for (name, type) in PickledElementType.torchStorages { table["torch.\(name)"] = .storage(type) }
        for (name, type) in PickledElementType.torchTypes { table["torch.\(name)"] = .elementType(type) }
        return table
    }()

    /// The constructor of this full name; nil when it is not on the list.
    init?(named name: String) {
        guard let global = Self.table[name] else { return nil }
        self = global
    }
}
