extension Unpickler {
    /// The constructor named by the next bytes (protocol 2) or by the stack (protocol 4).
    mutating func global(_ opcode: PickleOpcode) throws -> PickleNodeID {
        let module: String
        let name: String
        if opcode == .global {
            guard let first = cursor.line(), let second = cursor.line() else {
                throw failure("the pickle is truncated inside a name")
            }
            module = String(decoding: cursor[first], as: UTF8.self)
            name = String(decoding: cursor[second], as: UTF8.self)
        } else {
            let (second, first) = (try pop(), try pop())
            guard let first = self.name(first), let text = self.name(second) else {
                throw failure("a constructor whose name is not a short text")
            }
            module = first
            name = text
        }
        let full = "\(module).\(name)"
        let global: PickleGlobal
        if let known = PickleGlobal(named: full) {
            global = known
        } else if module == "__torch__" || module.hasPrefix("__torch__.") {
            guard allowsScriptClasses else {
                throw failure("has the class \(Self.quoted(full)) of a TorchScript archive")
            }
            try spend(64 + full.utf8.count)
            global = .scriptClass(full)
        } else {
            throw failure(
                "names \(Self.quoted(full)), which is not on the list of supported constructors; save plain "
                    + "tensors, numbers, text, lists and dictionaries (a state_dict), not objects")
        }
        if let id = globals[global] { return id }
        contents.globals.append(global)
        let id = try add(.global(contents.globals.count - 1))
        globals[global] = id
        return id
    }

    /// A name from the file, truncated to a reasonable length, with control characters escaped.
    private static func quoted(_ name: String) -> String { String(name.prefix(200)).debugDescription }

    /// The value of `function(arguments)`.
    mutating func call(_ function: PickleNodeID, _ arguments: PickleNodeID) throws -> PickleNodeID {
        guard let global = constructor(function) else {
            throw failure("calls something that is not a constructor; refused")
        }
        guard case .tuple(let first, let count) = node(arguments) else {
            throw failure("calls a constructor without a tuple of arguments")
        }
        // Constructors take a dozen arguments at most; the truncation does not affect those that matter.
        let values = Array(contents.children[first..<first + min(count, 16)])
        switch global {
        case .dictionary: return try dictionary(values)
        case .defaultDictionary: return try makeDictionary([])
        case .list, .set: return try list(values)
        case .bytes, .byteArray: return try bytes(values)
        case .encode: return try encode(values)
        case .complex, .slice:
            guard (1...3).contains(count) else {
                throw failure("a complex number or slice of \(count) parts")
            }
            return arguments
        case .size: return try single(values, "torch.Size")
        case .device: return try makeTuple(values)
        case .scriptList: return try single(values, "a TorchScript list")
        case .scriptRestoreType:
            guard let value = values.first else { throw failure("restores the type of nothing") }
            return value
        case .rebuildTensor(let version): return try rebuildTensor(values, version: version)
        case .rebuildParameter:
            guard let data = values.first, case .tensor = node(data) else {
                throw failure("a parameter that is not a tensor")
            }
            return data
        case .rebuildFromType: return try rebuildFromType(values)
        case .numpyReconstruct: return try addTensor(.empty)
        case .numpyFromBuffer: return try arrayFromBuffer(values)
        case .numpyScalar: return try arrayScalar(values)
        case .numpyType: return try arrayType(values)
        case .tensorClass, .storage, .elementType, .scriptClass, .numpyArrayClass:
            throw failure("calls a class that may only be named; refused")
        }
    }

    private func single(_ values: [PickleNodeID], _ what: String) throws -> PickleNodeID {
        guard values.count == 1, elements(values[0]) != nil else {
            throw failure("\(what) that is not made from one list")
        }
        return values[0]
    }

    /// `dict()` or `dict([(key, value), …])`.
    private mutating func dictionary(_ values: [PickleNodeID]) throws -> PickleNodeID {
        guard let first = values.first else { return try makeDictionary([]) }
        if case .dictionary = node(first) { return try copyOfDictionary(first) }
        guard values.count == 1, let pairs = elements(first) else {
            throw failure("a dictionary that is not made from a list of pairs")
        }
        var items: [PickleNodeID] = []
        for pair in pairs {
            guard let pair = elements(pair), pair.count == 2 else {
                throw failure("a dictionary that is not made from a list of pairs")
            }
            try spend(2 * MemoryLayout<PickleNodeID>.stride)
            items.append(contentsOf: pair)
        }
        return try makeDictionary(items)
    }

    private mutating func copyOfDictionary(_ id: PickleNodeID) throws -> PickleNodeID {
        guard case .dictionary(let index) = node(id) else { throw failure("not a dictionary") }
        return try makeDictionary(contents.dictionaries[index])
    }

    private mutating func list(_ values: [PickleNodeID]) throws -> PickleNodeID {
        guard let first = values.first else { return try makeList([]) }
        guard values.count == 1, let items = elements(first) else {
            throw failure("a list or set that is not made from one list")
        }
        return try makeList(Array(items))
    }

    /// `bytes()` without arguments, of bytes, or of text and the name of its encoding.
    private mutating func bytes(_ values: [PickleNodeID]) throws -> PickleNodeID {
        guard let first = values.first else { return try add(.bytes(offset: 0, count: 0)) }
        if values.count == 2 { return try encode(values) }
        switch node(first) {
        case .bytes, .byteString, .decodedBytes: return first
        default: throw failure("bytes that are made from something else")
        }
    }

    /// `_codecs.encode(text, "latin1")`.
    private mutating func encode(_ values: [PickleNodeID]) throws -> PickleNodeID {
        guard values.count == 2, let encoding = name(values[1]),
            ["latin1", "latin-1", "iso-8859-1"].contains(encoding)
        else { throw failure("bytes in an encoding other than latin1") }
        // Once per text, however often it is encoded.
        if let id = decodedTexts[values[0]] { return id }
        guard case .text(let offset, let count) = node(values[0]) else {
            throw failure("encodes something that is not text")
        }
        try spend(count + 64)
        guard let decoded = Self.latin1(cursor[offset..<offset + count]) else {
            throw failure("text that is not latin1, although bytes are encoded that way")
        }
        contents.decoded.append(decoded)
        let id = try add(.decodedBytes(contents.decoded.count - 1))
        decodedTexts[values[0]] = id
        return id
    }

    /// The bytes whose Latin-1 reading is `text`, in UTF-8.
    private static func latin1(_ text: UnsafeRawBufferPointer) -> TensorStorage? {
        let count = text.count { $0 & 0xC0 != 0x80 }
        var isValid = true
        let storage = TensorStorage(byteCount: count) { target in
            var (position, made) = (0, 0)
            while position < text.count, made < count {
                let byte = text[position]
                position += 1
                if byte < 0x80 {
                    target[made] = byte
                } else if byte == 0xC2 || byte == 0xC3, position < text.count,
                    text[position] & 0xC0 == 0x80
                {
                    target[made] = byte << 6 | text[position] & 0x3F
                    position += 1
                } else {
                    break
                }
                made += 1
            }
            isValid = made == count && position == text.count
        }
        return isValid ? storage : nil
    }

    /// `class.__new__(class)`, only for classes of TorchScript archives.
    mutating func newObject(_ type: PickleNodeID, _ arguments: PickleNodeID) throws -> PickleNodeID {
        guard case .scriptClass(let name) = constructor(type) else {
            throw failure("creates an instance of something that is not a TorchScript class; refused")
        }
        guard elements(arguments)?.isEmpty == true else {
            throw failure("creates an instance of \(Self.quoted(name)) from arguments")
        }
        try spend(MemoryLayout<PickledObject>.stride)
        contents.objects.append(PickledObject(className: name))
        return try add(.object(contents.objects.count - 1))
    }

    /// `target.__setstate__(state)`.
    mutating func build(_ target: PickleNodeID, _ state: PickleNodeID) throws {
        switch node(target) {
        case .object(let index):
            guard contents.objects[index].state == nil else { throw failure("sets an object's state twice") }
            contents.objects[index].state = state
        case .dictionary:
            // A state_dict carries its modules' versions as an attribute; they are irrelevant to tensors.
            guard case .dictionary = node(state) else { throw failure("a dictionary's odd attributes") }
        case .tensor(let index): try fillArray(index, state)
        case .arrayType(let index): try completeArrayType(index, state)
        default: throw failure("sets the state of a value that has none; refused")
        }
    }
}
