/// Reads XML text in memory piece by piece, without a tree of it.
///
/// Own code rather than Foundation's, whose parser is a library of its own: what programs write as lists of objects needs
/// elements, attributes, the five named entities and numbered ones, CDATA sections and comments. Declarations of a
/// document type are stepped over, and entities that they declare are not known; nothing outside the text is ever read.
package struct XMLScanner {
    /// What is wrong, at which byte.
    package struct Failure: Error, Sendable {
        package let position: Int
        package let reason: String
    }

    /// What the scanner has stepped over.
    package enum Event: Sendable, Hashable {
        /// The beginning of an element, whose name and attributes are those of the scanner.
        case start
        /// The end of an element.
        case end
        /// Text between tags; see ``text``.
        case text
        /// The end of the document.
        case finish
    }

    let bytes: UnsafeRawBufferPointer
    private var cursor = 0

    /// The name of the element that began last.
    private(set) var name = 0..<0

    /// The attributes of the element that began last: name and value, entities not resolved.
    private(set) var attributes: [(name: Range<Int>, value: Range<Int>)] = []

    /// The names of the open elements.
    private(set) var open: [Range<Int>] = []

    /// The element that began last is `<a/>`, whose end comes next.
    private var endsAtOnce = false
    private(set) var piece = 0..<0
    private(set) var isLiteral = false
    private(set) var isLatin1 = false
    private var hasRoot = false

    /// The number of open elements.
    package var depth: Int { open.count }

    /// The offset of the next byte.
    package var position: Int { cursor }

    private static let maximumDepth = 200

    /// A scanner of `bytes`, which must outlive it.
    ///
    /// - Throws: ``Failure`` for text in an encoding other than UTF-8 and Latin-1.
    package init(_ bytes: UnsafeRawBufferPointer) throws {
        self.bytes = bytes
        if let encoding = TextFile.foreignEncoding(bytes) {
            throw Failure(position: 0, reason: "the text is \(encoding); save it as UTF-8")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { cursor = 3 }
        try readDeclaration()
    }

    package func failure(_ reason: String) -> Failure { Failure(position: cursor, reason: reason) }

    private mutating func readDeclaration() throws {
        guard looksAt("<?xml") else { return }
        guard let end = find("?>", from: cursor) else { throw failure("the XML declaration does not end") }
        let text = String(decoding: bytes[cursor..<end], as: UTF8.self).lowercased()
        if let start = text.firstRange(of: "encoding") {
            let value = text[start.upperBound...].drop { $0 != "\"" && $0 != "'" }.dropFirst()
                .prefix { $0 != "\"" && $0 != "'" }
            switch value {
            case "utf-8", "utf8", "us-ascii", "ascii", "": break
            case "iso-8859-1", "latin-1", "latin1", "windows-1252": isLatin1 = true
            default: throw failure("the text is in the encoding \(value); save it as UTF-8")
            }
        }
        cursor = end + 2
    }

    // MARK: Events

    /// Steps over the next piece.
    ///
    /// - Throws: ``Failure`` for text that is not well-formed.
    package mutating func next() throws -> Event {
        if endsAtOnce {
            endsAtOnce = false
            open.removeLast()
            return .end
        }
        while true {
            guard cursor < bytes.count else {
                guard open.isEmpty else {
                    throw failure("the text ends inside <\(string(open[open.count - 1]))>")
                }
                guard hasRoot else { throw failure("the file holds no element") }
                return .finish
            }
            if bytes[cursor] != UInt8(ascii: "<") {
                let start = cursor
                while cursor < bytes.count, bytes[cursor] != UInt8(ascii: "<") { cursor += 1 }
                guard !open.isEmpty else {
                    guard bytes[start..<cursor].allSatisfy(Self.isSpace) else {
                        cursor = start
                        throw failure(hasRoot ? "text after the end of the document" : "is no XML")
                    }
                    continue
                }
                (piece, isLiteral) = (start..<cursor, false)
                return .text
            }
            guard cursor + 1 < bytes.count else { throw failure("the text ends inside a tag") }
            switch bytes[cursor + 1] {
            case UInt8(ascii: "/"):
                try readEnd()
                return .end
            case UInt8(ascii: "?"): try skip(to: "?>", "a processing instruction")
            case UInt8(ascii: "!"):
                if looksAt("<!--") {
                    try skip(to: "-->", "a comment")
                } else if looksAt("<![CDATA[") {
                    let start = cursor + 9
                    try skip(to: "]]>", "a CDATA section")
                    (piece, isLiteral) = (start..<cursor - 3, true)
                    guard !open.isEmpty else { throw failure("text outside of the document") }
                    return .text
                } else {
                    try skipDocumentType()
                }
            default:
                try readStart()
                return .start
            }
        }
    }

    private mutating func readStart() throws {
        guard !open.isEmpty || !hasRoot else { throw failure("a second element after the document's") }
        hasRoot = true
        cursor += 1
        name = try readName()
        attributes.removeAll(keepingCapacity: true)
        while true {
            let before = cursor
            skipSpace()
            guard cursor < bytes.count else { throw failure("the text ends inside <\(string(name))>") }
            if bytes[cursor] == UInt8(ascii: ">") {
                cursor += 1
                break
            }
            if bytes[cursor] == UInt8(ascii: "/") {
                guard cursor + 1 < bytes.count, bytes[cursor + 1] == UInt8(ascii: ">") else {
                    throw failure("'>' expected after '/'")
                }
                cursor += 2
                endsAtOnce = true
                break
            }
            guard cursor > before else { throw failure("a space expected between attributes") }
            try readAttribute()
        }
        guard open.count < Self.maximumDepth else {
            throw failure("nested deeper than \(Self.maximumDepth) levels")
        }
        open.append(name)
    }

    private mutating func readAttribute() throws {
        let name = try readName()
        skipSpace()
        guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: "=") else {
            throw failure("'=' expected after the attribute \(string(name))")
        }
        cursor += 1
        skipSpace()
        guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: "\"") || bytes[cursor] == UInt8(ascii: "'")
        else { throw failure("a value in quotes expected for the attribute \(string(name))") }
        let quote = bytes[cursor]
        let start = cursor + 1
        var end = start
        while end < bytes.count, bytes[end] != quote {
            guard bytes[end] != UInt8(ascii: "<") else {
                throw failure("'<' in the value of the attribute \(string(name))")
            }
            end += 1
        }
        guard end < bytes.count else {
            throw failure("the value of the attribute \(string(name)) does not end")
        }
        attributes.append((name, start..<end))
        cursor = end + 1
    }

    private mutating func readEnd() throws {
        let start = cursor
        cursor += 2
        let name = try readName()
        skipSpace()
        guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: ">") else {
            throw failure("'>' expected at the end of </\(string(name))")
        }
        cursor += 1
        guard let opened = open.popLast(), equal(opened, name) else {
            cursor = start
            throw failure("</\(string(name))> ends an element that is not open")
        }
    }

    private mutating func readName() throws -> Range<Int> {
        let start = cursor
        while cursor < bytes.count {
            switch bytes[cursor] {
            case 0x00...0x20, UInt8(ascii: "/"), UInt8(ascii: ">"), UInt8(ascii: "="), UInt8(ascii: "<"),
                UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard cursor > start else { throw failure("a name expected") }
                return start..<cursor
            default: cursor += 1
            }
        }
        throw failure("the text ends inside a name")
    }

    private mutating func skipDocumentType() throws {
        let start = cursor
        var (brackets, quote): (Int, UInt8) = (0, 0)
        while cursor < bytes.count {
            let byte = bytes[cursor]
            cursor += 1
            if quote != 0 {
                if byte == quote { quote = 0 }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: "[") {
                brackets += 1
            } else if byte == UInt8(ascii: "]") {
                brackets -= 1
            } else if byte == UInt8(ascii: ">"), brackets <= 0 {
                return
            }
        }
        cursor = start
        throw failure("a declaration does not end")
    }

    private mutating func skip(to mark: StaticString, _ what: String) throws {
        guard let end = find(mark, from: cursor + 2) else { throw failure("\(what) does not end") }
        cursor = end + mark.utf8CodeUnitCount
    }

    private mutating func skipSpace() {
        while cursor < bytes.count, Self.isSpace(bytes[cursor]) { cursor += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private func looksAt(_ text: StaticString, at place: Int? = nil) -> Bool {
        let place = place ?? cursor
        guard bytes.count - place >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where bytes[place + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    private func find(_ text: StaticString, from start: Int) -> Int? {
        var place = start
        while place + text.utf8CodeUnitCount <= bytes.count {
            if bytes[place] == text.utf8Start[0], looksAt(text, at: place) { return place }
            place += 1
        }
        return nil
    }

    private func equal(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        a.count == b.count && bytes[a].elementsEqual(bytes[b])
    }

    func equal(_ range: Range<Int>, _ text: StaticString) -> Bool {
        range.count == text.utf8CodeUnitCount && looksAt(text, at: range.lowerBound)
    }

    func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
