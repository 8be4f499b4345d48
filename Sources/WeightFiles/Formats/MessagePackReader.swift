/// Reads MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), one token at a time.
///
/// Every length is checked against the bytes left; a map or a list cannot claim more entries than there are bytes.
struct MessagePackReader {
    /// The reason of a failure.
    struct Failure: Error {
        let reason: String
    }

    /// One token; maps and lists are followed by their entries. Ranges are positions in the file.
    enum Token {
        case null
        case boolean(Bool)
        case integer(Int)
        case real(Double)
        case text(Range<Int>)
        case bytes(Range<Int>)
        case array(Int)
        case map(Int)
        case `extension`(Int8, Range<Int>)
    }

    private let bytes: UnsafeRawBufferPointer
    private let end: Int
    private(set) var position: Int

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    private init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// A reader of a range that this one has passed.
    func reader(of range: Range<Int>) -> MessagePackReader { MessagePackReader(bytes, range) }

    var remaining: Int { end - position }
    var isAtEnd: Bool { position == end }

    /// The UTF-8 text in a range; nil if it is not UTF-8.
    func text(_ range: Range<Int>) -> String? { String(validating: bytes[range], as: UTF8.self) }

    mutating func next() throws -> Token {
        let byte = try number(UInt8.self)
        switch byte {
        case 0x00...0x7F: return .integer(Int(byte))
        case 0x80...0x8F: return .map(try entries(Int(byte & 0x0F), each: 2))
        case 0x90...0x9F: return .array(try entries(Int(byte & 0x0F), each: 1))
        case 0xA0...0xBF: return .text(try range(Int(byte & 0x1F)))
        case 0xC0: return .null
        case 0xC2: return .boolean(false)
        case 0xC3: return .boolean(true)
        case 0xC4: return .bytes(try range(Int(try number(UInt8.self))))
        case 0xC5: return .bytes(try range(Int(try number(UInt16.self))))
        case 0xC6: return .bytes(try range(Int(try number(UInt32.self))))
        case 0xC7: return try extended(Int(try number(UInt8.self)))
        case 0xC8: return try extended(Int(try number(UInt16.self)))
        case 0xC9: return try extended(Int(try number(UInt32.self)))
        case 0xCA: return .real(Double(Float(bitPattern: try number(UInt32.self))))
        case 0xCB: return .real(Double(bitPattern: try number(UInt64.self)))
        case 0xCC: return .integer(Int(try number(UInt8.self)))
        case 0xCD: return .integer(Int(try number(UInt16.self)))
        case 0xCE: return .integer(Int(try number(UInt32.self)))
        case 0xCF:
            guard let value = Int(exactly: try number(UInt64.self)) else {
                throw Failure(reason: "a number exceeds 63 bits")
            }
            return .integer(value)
        case 0xD0: return .integer(Int(try number(Int8.self)))
        case 0xD1: return .integer(Int(try number(Int16.self)))
        case 0xD2: return .integer(Int(try number(Int32.self)))
        case 0xD3: return .integer(Int(try number(Int64.self)))
        case 0xD4...0xD8: return try extended(1 << Int(byte - 0xD4))
        case 0xD9: return .text(try range(Int(try number(UInt8.self))))
        case 0xDA: return .text(try range(Int(try number(UInt16.self))))
        case 0xDB: return .text(try range(Int(try number(UInt32.self))))
        case 0xDC: return .array(try entries(Int(try number(UInt16.self)), each: 1))
        case 0xDD: return .array(try entries(Int(try number(UInt32.self)), each: 1))
        case 0xDE: return .map(try entries(Int(try number(UInt16.self)), each: 2))
        case 0xDF: return .map(try entries(Int(try number(UInt32.self)), each: 2))
        case 0xE0...0xFF: return .integer(Int(Int8(bitPattern: byte)))
        default:
            throw Failure(reason: "the byte \(byte) starts no token; the file is damaged or not MessagePack")
        }
    }

    private mutating func extended(_ count: Int) throws -> Token {
        let type = try number(Int8.self)
        return .extension(type, try range(count))
    }

    private mutating func range(_ count: Int) throws -> Range<Int> {
        guard count <= remaining else {
            throw Failure(
                reason: "claims \(count) bytes, but \(remaining) are left; the file is truncated or damaged")
        }
        defer { position += count }
        return position..<position + count
    }

    private func entries(_ count: Int, each: Int) throws -> Int {
        guard count <= remaining / each else {
            throw Failure(
                reason:
                    "claims \(count) entries, but \(remaining) bytes are left; the file is truncated or damaged"
            )
        }
        return count
    }

    private mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws
        -> Number
    {
        let size = MemoryLayout<Number>.size
        guard size <= remaining else {
            throw Failure(reason: "the file ends inside a value; it is truncated")
        }
        defer { position += size }
        return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: type))
    }
}
