extension Unpickler {
    /// Executes one instruction.
    mutating func execute(_ opcode: PickleOpcode) throws {
        switch opcode {
        case .protocol: try checkProtocol()
        case .frame:
            let length = try number(UInt64.self)
            guard length <= UInt64(cursor.remaining) else {
                throw failure("a frame of \(length) bytes, but \(cursor.remaining) are left")
            }
        case .stop: break
        case .mark:
            try spend(2 * MemoryLayout<Int>.stride)
            marks.append(stack.count)
        case .pop:
            // As in CPython: a mark on top is popped.
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
        case .popMark: _ = try popToMark()
        case .duplicate: try push(top())
        case .none: try push(Self.noneID)
        case .newTrue: try push(Self.trueID)
        case .newFalse: try push(Self.falseID)
        case .binaryInteger, .binaryInteger1, .binaryInteger2, .long1, .long4, .binaryFloat:
            try push(numberNode(opcode))
        case .binaryUnicode, .shortBinaryUnicode, .binaryUnicode8, .binaryBytes, .shortBinaryBytes,
            .binaryBytes8, .byteArray8, .binaryString, .shortBinaryString:
            try push(runNode(opcode))
        case .emptyList, .emptySet: try push(makeList([]))
        case .list, .frozenSet: try push(makeList(popToMark()))
        case .append:
            let item = try pop()
            try append([item], to: top())
        case .appends, .addItems:
            let items = try popToMark()
            try append(items, to: top())
        case .emptyTuple: try push(Self.emptyTupleID)
        case .tuple: try push(makeTuple(popToMark()))
        case .tuple1, .tuple2, .tuple3:
            var items: [PickleNodeID] = []
            for _ in 0...(opcode.rawValue - PickleOpcode.tuple1.rawValue) { items.append(try pop()) }
            try push(makeTuple(items.reversed()))
        case .emptyDictionary: try push(makeDictionary([]))
        case .dictionary: try push(makeDictionary(popToMark()))
        case .setItem:
            let value = try pop()
            let key = try pop()
            try setItems([key, value], of: top())
        case .setItems:
            let items = try popToMark()
            try setItems(items, of: top())
        case .binaryGet:
            let key = try number(UInt8.self)
            try recall(UInt32(key))
        case .longBinaryGet: try recall(number(UInt32.self))
        case .binaryPut:
            let key = try number(UInt8.self)
            try memorize(UInt32(key))
        case .longBinaryPut: try memorize(number(UInt32.self))
        case .memoize: try memorize(UInt32(truncatingIfNeeded: memo.count))
        case .global, .stackGlobal: try push(global(opcode))
        case .reduce:
            let arguments = try pop()
            try push(call(pop(), arguments))
        case .newObject:
            let arguments = try pop()
            try push(newObject(pop(), arguments))
        case .build:
            let state = try pop()
            try build(top(), state)
        case .binaryPersistentID: try push(persistentStorage(pop()))
        case .nextBuffer, .readOnlyBuffer:
            throw failure(
                "stores its data outside of the pickle (out-of-band buffers), which is not supported")
        }
    }

    private mutating func numberNode(_ opcode: PickleOpcode) throws -> PickleNode {
        switch opcode {
        case .binaryInteger: return .integer(Int64(try number(Int32.self)))
        case .binaryInteger1: return .integer(Int64(try number(UInt8.self)))
        case .binaryInteger2: return .integer(Int64(try number(UInt16.self)))
        case .binaryFloat: return .real(Double(bitPattern: try number(UInt64.self).byteSwapped))
        default:
            let count = opcode == .long1 ? Int(try number(UInt8.self)) : Int(try number(Int32.self))
            let bytes = cursor[try range(count)]
            guard count <= 8 else { return .longInteger(byteCount: count) }
            // Little-endian two's complement of any length.
            var value: Int64 = (bytes.last ?? 0) & 0x80 == 0 ? 0 : -1
            for byte in bytes.reversed() { value = value << 8 | Int64(byte) }
            return .integer(value)
        }
    }

    /// A run of bytes or text, left in place.
    private mutating func runNode(_ opcode: PickleOpcode) throws -> PickleNode {
        let range =
            switch opcode {
            case .shortBinaryUnicode, .shortBinaryBytes, .shortBinaryString: try range(number(UInt8.self))
            case .binaryUnicode, .binaryBytes: try range(number(UInt32.self))
            case .binaryString: try range(number(Int32.self))
            default: try range(number(UInt64.self))
            }
        switch opcode {
        case .shortBinaryUnicode, .binaryUnicode, .binaryUnicode8:
            return .text(offset: range.lowerBound, count: range.count)
        case .shortBinaryString, .binaryString:
            return .byteString(offset: range.lowerBound, count: range.count)
        default: return .bytes(offset: range.lowerBound, count: range.count)
        }
    }

    // MARK: Containers

    /// The memory of an empty array on the heap.
    private static let arrayCost = 40

    mutating func makeList(_ items: [PickleNodeID]) throws -> PickleNodeID {
        try spend(Self.arrayCost + items.count * MemoryLayout<PickleNodeID>.stride)
        contents.lists.append(items)
        return try add(.list(contents.lists.count - 1))
    }

    mutating func makeTuple(_ items: [PickleNodeID]) throws -> PickleNodeID {
        if items.isEmpty { return Self.emptyTupleID }
        try spend(2 * items.count * MemoryLayout<PickleNodeID>.stride)
        let first = contents.children.count
        contents.children.append(contentsOf: items)
        return try add(.tuple(first: first, count: items.count))
    }

    mutating func makeDictionary(_ items: [PickleNodeID]) throws -> PickleNodeID {
        guard items.count.isMultiple(of: 2) else { throw failure("a dictionary with a key without value") }
        try spend(Self.arrayCost + items.count * MemoryLayout<PickleNodeID>.stride)
        contents.dictionaries.append(items)
        return try add(.dictionary(contents.dictionaries.count - 1))
    }

    private mutating func append(_ items: [PickleNodeID], to target: PickleNodeID) throws {
        guard case .list(let index) = node(target) else {
            throw failure("appends to something that is not a list")
        }
        // Twice, for the growth of the array.
        try spend(2 * items.count * MemoryLayout<PickleNodeID>.stride)
        contents.lists[index].append(contentsOf: items)
    }

    private mutating func setItems(_ items: [PickleNodeID], of target: PickleNodeID) throws {
        guard case .dictionary(let index) = node(target) else {
            throw failure("sets items of something that is not a dictionary")
        }
        guard items.count.isMultiple(of: 2) else { throw failure("a dictionary with a key without value") }
        try spend(2 * items.count * MemoryLayout<PickleNodeID>.stride)
        contents.dictionaries[index].append(contentsOf: items)
    }

    /// The elements of a tuple or list; nil for other values.
    func elements(_ id: PickleNodeID) -> ArraySlice<PickleNodeID>? {
        switch node(id) {
        case .tuple(let first, let count): contents.children[first..<first + count]
        case .list(let index): contents.lists[index][...]
        default: nil
        }
    }

    // MARK: Memo

    private mutating func memorize(_ key: UInt32) throws {
        let value = try top()
        // An entry of a dictionary, including its share of empty slots and of the copy when it grows.
        if memo.updateValue(value, forKey: key) == nil { try spend(40) }
    }

    private mutating func recall(_ key: UInt32) throws {
        guard let id = memo[key] else {
            throw failure("refers to value \(key), which it has not saved; the file is damaged")
        }
        try push(id)
    }
}

/// The instructions of pickle protocols 2 to 5, by CPython's names (Lib/pickletools.py).
///
/// The text instructions of protocols 0 and 1 and the extension registry are missing deliberately: no weight file uses
/// them.
enum PickleOpcode: UInt8 {
    case mark = 0x28
    case emptyTuple = 0x29
    case stop = 0x2E
    case pop = 0x30
    case popMark = 0x31
    case duplicate = 0x32
    case binaryBytes = 0x42
    case shortBinaryBytes = 0x43
    case binaryFloat = 0x47
    case binaryInteger = 0x4A
    case binaryInteger1 = 0x4B
    case binaryInteger2 = 0x4D
    case none = 0x4E
    case binaryPersistentID = 0x51
    case reduce = 0x52
    case binaryString = 0x54
    case shortBinaryString = 0x55
    case binaryUnicode = 0x58
    case emptyList = 0x5D
    case append = 0x61
    case build = 0x62
    case global = 0x63
    case dictionary = 0x64
    case appends = 0x65
    case binaryGet = 0x68
    case longBinaryGet = 0x6A
    case list = 0x6C
    case binaryPut = 0x71
    case longBinaryPut = 0x72
    case setItem = 0x73
    case tuple = 0x74
    case setItems = 0x75
    case emptyDictionary = 0x7D
    case `protocol` = 0x80
    case newObject = 0x81
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case newTrue = 0x88
    case newFalse = 0x89
    case long1 = 0x8A
    case long4 = 0x8B
    case shortBinaryUnicode = 0x8C
    case binaryUnicode8 = 0x8D
    case binaryBytes8 = 0x8E
    case emptySet = 0x8F
    case addItems = 0x90
    case frozenSet = 0x91
    case stackGlobal = 0x93
    case memoize = 0x94
    case frame = 0x95
    case byteArray8 = 0x96
    case nextBuffer = 0x97
    case readOnlyBuffer = 0x98
}
