/// A JSON value, integers kept exact.
package enum JSONValue: Sendable, Hashable {
    case null
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Parses `bytes`, at most 100 levels deep. NaN and infinities in Python's spelling are taken too.
    ///
    /// - Throws: ``JSONReader/Failure``.
    package init(parsing bytes: UnsafeRawBufferPointer) throws {
        var reader = JSONReader(bytes)
        self = try JSONValue(from: &reader, depth: 0)
        try reader.expectEnd()
    }

    private init(from reader: inout JSONReader, depth: Int) throws {
        guard depth < 100 else { throw reader.failure("nested deeper than 100 levels") }
        switch reader.peek() {
        case UInt8(ascii: "{"):
            var values: [String: JSONValue] = [:]
            try reader.object { values[$1] = try JSONValue(from: &$0, depth: depth + 1) }
            self = .object(values)
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            try reader.array { values.append(try JSONValue(from: &$0, depth: depth + 1)) }
            self = .array(values)
        case UInt8(ascii: "\""): self = .string(try reader.string())
        case UInt8(ascii: "t"):
            try reader.word("true")
            self = .boolean(true)
        case UInt8(ascii: "f"):
            try reader.word("false")
            self = .boolean(false)
        case UInt8(ascii: "n"):
            try reader.word("null")
            self = .null
        case UInt8(ascii: "N"):
            try reader.word("NaN")
            self = .real(.nan)
        case UInt8(ascii: "I"):
            try reader.word("Infinity")
            self = .real(.infinity)
        default: self = try reader.number()
        }
    }
}
