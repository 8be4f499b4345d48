/// A Flax checkpoint: nested MessagePack maps with arrays as leaves, memory-mapped.
///
/// Names are the keys that lead to an array, joined by slashes. Arrays are extension type 1 (shape, NumPy's name of the
/// element type, bytes); large ones come in chunks (`flax/serialization.py`). Nothing in a file is executed.
public struct FlaxCheckpoint: WeightSource {
    /// The path of the file.
    public let origin: String

    /// The names of the arrays, in the file's order.
    public let keys: [String]

    private let arrays: [String: FlaxArray]

    /// Opens and checks a file; the bytes of arrays are read when they are used.
    /// - Throws: ``WeightFileError`` if the file cannot be read, is truncated, or contains anything that a checkpoint
    ///   does not.
    public init(contentsOf path: String) throws {
        try self.init(storage: try .mapping(file: path), origin: path)
    }

    /// Like ``init(contentsOf:)``, from bytes in memory; messages call them `origin`.
    public init(storage: TensorStorage, origin: String) throws {
        self.origin = origin
        var reader = FlaxReader(storage, origin: origin)
        let found = try reader.run()
        keys = found.map(\.name)
        arrays = Dictionary(found.map { ($0.name, $0.array) }, uniquingKeysWith: { first, _ in first })
    }

    /// The array called `name`; the chunks of a large one are joined.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let array = arrays[name] else { throw missing(name) }
        return try array.stored(named: name, origin: origin)
    }
}

/// An array of a checkpoint: one range of the file, or several to be joined.
struct FlaxArray: Sendable {
    let shape: [Int]
    let dtype: DType
    let pieces: [TensorStorage]

    func stored(named name: String, origin: String) throws -> StoredTensor {
        let storage: TensorStorage
        if pieces.count == 1 {
            storage = pieces[0]
        } else {
            storage = TensorStorage(byteCount: pieces.reduce(0) { $0 + $1.byteCount }) { target in
                var position = 0
                for piece in pieces {
                    piece.withUnsafeBytes { bytes in
                        UnsafeMutableRawBufferPointer(rebasing: target[position..<position + bytes.count])
                            .copyMemory(from: bytes)
                    }
                    position += piece.byteCount
                }
            }
        }
        return try StoredTensor(name: name, dtype: dtype, shape: shape, storage: storage)
    }
}

/// Traverses a Flax checkpoint.
///
/// Memory and time are proportional to the file's size: lengths are checked against the bytes left, depth is limited,
/// and names count towards a ``MemoryBudget``.
struct FlaxReader {
    private static let deepest = 64

    private let storage: TensorStorage
    private let origin: String
    private var message: MessagePackReader
    private var budget: MemoryBudget
    private var found: [(name: String, array: FlaxArray)] = []
    private var seen: Set<String> = []

    init(_ storage: TensorStorage, origin: String) {
        self.storage = storage
        self.origin = origin
        message = MessagePackReader(
            UnsafeRawBufferPointer(start: storage.pointer, count: storage.byteCount))
        budget = MemoryBudget(fileSize: storage.byteCount)
    }

    mutating func run() throws -> [(name: String, array: FlaxArray)] {
        try withExtendedLifetime(storage) {
            do {
                guard case .map(let count) = try message.next() else {
                    throw failure("is not a Flax checkpoint: it does not start with a map")
                }
                try map(count, path: "", depth: 0)
                guard message.isAtEnd else {
                    throw failure("has \(message.remaining) extra bytes at its end; the file is damaged")
                }
            } catch let error as MessagePackReader.Failure {
                throw failure(error.reason)
            }
        }
        return found
    }

    private func failure(_ reason: String, at name: String = "") -> WeightFileError {
        WeightFileError(
            file: origin, place: name.isEmpty ? "byte \(message.position)" : "'\(name)'", reason: reason)
    }

    // MARK: Maps

    private mutating func map(_ count: Int, path: String, depth: Int) throws {
        guard depth < Self.deepest else { throw failure("is nested deeper than \(Self.deepest) levels") }
        for index in 0..<count {
            let key = try key()
            if index == 0, key == "__msgpack_chunked_array__" {
                return try chunkedArray(remaining: count - 1, name: path)
            }
            let name = path.isEmpty ? key : path + "/" + key
            guard budget.spend(2 * name.utf8.count + 192) else {
                throw failure("its names take more memory than the file's size allows; refused")
            }
            switch try message.next() {
            case .map(let count): try map(count, path: name, depth: depth + 1)
            case .extension(let type, let range): try leaf(type, range, name)
            case .array(let count): try skipList(count, name)
            case .null, .boolean, .integer, .real, .text, .bytes: break
            }
        }
    }

    private mutating func key() throws -> String {
        switch try message.next() {
        case .text(let range):
            guard range.count <= 4096, let text = message.text(range) else {
                throw failure("a key is longer than 4096 bytes or not UTF-8")
            }
            return text
        case .integer(let number): return String(number)
        default: throw failure("a key is not text")
        }
    }

    /// Tuples of numbers next to arrays carry no information; Flax does not write tuples of arrays.
    private mutating func skipList(_ count: Int, _ name: String) throws {
        for _ in 0..<count {
            switch try message.next() {
            case .null, .boolean, .integer, .real, .text, .bytes: break
            case .map, .array, .extension: throw failure("is a list of more than plain values", at: name)
            }
        }
    }

    // MARK: Arrays

    private mutating func leaf(_ type: Int8, _ range: Range<Int>, _ name: String) throws {
        switch type {
        case 1, 3: try add(name, try array(range, name))
        case 2: break  // A Python complex number.
        default: throw failure("has a value of the unknown extension type \(type)", at: name)
        }
    }

    private mutating func add(_ name: String, _ array: FlaxArray) throws {
        guard seen.insert(name).inserted else { throw failure("occurs twice", at: name) }
        found.append((name, array))
    }

    /// An array in one piece: a list of shape, element type and bytes inside the extension's bytes.
    private func array(_ range: Range<Int>, _ name: String) throws -> FlaxArray {
        var inner = message.reader(of: range)
        guard case .array(3) = try inner.next(), case .array(let rank) = try inner.next(), rank <= 32 else {
            throw failure("is not an array of shape, type and bytes", at: name)
        }
        var shape: [Int] = []
        for _ in 0..<rank {
            guard case .integer(let size) = try inner.next(), size >= 0 else {
                throw failure("has a shape that does not consist of integers", at: name)
            }
            shape.append(size)
        }
        guard case .text(let typeRange) = try inner.next(), typeRange.count <= 32,
            let typeName = inner.text(typeRange), let dtype = Self.types[typeName]
        else { throw failure("has an unsupported element type", at: name) }
        guard case .bytes(let data) = try inner.next(), inner.isAtEnd,
            let piece = storage.slice(data)
        else { throw failure("has no bytes", at: name) }
        let layout = StridedLayout(shape: shape, strides: nil)
        guard let count = layout?.count, piece.byteCount / dtype.byteCount == count,
            piece.byteCount % dtype.byteCount == 0
        else {
            throw failure("has \(piece.byteCount) bytes, which do not match \(shape) of \(dtype)", at: name)
        }
        return FlaxArray(shape: shape, dtype: dtype, pieces: [piece])
    }

    private static let types: [String: DType] = [
        "float32": .float32, "float64": .float64, "float16": .float16, "bfloat16": .bfloat16, "int8": .int8,
        "int16": .int16, "int32": .int32, "int64": .int64, "uint8": .uint8, "bool": .bool,
    ]

    /// A large array: a shape, and consecutive flat chunks.
    private mutating func chunkedArray(remaining: Int, name: String) throws {
        // The value of the mark carries no information; only its presence matters.
        _ = try plainValue(name)
        var shape: [Int]?
        var pieces: [FlaxArray]?
        for _ in 0..<remaining {
            switch try key() {
            case "shape": shape = try numbered(name) { reader, _ in try reader.size(name) }
            case "chunks":
                pieces = try numbered(name) { reader, index in
                    guard case .extension(1, let range) = try reader.message.next() else {
                        throw reader.failure("chunk \(index) is not an array", at: name)
                    }
                    guard reader.budget.spend(128) else {
                        throw reader.failure("has too many chunks", at: name)
                    }
                    return try reader.array(range, name)
                }
            case let other: throw failure("has the unknown key '\(other)' next to its chunks", at: name)
            }
        }
        guard let shape, let pieces, let first = pieces.first else {
            throw failure("is a chunked array without its shape or its chunks", at: name)
        }
        guard pieces.allSatisfy({ $0.dtype == first.dtype }),
            let count = StridedLayout(shape: shape, strides: nil)?.count,
            pieces.reduce(0, { $0 + $1.pieces[0].byteCount }) == count * first.dtype.byteCount
        else { throw failure("its chunks do not form an array \(shape)", at: name) }
        try add(name, FlaxArray(shape: shape, dtype: first.dtype, pieces: pieces.flatMap(\.pieces)))
    }

    private mutating func plainValue(_ name: String) throws {
        switch try message.next() {
        case .null, .boolean, .integer, .real, .text, .bytes: break
        case .map, .array, .extension:
            throw failure("is a chunked array whose mark is not a plain value", at: name)
        }
    }

    private mutating func size(_ name: String) throws -> Int {
        switch try message.next() {
        case .integer(let size) where size >= 0: return size
        default: throw failure("has a shape that does not consist of integers", at: name)
        }
    }

    /// The values of a map with the keys "0", "1", ..., or of a list, in order.
    private mutating func numbered<Value>(
        _ name: String, _ value: (inout FlaxReader, Int) throws -> Value
    ) throws -> [Value] {
        var result: [Value] = []
        switch try message.next() {
        case .array(let count):
            for index in 0..<count { result.append(try value(&self, index)) }
        case .map(let count):
            for index in 0..<count {
                guard try key() == String(index) else {
                    throw failure("its parts are not numbered from 0", at: name)
                }
                result.append(try value(&self, index))
            }
        default: throw failure("its parts are not a list", at: name)
        }
        return result
    }
}
