/// Reads a pickle of protocols 2 to 5 into plain values, without executing anything.
///
/// A pickle is a program for a stack machine whose instructions may call any function by name. Here only the names in
/// ``PickleGlobal`` are known, and they stand for values made by this code. Every instruction costs memory and time
/// proportional to its own bytes, counted in a ``MemoryBudget``; nothing is recursive.
struct Unpickler {
    /// The name of the file in messages.
    let origin: String

    /// The part of the file in messages, such as an archive's entry. May be empty.
    let place: String

    /// Whether classes `__torch__.…` are accepted, as in TorchScript archives.
    let allowsScriptClasses: Bool

    var cursor: ByteCursor
    var contents: PickleContents
    var stack: [PickleNodeID] = []

    /// The heights of the stack at its marks.
    var marks: [Int] = []
    var memo: [UInt32: PickleNodeID] = [:]
    var budget: MemoryBudget

    var globals: [PickleGlobal: PickleNodeID] = [:]
    var storageIndices: [String: Int] = [:]
    var decodedTexts: [PickleNodeID: PickleNodeID] = [:]
    var swappedBytes: [SwappedBytes: TensorStorage] = [:]

    /// The key of bytes that were converted to this machine's byte order.
    struct SwappedBytes: Hashable {
        let node: PickleNodeID
        let elementSize: Int
    }

    static let noneID: PickleNodeID = 0
    static let trueID: PickleNodeID = 1
    static let falseID: PickleNodeID = 2
    static let emptyTupleID: PickleNodeID = 3

    /// Creates a reader of the pickle that starts at `offset` of `bytes`.
    ///
    /// `fileSize` limits the memory; it is the archive's size if the pickle is part of one.
    init(
        bytes: TensorStorage, at offset: Int = 0, fileSize: Int, origin: String, place: String = "",
        allowsScriptClasses: Bool = false
    ) throws {
        // Valid as long as this reader, which keeps the bytes in its contents.
        let buffer = UnsafeRawBufferPointer(start: bytes.pointer, count: bytes.byteCount)
        guard let cursor = ByteCursor(buffer, at: offset) else {
            throw WeightFileError(file: origin, place: place, reason: "ends before its pickle")
        }
        self.origin = origin
        self.place = place
        self.allowsScriptClasses = allowsScriptClasses
        self.cursor = cursor
        budget = MemoryBudget(fileSize: fileSize)
        contents = PickleContents(bytes: bytes)
        contents.nodes = [.none, .boolean(true), .boolean(false), .tuple(first: 0, count: 0)]
    }

    func failure(_ reason: String) -> WeightFileError {
        let byte = "byte \(cursor.position)"
        return WeightFileError(
            file: origin, place: place.isEmpty ? byte : "\(place), \(byte)", reason: reason)
    }

    /// Runs the program to its end and returns the value that it leaves; the cursor is then behind it.
    mutating func run() throws -> PickleNodeID {
        guard cursor.integer(UInt8.self) == PickleOpcode.protocol.rawValue else {
            throw failure("is not a pickle of protocol 2 or later")
        }
        try checkProtocol()
        while true {
            let byte = try number(UInt8.self)
            guard let opcode = PickleOpcode(rawValue: byte) else { throw unknown(byte) }
            if opcode == .stop { break }
            try execute(opcode)
        }
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else {
            throw failure("the pickle ends with \(stack.count) extra values; the file is damaged")
        }
        return result
    }

    /// Reads the protocol number, which must be a supported one.
    mutating func checkProtocol() throws {
        let version = try number(UInt8.self)
        guard (2...5).contains(version) else {
            throw failure("pickle protocol \(version) is not supported (versions 2 to 5 are)")
        }
    }

    private func unknown(_ byte: UInt8) -> WeightFileError {
        switch byte {
        case 0x82, 0x83, 0x84: failure("uses Python's extension registry, which is refused")
        case 0x92: failure("builds an object with keyword arguments, which is refused")
        case UInt8(ascii: "F"), UInt8(ascii: "I"), UInt8(ascii: "L"), UInt8(ascii: "S"), UInt8(ascii: "V"),
            UInt8(ascii: "P"), UInt8(ascii: "g"), UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "p"):
            failure("has an instruction of pickle protocol 0 or 1; save it with protocol 2 or later")
        default: failure("has the unknown pickle instruction \(byte); the file is damaged or not a pickle")
        }
    }

    // MARK: Bytes

    mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws -> Number {
        guard let value = cursor.integer(type) else { throw failure("the pickle is truncated") }
        return value
    }

    mutating func range(_ count: some BinaryInteger) throws -> Range<Int> {
        guard let range = cursor.take(count) else {
            throw failure(
                "claims \(count) bytes, but \(cursor.remaining) are left; the file is truncated or damaged")
        }
        return range
    }

    // MARK: Nodes

    /// Counts memory, or throws if it exceeds the budget. Arrays count double, for the room they grow into.
    mutating func spend(_ bytes: Int) throws {
        guard budget.spend(bytes) else {
            throw failure(
                "needs more than \(budget.limit) bytes of memory, more than four times the file's size; refused"
            )
        }
    }

    mutating func add(_ node: PickleNode) throws -> PickleNodeID {
        try spend(2 * MemoryLayout<PickleNode>.stride)
        guard let id = PickleNodeID(exactly: contents.nodes.count) else {
            throw failure("has too many values")
        }
        contents.nodes.append(node)
        return id
    }

    func node(_ id: PickleNodeID) -> PickleNode { contents.nodes[Int(id)] }

    /// The constructor that a node names; nil for other values.
    func constructor(_ id: PickleNodeID) -> PickleGlobal? {
        if case .global(let index) = node(id) { contents.globals[index] } else { nil }
    }

    /// Text that is used as a name. Long text does not qualify: one string may be used a million times, so no use may
    /// take time proportional to its length.
    func name(_ id: PickleNodeID) -> String? {
        switch node(id) {
        case .text(_, let count) where count <= 1024, .byteString(_, let count) where count <= 1024:
            contents.string(node(id))
        default: nil
        }
    }

    mutating func push(_ id: PickleNodeID) throws {
        try spend(2 * MemoryLayout<PickleNodeID>.stride)
        stack.append(id)
    }

    mutating func push(_ node: PickleNode) throws { try push(add(node)) }

    /// Pops the top of the stack, never across a mark.
    mutating func pop() throws -> PickleNodeID {
        guard stack.count > marks.last ?? 0, let top = stack.popLast() else {
            throw failure("takes a value from an empty stack; the file is damaged")
        }
        return top
    }

    func top() throws -> PickleNodeID {
        guard stack.count > marks.last ?? 0, let top = stack.last else {
            throw failure("needs a value on an empty stack; the file is damaged")
        }
        return top
    }

    /// Pops everything above the last mark, and the mark.
    mutating func popToMark() throws -> [PickleNodeID] {
        guard let mark = marks.popLast() else { throw failure("lacks a mark; the file is damaged") }
        // Copied first: a slice would share the stack's memory and force a copy of all of it on the next line.
        let items = Array(stack[mark...])
        stack.removeLast(items.count)
        return items
    }
}
