/// Writes a checkpoint's values as the pickle (protocol 2) that `torch.load(weights_only=True)` reads, and collects the
/// storages that it refers to.
struct CheckpointPickler {
    /// The bytes shared by tensors with the same memory and element type.
    private struct StorageKey: Hashable {
        let address: Int
        let byteCount: Int
        let dtype: DType
    }

    /// A storage: the part of the memory that tensors use, in elements.
    struct Storage {
        let memory: TensorStorage
        let dtype: DType
        var range: Range<Int>

        /// The bytes of that part.
        func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
            try memory.withUnsafeBytes { bytes in
                let size = dtype.byteCount
                return try body(
                    UnsafeRawBufferPointer(
                        rebasing: bytes[range.lowerBound * size..<range.upperBound * size]))
            }
        }
    }

    /// The pickle.
    private(set) var bytes: [UInt8] = [PickleOpcode.protocol.rawValue, 2]

    /// The storages, whose keys are their indices.
    private(set) var storages: [Storage] = []

    private let path: String
    private var storageIndices: [StorageKey: Int] = [:]
    private var memo: [String: UInt32] = [:]

    /// Pickles `value`; messages name the file `path`.
    ///
    /// - Throws: ``WeightFileError`` if a dictionary has a duplicate key or values are nested deeper than 100 levels.
    init(_ value: CheckpointValue, path: String) throws {
        self.path = path
        // The used part of each storage must be known before the first tensor's offset is written.
        try collect(value, depth: 0)
        write(value)
        write(.stop)
    }

    private mutating func collect(_ value: CheckpointValue, depth: Int) throws {
        guard depth <= 100 else {
            throw WeightFileError(
                file: path, reason: "values are nested deeper than 100 levels; nothing was written")
        }
        switch value {
        case .tensor(let tensor): collect(tensor)
        case .list(let values), .tuple(let values):
            for value in values { try collect(value, depth: depth + 1) }
        case .dictionary(let items):
            var keys: Set<CheckpointValue.Key> = []
            for (key, value) in items {
                guard keys.insert(key).inserted else {
                    throw WeightFileError(
                        file: path, place: "\(key)",
                        reason: "occurs twice in a dictionary; nothing was written")
                }
                try collect(value, depth: depth + 1)
            }
        case .text(let text):
            guard text.utf8.count <= Int(Int32.max) else {
                throw WeightFileError(file: path, reason: "text exceeds 2 GB; nothing was written")
            }
        case .none, .boolean, .integer, .real: break
        }
    }

    private func key(_ tensor: StoredTensor) -> StorageKey {
        StorageKey(
            address: Int(bitPattern: tensor.storage.pointer), byteCount: tensor.storage.byteCount,
            dtype: tensor.dtype)
    }

    private mutating func collect(_ tensor: StoredTensor) {
        let extent = StridedLayout(shape: tensor.shape, strides: tensor.strides)?.extent ?? 0
        let used = tensor.storageOffset..<tensor.storageOffset + extent
        let key = key(tensor)
        if let index = storageIndices[key] {
            guard !used.isEmpty else { return }
            let known = storages[index].range
            storages[index].range =
                known.isEmpty
                ? used : min(known.lowerBound, used.lowerBound)..<max(known.upperBound, used.upperBound)
        } else {
            storageIndices[key] = storages.count
            storages.append(Storage(memory: tensor.storage, dtype: tensor.dtype, range: used))
        }
    }

    // MARK: Instructions

    private mutating func write(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

    private mutating func write(_ value: CheckpointValue) {
        switch value {
        case .none: write(PickleOpcode.none)
        case .boolean(let value): write(value ? .newTrue : .newFalse)
        case .integer(let value): write(value)
        case .real(let value):
            write(.binaryFloat)
            bytes.appendInteger(value.bitPattern.byteSwapped)
        case .text(let text): write(text)
        case .list(let values):
            write(.emptyList)
            write(.mark)
            for value in values { write(value) }
            write(.appends)
        case .tuple(let values):
            write(.mark)
            for value in values { write(value) }
            write(.tuple)
        case .dictionary(let items):
            write(.emptyDictionary)
            write(.mark)
            for (key, value) in items {
                switch key {
                case .text(let text): write(text)
                case .integer(let number): write(number)
                }
                write(value)
            }
            write(.setItems)
        case .tensor(let tensor): write(tensor)
        }
    }

    private mutating func write(_ number: Int) {
        if let small = UInt8(exactly: number) {
            write(.binaryInteger1)
            bytes.appendInteger(small)
        } else if let number = Int32(exactly: number) {
            write(.binaryInteger)
            bytes.appendInteger(number)
        } else {
            write(.long1)
            bytes.appendInteger(UInt8(8))
            bytes.appendInteger(Int64(number))
        }
    }

    private mutating func write(_ text: String) {
        write(.binaryUnicode)
        bytes.appendInteger(UInt32(truncatingIfNeeded: text.utf8.count))
        bytes += text.utf8
    }

    /// A name shared by many tensors: written once, then recalled.
    private mutating func recallOrWrite(_ name: String, _ body: (inout CheckpointPickler) -> Void) {
        if let index = memo[name] {
            write(.longBinaryGet)
            bytes.appendInteger(index)
        } else {
            body(&self)
            write(.longBinaryPut)
            bytes.appendInteger(UInt32(memo.count))
            memo[name] = UInt32(memo.count)
        }
    }

    private mutating func write(global module: String, _ name: String) {
        recallOrWrite("\(module).\(name)") {
            $0.write(.global)
            $0.bytes += "\(module)\n\(name)\n".utf8
        }
    }

    private mutating func write(tuple numbers: [Int]) {
        write(.mark)
        for number in numbers { write(number) }
        write(.tuple)
    }

    /// `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict())`.
    private mutating func write(_ tensor: StoredTensor) {
        let index = storageIndices[key(tensor)] ?? 0
        let storage = storages[index]
        write(global: "torch._utils", "_rebuild_tensor_v2")
        write(.mark)
        write(.mark)
        recallOrWrite("'storage'") { $0.write("storage") }
        write(global: "torch", tensor.dtype.torchStorage)
        write("\(index)")
        recallOrWrite("'cpu'") { $0.write("cpu") }
        write(storage.range.count)
        write(.tuple)
        write(.binaryPersistentID)
        write(tensor.count == 0 ? 0 : tensor.storageOffset - storage.range.lowerBound)
        write(tuple: tensor.shape)
        write(tuple: tensor.strides)
        write(.newFalse)
        write(global: "collections", "OrderedDict")
        write(.emptyTuple)
        write(.reduce)
        write(.tuple)
        write(.reduce)
    }
}

/// A value to be written to a checkpoint by `PyTorchArchive.write(_:to:)`.
///
/// Literals can be used directly: `["epoch": 3, "model": .tensors(state), "rates": [0.1, 0.01]]`.
public enum CheckpointValue: Sendable {
    /// `None`.
    case none
    /// `True` or `False`.
    case boolean(Bool)
    /// An integer.
    case integer(Int)
    /// Creates a floating-point number.
    case real(Double)
    /// Creates a string.
    case text(String)
    /// Creates a list.
    case list([CheckpointValue])
    /// A tuple.
    case tuple([CheckpointValue])
    /// A dictionary in this order.
    case dictionary([(key: Key, value: CheckpointValue)])
    /// A tensor; its name is not written.
    case tensor(StoredTensor)

    /// A key of a dictionary: text, or an integer as in the states of torch's optimizers.
    public enum Key: Sendable, Hashable {
        /// Creates a string.
        case text(String)
        /// An integer.
        case integer(Int)
    }

    /// A dictionary of tensors keyed by name: a state_dict.
    public static func tensors(_ tensors: [StoredTensor]) -> CheckpointValue {
        .dictionary(tensors.map { (.text($0.name), .tensor($0)) })
    }
}

extension CheckpointValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// `None`.
    public init(nilLiteral: ()) { self = .none }

    /// `True` or `False`.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }

    /// Creates an integer.
    public init(integerLiteral value: Int) { self = .integer(value) }

    /// Creates a floating-point number.
    public init(floatLiteral value: Double) { self = .real(value) }

    /// Creates a string.
    public init(stringLiteral value: String) { self = .text(value) }

    /// Creates a list.
    public init(arrayLiteral elements: CheckpointValue...) { self = .list(elements) }

    /// Creates a dictionary in the order of the literal.
    public init(dictionaryLiteral elements: (Key, CheckpointValue)...) {
        self = .dictionary(elements.map { (key: $0.0, value: $0.1) })
    }
}

extension CheckpointValue.Key: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    /// Creates a text key.
    public init(stringLiteral value: String) { self = .text(value) }

    /// Creates a numeric key.
    public init(integerLiteral value: Int) { self = .integer(value) }
}
