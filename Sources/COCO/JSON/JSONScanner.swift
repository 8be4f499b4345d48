/// Scans JSON text in memory without building a tree and, on the common path, without allocating.
///
/// The text always ends with a closing bracket, which terminates every number, so loops over digits need no other
/// bound. All other steps compare with `end`.
struct JSONScanner {
    /// What is wrong, and at which byte.
    struct Failure: Error {
        let position: Int
        let reason: String
    }

    let start: UnsafePointer<UInt8>

    /// One past the last byte that is not whitespace.
    let end: UnsafePointer<UInt8>

    /// The next byte.
    var cursor: UnsafePointer<UInt8>

    /// Whether numbers that are not finite are kept, for the check of data sets.
    var isLenient = false

    /// Whether polygons with an odd count of numbers are kept, and annotations that cannot be read left out.
    var isTolerant = false

    /// The last polygon with an odd count of numbers.
    var oddPolygon: Failure?

    /// Powers of ten; a pointer, because a global array is checked on every use.
    let powers = PowersOfTen.shared

    /// Creates a scanner of `bytes`, which must outlive it.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        var first = 0
        var last = bytes.count
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { first = 3 }
        if let encoding = Self.otherEncoding(bytes) {
            throw Failure(position: 0, reason: "the text is \(encoding); save it as UTF-8")
        }
        while last > first, Self.isSpace(bytes[last - 1]) { last -= 1 }
        guard last > first, let base = bytes.baseAddress else {
            throw Failure(position: 0, reason: "the file is empty; a JSON object or list is needed")
        }
        start = base.assumingMemoryBound(to: UInt8.self)
        end = start + last
        cursor = start + first
        if last - first >= 2, cursor[0] == 0x1F, cursor[1] == 0x8B {
            throw failure("the file is compressed with gzip; decompress it first")
        }
        if last - first >= 2, cursor[0] == UInt8(ascii: "P"), cursor[1] == UInt8(ascii: "K") {
            throw failure("the file is a zip archive; unpack it first")
        }
        let opening = peek()
        guard opening == UInt8(ascii: "{") || opening == UInt8(ascii: "[") else {
            throw failure("a JSON object or list is needed, found \(found)")
        }
        let closing = (end - 1).pointee
        guard closing == UInt8(ascii: "}") || closing == UInt8(ascii: "]") else {
            cursor = end
            throw failure("the text does not end with a closing bracket; the file was probably truncated")
        }
    }

    /// The name of an encoding other than UTF-8 that the first bytes of a text indicate, by a byte-order mark or by
    /// zeros next to ASCII characters.
    private static func otherEncoding(_ bytes: UnsafeRawBufferPointer) -> String? {
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) {
            return "UTF-32"
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return "UTF-16" }
        guard bytes.count >= 4 else { return nil }
        switch (bytes[0] == 0, bytes[1] == 0, bytes[2] == 0, bytes[3] == 0) {
        case (false, true, true, true), (true, true, true, false): return "UTF-32"
        case (false, true, false, true), (true, false, true, false): return "UTF-16"
        default: return nil
        }
    }

    /// The offset of the next byte.
    var position: Int { cursor - start }

    func failure(_ reason: String) -> Failure { Failure(position: position, reason: reason) }

    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    /// Skips whitespace and returns the next byte; 0 at the end.
    @inline(__always)
    mutating func peek() -> UInt8 {
        while cursor < end {
            let byte = cursor.pointee
            if byte > 0x20 || !Self.isSpace(byte) { return byte }
            cursor += 1
        }
        return 0
    }

    /// Consumes `byte` if it is next.
    @inline(__always)
    mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(truncatingIfNeeded: byte.value) else { return false }
        cursor += 1
        return true
    }

    /// Consumes `byte` or throws.
    @inline(__always)
    mutating func expect(_ byte: Unicode.Scalar) throws {
        guard take(byte) else { throw failure("'\(byte)' expected, found \(found)") }
    }

    /// Throws unless the text is at its end.
    mutating func expectEnd() throws {
        guard peek() == 0, cursor == end else { throw failure("text after the end of the JSON value") }
    }

    /// The kind of value at the cursor, for messages.
    var found: String {
        var copy = self
        switch copy.peek() {
        case 0: return copy.cursor == copy.end ? "the end of the text" : "a control character"
        case UInt8(ascii: "{"): return "an object"
        case UInt8(ascii: "["): return "a list"
        case UInt8(ascii: "\""): return "a string"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return "a boolean"
        case UInt8(ascii: "n"): return "null"
        case UInt8(ascii: "N"): return "NaN"
        case UInt8(ascii: "I"): return "Infinity"
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return "a number"
        case let byte where byte < 0x80: return "'\(UnicodeScalar(byte))'"
        default: return "a character that is not ASCII"
        }
    }

    /// Consumes the word if it is next.
    mutating func take(word: StaticString) -> Bool {
        guard end - cursor >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where cursor[index] != word.utf8Start[index] { return false }
        cursor += word.utf8CodeUnitCount
        return true
    }

    /// Consumes `null` if it is next.
    @inline(__always)
    mutating func takeNull() -> Bool { peek() == UInt8(ascii: "n") && take(word: "null") }

    /// The result of `read` for the next value; nil for a value that it cannot read, which is skipped.
    mutating func optional<Value>(_ read: (inout JSONScanner) throws -> Value) throws -> Value? {
        let position = cursor
        if let value = try? read(&self) { return value }
        cursor = position
        try skipValue()
        return nil
    }

    // MARK: Objects and lists

    /// Begins an object; false if it is empty.
    @inline(__always)
    mutating func beginObject() throws -> Bool {
        guard take("{") else { throw failure("an object is needed, found \(found)") }
        return !take("}")
    }

    /// Called after a value of an object; true if another key follows.
    @inline(__always)
    mutating func continueObject() throws -> Bool {
        if take(",") { return true }
        guard take("}") else { throw failure("',' or '}' expected, found \(found)") }
        return false
    }

    /// Begins a list; false if it is empty.
    @inline(__always)
    mutating func beginList() throws -> Bool {
        guard take("[") else { throw failure("a list is needed, found \(found)") }
        return !take("]")
    }

    /// Called after an element of a list; true if another follows.
    @inline(__always)
    mutating func continueList() throws -> Bool {
        if take(",") { return true }
        guard take("]") else { throw failure("',' or ']' expected, found \(found)") }
        return false
    }

    /// Skips any value, checking its grammar.
    mutating func skipValue() throws {
        // The open brackets; true for an object.
        var open: [Bool] = []
        repeat {
            switch peek() {
            case UInt8(ascii: "{"):
                cursor += 1
                if !take("}") {
                    try skipKey()
                    open.append(true)
                    guard open.count <= 200 else { throw failure("nested deeper than 200 levels") }
                    continue
                }
            case UInt8(ascii: "["):
                cursor += 1
                if !take("]") {
                    open.append(false)
                    guard open.count <= 200 else { throw failure("nested deeper than 200 levels") }
                    continue
                }
            case UInt8(ascii: "\""): try withStringBytes { _ in }
            case UInt8(ascii: "t"): if !take(word: "true") { throw failure("'true' expected") }
            case UInt8(ascii: "f"): if !take(word: "false") { throw failure("'false' expected") }
            case UInt8(ascii: "n"): if !take(word: "null") { throw failure("'null' expected") }
            // Python writes these; in an unused field they do no harm.
            case UInt8(ascii: "N"): if !take(word: "NaN") { throw failure("a value expected") }
            case UInt8(ascii: "I"): if !take(word: "Infinity") { throw failure("a value expected") }
            case UInt8(ascii: "-"):
                if !take(word: "-Infinity") { _ = try number() }
            case UInt8(ascii: "0")...UInt8(ascii: "9"): _ = try number()
            default: throw failure("a value expected, found \(found)")
            }
            closing: while let isObject = open.last {
                if isObject {
                    if try continueObject() {
                        try skipKey()
                        break closing
                    }
                } else if try continueList() {
                    break closing
                }
                open.removeLast()
            }
        } while !open.isEmpty
    }

    private mutating func skipKey() throws {
        guard peek() == UInt8(ascii: "\"") else { throw failure("a key expected, found \(found)") }
        try withStringBytes { _ in }
        try expect(":")
    }

    /// The text of the next value, which is skipped.
    mutating func rawValue() throws -> String {
        _ = peek()
        let first = cursor
        try skipValue()
        guard
            let text = String(
                validating: UnsafeBufferPointer(start: first, count: cursor - first), as: UTF8.self)
        else { throw failure("text that is not UTF-8") }
        return text
    }
}
