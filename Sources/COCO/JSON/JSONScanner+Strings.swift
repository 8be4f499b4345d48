extension JSONScanner {
    /// Reads a string and passes its bytes to `body`, with escapes resolved, without a copy if there are none.
    @inline(__always)
    mutating func withStringBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) throws
        -> Result
    {
        guard peek() == UInt8(ascii: "\"") else { throw failure("a string is needed, found \(found)") }
        cursor += 1
        let first = cursor
        skipPlainCharacters()
        if cursor < end, cursor.pointee == UInt8(ascii: "\"") {
            let count = cursor - first
            cursor += 1
            return try body(UnsafeBufferPointer(start: first, count: count))
        }
        cursor = first
        var text: [UInt8] = []
        try appendStringRest(to: &text)
        return try text.withUnsafeBufferPointer(body)
    }

    /// Appends the bytes of a string to `target`, with escapes resolved.
    mutating func appendString(to target: inout [UInt8]) throws {
        guard peek() == UInt8(ascii: "\"") else { throw failure("a string is needed, found \(found)") }
        cursor += 1
        try appendStringRest(to: &target)
    }

    /// A string.
    mutating func string() throws -> String {
        let position = cursor
        guard let text = try withStringBytes({ String(validating: $0, as: UTF8.self) }) else {
            cursor = position
            throw failure("a string that is not UTF-8")
        }
        return text
    }

    /// A string; nil for a value of another type, which is skipped.
    mutating func optionalString() throws -> String? {
        if peek() == UInt8(ascii: "\"") { return try string() }
        try skipValue()
        return nil
    }

    /// Advances to the next quote, backslash or control character, eight bytes at a time.
    @inline(__always)
    private mutating func skipPlainCharacters() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        while end - cursor >= 8 {
            let word = UInt64(
                littleEndian: UnsafeRawPointer(cursor).loadUnaligned(as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // A byte is zero where it matches; the lowest mark is exact, higher ones may come from its borrow.
            let marks =
                ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash
                    | (word &- ones &* 0x20) & ~word) & tops
            if marks != 0 {
                cursor += marks.trailingZeroBitCount / 8
                return
            }
            cursor += 8
        }
        while cursor < end, cursor.pointee >= 0x20, cursor.pointee != 0x22, cursor.pointee != 0x5C {
            cursor += 1
        }
    }

    /// Appends the rest of a string after its opening quote.
    private mutating func appendStringRest(to target: inout [UInt8]) throws {
        while true {
            let first = cursor
            skipPlainCharacters()
            target.append(contentsOf: UnsafeBufferPointer(start: first, count: cursor - first))
            guard cursor < end else { throw failure("the text ends inside a string") }
            switch cursor.pointee {
            case UInt8(ascii: "\""):
                cursor += 1
                return
            case UInt8(ascii: "\\"): try appendEscape(to: &target)
            default: throw failure("a control character in a string")
            }
        }
    }

    private mutating func appendEscape(to target: inout [UInt8]) throws {
        guard end - cursor >= 2 else { throw failure("the text ends inside a string") }
        let byte = cursor[1]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): target.append(byte)
        case UInt8(ascii: "n"): target.append(0x0A)
        case UInt8(ascii: "t"): target.append(0x09)
        case UInt8(ascii: "r"): target.append(0x0D)
        case UInt8(ascii: "b"): target.append(0x08)
        case UInt8(ascii: "f"): target.append(0x0C)
        case UInt8(ascii: "u"):
            target.append(contentsOf: try unicodeEscape().utf8)
            return
        default: throw failure("an unknown escape in a string")
        }
        cursor += 2
    }

    private mutating func unicodeEscape() throws -> String {
        let first = try hexadecimal(at: 2)
        if let scalar = UnicodeScalar(first) {
            cursor += 6
            return String(Character(scalar))
        }
        guard first < 0xDC00, end - cursor >= 12, cursor[6] == UInt8(ascii: "\\"),
            cursor[7] == UInt8(ascii: "u")
        else { throw failure("half of a surrogate pair in a string") }
        let second = try hexadecimal(at: 8)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = UnicodeScalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw failure("half of a surrogate pair in a string") }
        cursor += 12
        return String(Character(scalar))
    }

    private func hexadecimal(at offset: Int) throws -> UInt32 {
        guard end - cursor >= offset + 4 else { throw failure("the text ends inside a string") }
        var value: UInt32 = 0
        for index in offset..<offset + 4 {
            let byte = cursor[index]
            let digit: UInt8 =
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
                case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
                case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
                default: throw failure("\\u needs four hexadecimal digits")
                }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
