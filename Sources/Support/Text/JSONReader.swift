/// A strict reader of JSON text that returns one token at a time.
///
/// It does not use Foundation: duplicate keys must be noticed, integers must stay exact, and a hostile header must not
/// grow into a tree many times its size.
package struct JSONReader {
    /// What is wrong, and at which byte.
    package struct Failure: Error, Sendable {
        package let position: Int
        package let reason: String
    }

    private let bytes: UnsafeRawBufferPointer
    package private(set) var position = 0

    /// Creates a reader of `bytes`, which must outlive it. A byte-order mark is skipped.
    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    package func failure(_ reason: String) -> Failure { Failure(position: position, reason: reason) }

    private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }

    /// The next byte that is not whitespace, without consuming it; nil at the end.
    package mutating func peek() -> UInt8? {
        skipSpace()
        return position < bytes.count ? bytes[position] : nil
    }

    /// Consumes `character` if it is next.
    package mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Consumes `character` or throws.
    package mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw failure("'\(character)' expected") }
    }

    /// Throws unless only whitespace is left.
    package mutating func expectEnd() throws {
        guard peek() == nil else { throw failure("more text after the end of the JSON value") }
    }

    /// Calls `body` for every key of an object, in order; `body` reads the value. Duplicate keys are refused.
    package mutating func object(_ body: (inout JSONReader, String) throws -> Void) throws {
        try expect("{")
        if take("}") { return }
        var seen = SeenKeys()
        repeat {
            let key = try string()
            guard seen.insert(key) else { throw failure("key \"\(key)\" occurs twice") }
            try expect(":")
            try body(&self, key)
        } while take(",")
        try expect("}")
    }

    /// Calls `body` for every element of an array; `body` reads the element.
    package mutating func array(_ body: (inout JSONReader) throws -> Void) throws {
        try expect("[")
        if take("]") { return }
        repeat { try body(&self) } while take(",")
        try expect("]")
    }

    /// Skips a value of any kind, at most 100 levels deep.
    package mutating func skip(depth: Int = 0) throws {
        guard depth < 100 else { throw failure("nested deeper than 100 levels") }
        switch peek() {
        case UInt8(ascii: "{"):
            try expect("{")
            if take("}") { return }
            repeat {
                _ = try string()
                try expect(":")
                try skip(depth: depth + 1)
            } while take(",")
            try expect("}")
        case UInt8(ascii: "["): try array { try $0.skip(depth: depth + 1) }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: _ = try number()
        }
    }

    /// The keys of an object so far: compared one by one while they are few, as in most objects.
    private struct SeenKeys {
        private static let few = 16
        private var list: [String] = []
        private var set: Set<String> = []

        /// Adds a key; false when it is there.
        mutating func insert(_ key: String) -> Bool {
            if list.count < Self.few {
                guard !list.contains(key) else { return false }
                if list.isEmpty { list.reserveCapacity(8) }
                list.append(key)
                return true
            }
            if set.isEmpty { set = Set(list) }
            return set.insert(key).inserted
        }
    }

    /// The bytes that a number may have.
    private static func isNumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    /// The text of a number.
    private mutating func numberText() throws -> String {
        skipSpace()
        let start = position
        while position < bytes.count, position - start < 400, Self.isNumeric(bytes[position]) {
            position += 1
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let first = text.utf8.first, first != UInt8(ascii: "+") else {
            throw failure("number expected")
        }
        return text
    }

    /// A number as programs write most of them: an optional minus, at most 18 digits, and a point between two of them. Nil,
    /// and nothing is consumed, for any other, which the general way reads or refuses.
    private mutating func plainNumber() -> (value: UInt64, decimals: Int?, isNegative: Bool)? {
        skipSpace()
        let isNegative = position < bytes.count && bytes[position] == UInt8(ascii: "-")
        let start = isNegative ? position + 1 : position
        var index = start
        var value: UInt64 = 0
        var point = -1
        while index < bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            if digit <= 9 {
                value = value &* 10 &+ UInt64(digit)
            } else if bytes[index] == UInt8(ascii: "."), point < 0 {
                point = index
            } else if Self.isNumeric(bytes[index]) {
                return nil
            } else {
                break
            }
            index += 1
        }
        let digits = index - start - (point < 0 ? 0 : 1)
        guard digits > 0, digits <= 18, point != start, point != index - 1 else { return nil }
        position = index
        return (value, point < 0 ? nil : index - point - 1, isNegative)
    }

    /// A number that is not an exponent's and has at most 18 digits. Nil, and nothing is consumed, for any other value.
    package mutating func plainDouble() -> Double? {
        guard let (value, decimals, isNegative) = plainNumber() else { return nil }
        let number = DecimalFraction.value(value, decimals: decimals ?? 0)
        return isNegative ? -number : number
    }

    /// A list of plain numbers, as ``plainDouble()`` reads them, of one at least. Nil, and nothing is consumed, for any other value.
    package mutating func plainDoubles() -> [Double]? {
        let start = position
        guard let values = doubles() else {
            position = start
            return nil
        }
        return values
    }

    private mutating func doubles() -> [Double]? {
        guard take("["), let first = plainDouble() else { return nil }
        var values = [first]
        while take(",") {
            guard let value = plainDouble() else { return nil }
            values.append(value)
        }
        return take("]") ? values : nil
    }

    /// A list of `[x, y]` of plain numbers, of one at least: all of them one after another. Nil, and nothing is consumed, for any
    /// other value.
    package mutating func plainPoints() -> [Double]? {
        let start = position
        guard let values = points() else {
            position = start
            return nil
        }
        return values
    }

    private mutating func points() -> [Double]? {
        guard take("[") else { return nil }
        var values: [Double] = []
        repeat {
            guard take("["), let x = plainDouble(), take(","), let y = plainDouble(), take("]") else {
                return nil
            }
            if values.isEmpty { values.reserveCapacity(32) }
            values.append(x)
            values.append(y)
        } while take(",")
        return take("]") ? values : nil
    }

    /// An integer.
    package mutating func integer() throws -> Int {
        let text = try numberText()
        guard let value = Int(text) else { throw failure("'\(text)' is not a 64-bit integer") }
        return value
    }

    /// Any number; exact if it is a 64-bit integer.
    package mutating func number() throws -> JSONValue {
        if let (value, decimals, isNegative) = plainNumber() {
            guard let decimals else { return .integer(isNegative ? -Int(value) : Int(value)) }
            let number = DecimalFraction.value(value, decimals: decimals)
            return .real(isNegative ? -number : number)
        }
        let text = try numberText()
        if text == "-", position < bytes.count, bytes[position] == UInt8(ascii: "I") {
            try word("Infinity")
            return .real(-.infinity)
        }
        if let value = Int(text) { return .integer(value) }
        guard let value = Double(text) else { throw failure("'\(text)' is not a number") }
        return .real(value)
    }

    /// Consumes a word such as `true`.
    package mutating func word(_ word: String) throws {
        skipSpace()
        guard bytes.count - position >= word.utf8.count,
            bytes[position..<position + word.utf8.count].elementsEqual(word.utf8)
        else { throw failure("'\(word)' expected") }
        position += word.utf8.count
    }

    /// A string with its escapes resolved.
    package mutating func string() throws -> String {
        try expect("\"")
        let start = position
        var all: UInt8 = 0
        while position < bytes.count, bytes[position] != 0x22, bytes[position] != 0x5C,
            bytes[position] >= 0x20
        {
            all |= bytes[position]
            position += 1
        }
        if position < bytes.count, bytes[position] == 0x22 {
            let units = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
            position += 1
            // Nearly all are ASCII, which needs no slow look at each byte.
            if all < 0x80 { return String(decoding: units, as: UTF8.self) }
            guard let text = String(validating: units, as: UTF8.self) else {
                throw failure("a string is not valid UTF-8")
            }
            return text
        }
        var units = Array(bytes[start..<position])
        while true {
            guard position < bytes.count else { throw failure("the text ends inside a string") }
            let byte = bytes[position]
            position += 1
            if byte == 0x22 { break }
            guard byte >= 0x20 else { throw failure("control character in a string") }
            if byte == 0x5C {
                units.append(contentsOf: try escape().utf8)
            } else {
                units.append(byte)
            }
        }
        guard let text = String(validating: units, as: UTF8.self) else {
            throw failure("a string is not valid UTF-8")
        }
        return text
    }

    private mutating func escape() throws -> String {
        guard position < bytes.count else { throw failure("the text ends inside a string") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case 0x22, 0x5C, 0x2F: return String(UnicodeScalar(byte))
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            if let scalar = UnicodeScalar(first) { return String(Character(scalar)) }
            guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == 0x5C,
                bytes[position + 1] == UInt8(ascii: "u")
            else { throw failure("half of a surrogate pair") }
            position += 2
            let second = try hexadecimal()
            guard (0xDC00...0xDFFF).contains(second),
                let scalar = UnicodeScalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            else { throw failure("half of a surrogate pair") }
            return String(Character(scalar))
        default: throw failure("unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws -> UInt32 {
        guard bytes.count - position >= 4 else { throw failure("the text ends inside a string") }
        let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
        guard digits.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }), let value = UInt32(digits, radix: 16)
        else {
            throw failure("\\u needs four hexadecimal digits")
        }
        position += 4
        return value
    }
}

/// A JSON value with exact integers.
package enum JSONValue: Sendable, Hashable {
    case null
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Parses `bytes`, at most 100 levels deep. NaN and infinities in Python's spelling are accepted too.
    ///
    /// - Throws: ``JSONReader/Failure``.
    package init(parsing bytes: UnsafeRawBufferPointer) throws {
        var reader = JSONReader(bytes)
        self = try JSONValue(from: &reader, depth: 0)
        try reader.expectEnd()
    }

    /// Reads a value, at most 100 levels deep.
    ///
    /// - Throws: ``JSONReader/Failure``.
    package init(from reader: inout JSONReader) throws { try self.init(from: &reader, depth: 0) }

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
