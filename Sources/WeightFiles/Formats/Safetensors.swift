import Support

/// A safetensors file, memory-mapped.
///
/// The format: 8 bytes little-endian header length, a JSON header, the tensors' bytes without gaps
/// (https://github.com/huggingface/safetensors, "Format").
public struct Safetensors: WeightSource {
    private struct Entry {
        let name: String
        let dtype: DType
        let shape: [Int]
        let range: Range<Int>
    }

    /// The path of the file.
    public let origin: String

    /// The free-form strings of `__metadata__`.
    public let metadata: [String: String]

    private let entries: [Entry]
    private let indices: [String: Int]
    private let data: TensorStorage

    /// The names of the tensors, in the order of the header.
    public var keys: [String] { entries.map(\.name) }

    /// Opens and checks a file; the bytes of tensors are read when they are used.
    ///
    /// - Throws: ``WeightFileError`` if the file cannot be read or breaks any rule of the format: lengths, offsets that
    ///   overlap, leave gaps or do not match their shape, duplicate keys, element types that are not a ``DType``.
    public init(contentsOf path: String) throws {
        try self.init(storage: try .mapping(file: path), origin: path)
    }

    /// Like ``init(contentsOf:)``, from bytes in memory; messages call them `origin`.
    public init(storage: TensorStorage, origin: String) throws {
        func failure(_ place: String, _ reason: String) -> WeightFileError {
            WeightFileError(file: origin, place: place, reason: reason)
        }
        let header = try Self.headerRange(storage, origin: origin)
        guard let text = storage.slice(header),
            let data = storage.slice(header.upperBound..<storage.byteCount)
        else { throw failure("header", "extends beyond the file") }
        var metadata: [String: String] = [:]
        var entries: [Entry] = []
        var budget = MemoryBudget(fileSize: storage.byteCount)
        do {
            try text.withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                try reader.object { reader, key in
                    if key == "__metadata__" {
                        // Some writers state explicitly that there is none.
                        if reader.peek() == UInt8(ascii: "n") { return try reader.word("null") }
                        try reader.object { reader, key in
                            let value = try reader.string()
                            guard budget.spend(160 + key.utf8.count + value.utf8.count) else {
                                throw reader.failure("more metadata than the file's size allows for")
                            }
                            metadata[key] = value
                        }
                    } else {
                        let entry = try Self.entry(key, &reader, dataSize: data.byteCount, origin: origin)
                        // The shape counts double, for the room that its array grows into.
                        guard budget.spend(160 + key.utf8.count + 16 * entry.shape.count) else {
                            throw reader.failure("more tensors than the file's size allows for")
                        }
                        entries.append(entry)
                    }
                }
                try reader.expectEnd()
            }
        } catch let error as JSONReader.Failure {
            throw failure("header, byte \(8 + error.position)", error.reason)
        }
        let order = entries.indices.sorted {
            (entries[$0].range.lowerBound, entries[$0].range.upperBound)
                < (entries[$1].range.lowerBound, entries[$1].range.upperBound)
        }
        var end = 0
        for index in order {
            let entry = entries[index]
            guard entry.range.lowerBound == end else {
                throw failure(
                    "'\(entry.name)'",
                    entry.range.lowerBound < end
                        ? "bytes from \(entry.range.lowerBound) overlap another tensor that ends at \(end)"
                        : "bytes \(end) to \(entry.range.lowerBound) before it belong to no tensor")
            }
            end = entry.range.upperBound
        }
        guard end == data.byteCount else {
            throw failure("", "\(data.byteCount - end) bytes at its end belong to no tensor")
        }
        self.origin = origin
        self.metadata = metadata
        self.entries = entries
        self.data = data
        indices = Dictionary(
            entries.indices.map { (entries[$0].name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func headerRange(_ storage: TensorStorage, origin: String) throws -> Range<Int> {
        guard storage.byteCount >= 10 else {
            throw WeightFileError(
                file: origin, reason: "\(storage.byteCount) bytes are too few for a safetensors file")
        }
        let length = storage.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(storage.byteCount - 8) else {
            throw WeightFileError(
                file: origin, place: "header",
                reason: "claims \(length) bytes, but the file has \(storage.byteCount); it is truncated "
                    + "or not safetensors")
        }
        guard length <= 100_000_000 else {
            throw WeightFileError(
                file: origin, place: "header", reason: "\(length) bytes exceed the format's limit of 100 MB")
        }
        return 8..<8 + Int(length)
    }

    private static func entry(_ name: String, _ reader: inout JSONReader, dataSize: Int, origin: String)
        throws
        -> Entry
    {
        func failure(_ reason: String) -> WeightFileError {
            WeightFileError(file: origin, place: "'\(name)'", reason: reason)
        }
        var code: String?
        var shape: [Int]?
        var offsets: [Int]?
        try reader.object { reader, key in
            switch key {
            case "dtype": code = try reader.string()
            case "shape": shape = try integers(&reader, atMost: 64)
            case "data_offsets": offsets = try integers(&reader, atMost: 2)
            default: throw reader.failure("unknown key \"\(key)\" of tensor '\(name)'")
            }
        }
        guard let code, let shape, let offsets, offsets.count == 2 else {
            throw failure("the header lacks dtype, shape or data_offsets")
        }
        guard let dtype = DType(safetensors: code) else {
            throw failure(
                "element type \(code) is not supported (\(DType.allCases.map(\.safetensors).joined(separator: ", ")) are)"
            )
        }
        guard let layout = StridedLayout(shape: shape, strides: nil) else {
            throw failure("shape \(shape) is not a valid tensor shape")
        }
        guard offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= dataSize else {
            throw failure("bytes \(offsets[0]) to \(offsets[1]) are not inside the \(dataSize) bytes of data")
        }
        guard offsets[1] - offsets[0] == layout.count * dtype.byteCount else {
            throw failure(
                "\(dtype) \(shape) needs \(layout.count * dtype.byteCount) bytes, but the file has "
                    + "\(offsets[1] - offsets[0])")
        }
        return Entry(name: name, dtype: dtype, shape: shape, range: offsets[0]..<offsets[1])
    }

    private static func integers(_ reader: inout JSONReader, atMost limit: Int) throws -> [Int] {
        var values: [Int] = []
        try reader.array {
            guard values.count < limit else { throw $0.failure("more than \(limit) numbers") }
            values.append(try $0.integer())
        }
        return values
    }

    /// The tensor called `name`, in place in the mapped file.
    public func tensor(named name: String) throws -> StoredTensor {
        guard let index = indices[name] else { throw missing(name) }
        let entry = entries[index]
        guard let storage = data.slice(entry.range) else { throw missing(name) }
        return try StoredTensor(name: name, dtype: entry.dtype, shape: entry.shape, storage: storage)
    }
}

extension DType {
    /// The name of the type in safetensors headers.
    var safetensors: String {
        switch self {
        case .float32: "F32"
        case .float64: "F64"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .int8: "I8"
        case .int16: "I16"
        case .int32: "I32"
        case .int64: "I64"
        case .uint8: "U8"
        case .bool: "BOOL"
        }
    }

    init?(safetensors name: String) {
        guard let type = DType.allCases.first(where: { $0.safetensors == name }) else { return nil }
        self = type
    }
}
