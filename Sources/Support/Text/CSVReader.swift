/// Reads rows of values between commas (RFC 4180): values in quotes may hold commas, line ends and doubled quotes.
package struct CSVReader {
    /// What is wrong, on which line.
    package struct Failure: Error, Sendable {
        /// The line, from 1.
        package let line: Int
        package let reason: String
    }

    private let bytes: UnsafeRawBufferPointer
    private let separator: UInt8
    private var cursor = 0
    private var text: [UInt8] = []
    private var ends: [Int] = []

    /// The line on which the last row begins, from 1.
    package private(set) var line = 0
    private var nextLine = 1

    /// A reader of `bytes`, which must outlive it. A byte-order mark is passed over.
    ///
    /// - Throws: ``Failure`` for text in UTF-16 or UTF-32.
    package init(_ bytes: UnsafeRawBufferPointer, separator: Unicode.Scalar = ",") throws {
        self.bytes = bytes
        self.separator = UInt8(ascii: separator)
        if let encoding = TextFile.foreignEncoding(bytes) {
            throw Failure(line: 1, reason: "the text is \(encoding); save it as UTF-8")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { cursor = 3 }
    }

    /// The offset of the next byte.
    package var position: Int { cursor }

    /// The number of values of the row.
    package var count: Int { ends.count }

    /// Reads the next row that is not empty; false at the end.
    ///
    /// - Throws: ``Failure`` for a quote that is not closed, or text behind one.
    package mutating func next() throws -> Bool {
        repeat {
            guard cursor < bytes.count else { return false }
            line = nextLine
            text.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
            while try readValue() {}
        } while ends.count == 1 && text.isEmpty
        return true
    }

    /// Reads a value; true when another one follows in the row.
    private mutating func readValue() throws -> Bool {
        if cursor < bytes.count, bytes[cursor] == UInt8(ascii: "\"") {
            try readQuoted()
        } else {
            let start = cursor
            while cursor < bytes.count, bytes[cursor] != separator, bytes[cursor] != 0x0A,
                bytes[cursor] != 0x0D
            { cursor += 1 }
            text.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<cursor]))
        }
        ends.append(text.count)
        guard cursor < bytes.count else { return false }
        let byte = bytes[cursor]
        cursor += 1
        if byte == separator { return true }
        guard byte == 0x0A || byte == 0x0D else {
            throw Failure(line: nextLine, reason: "text after the closing quote of a value")
        }
        if byte == 0x0D, cursor < bytes.count, bytes[cursor] == 0x0A { cursor += 1 }
        nextLine += 1
        return false
    }

    private mutating func readQuoted() throws {
        cursor += 1
        while true {
            let start = cursor
            while cursor < bytes.count, bytes[cursor] != UInt8(ascii: "\"") {
                if bytes[cursor] == 0x0A { nextLine += 1 }
                cursor += 1
            }
            text.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<cursor]))
            guard cursor < bytes.count else { throw Failure(line: line, reason: "a quote is not closed") }
            cursor += 1
            guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: "\"") else { return }
            text.append(UInt8(ascii: "\""))
            cursor += 1
        }
    }

    private func range(_ column: Int) -> Range<Int> { (column == 0 ? 0 : ends[column - 1])..<ends[column] }

    /// Calls `body` with the bytes of a value; none where the row is too short.
    package func withBytes<Result>(
        _ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let range = column < ends.count ? range(column) : 0..<0
        return try text.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// A value; empty where the row is too short.
    package subscript(column: Int) -> String { withBytes(column) { String(decoding: $0, as: UTF8.self) } }

    /// The number that a value states; nil for anything else.
    package func number(_ column: Int) -> Double? { withBytes(column) { DecimalText.number($0) } }

    /// The values of the row.
    package var values: [String] { (0..<count).map { self[$0] } }

    /// A value as it is written, in quotes where it needs them.
    package static func quoted(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }) else {
            return value
        }
        return "\"\(value.replacing("\"", with: "\"\""))\""
    }
}
