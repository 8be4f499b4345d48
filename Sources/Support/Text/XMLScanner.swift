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

    private let bytes: UnsafeRawBufferPointer
    private var cursor = 0

    /// The name of the element that began last.
    private var name = 0..<0

    /// The attributes of the element that began last: name and value, entities not resolved.
    private var attributes: [(name: Range<Int>, value: Range<Int>)] = []

    /// The names of the open elements.
    private var open: [Range<Int>] = []

    /// The element that began last is `<a/>`, whose end comes next.
    private var endsAtOnce = false
    private var piece = 0..<0
    private var isLiteral = false
    private var isLatin1 = false
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

    private func equal(_ range: Range<Int>, _ text: StaticString) -> Bool {
        range.count == text.utf8CodeUnitCount && looksAt(text, at: range.lowerBound)
    }

    // MARK: What was read

    /// Whether the element that began last has this name.
    package func isElement(_ name: StaticString) -> Bool { equal(self.name, name) }

    /// The name of the element that began last.
    package var elementName: String { string(name) }

    /// The names of the open elements, the outermost first.
    package func path() -> [String] { open.map { string($0) } }

    /// The bytes of an attribute of the element that began last, entities not resolved; nil when it has none such.
    package func rawAttribute(_ name: StaticString) -> UnsafeRawBufferPointer? {
        for attribute in attributes where equal(attribute.name, name) {
            return UnsafeRawBufferPointer(rebasing: bytes[attribute.value])
        }
        return nil
    }

    /// The text of an attribute of the element that began last; nil when it has none such.
    package func attribute(_ name: StaticString) throws -> String? {
        for attribute in attributes where equal(attribute.name, name) {
            return try resolved(attribute.value, isAttribute: true)
        }
        return nil
    }

    /// The number that an attribute states; nil when it is missing or empty.
    ///
    /// - Throws: ``Failure`` when it is no number.
    package func number(_ name: StaticString) throws -> Double? {
        guard let raw = rawAttribute(name), !raw.isEmpty else { return nil }
        guard let value = DecimalText.number(raw) else {
            throw failure(
                "the attribute \(name) is \"\(String(decoding: raw.prefix(40), as: UTF8.self))\", no finite number"
            )
        }
        return value
    }

    /// The whole number that an attribute states, a fraction cut off; nil when it is missing or empty.
    ///
    /// - Throws: ``Failure`` when it is no number of 32 bits.
    package func integer(_ name: StaticString) throws -> Int? {
        guard let value = try number(name) else { return nil }
        guard value.magnitude < 0x1p31 else { throw failure("the attribute \(name) is too large") }
        return Int(value)
    }

    /// The text that was stepped over last, entities resolved.
    package func text() throws -> String {
        isLiteral ? try decoded(piece) : try resolved(piece, isAttribute: false)
    }

    /// Steps to the document's outermost element.
    ///
    /// - Throws: ``Failure`` when it has another name.
    package mutating func enterRoot(_ name: StaticString) throws {
        guard try next() == .start else { throw failure("the file holds no element") }
        guard isElement(name) else {
            throw failure("the outermost element is <\(elementName)>; <\(name)> is needed")
        }
    }

    /// Calls `body` at the beginning of every element inside the one that began last, and steps over its end. What
    /// `body` leaves of an element is skipped.
    package mutating func forEachChild(_ body: (inout XMLScanner) throws -> Void) throws {
        let level = depth
        while true {
            switch try next() {
            case .start:
                let child = depth
                try body(&self)
                while depth >= child { _ = try next() }
            case .end where depth < level: return
            case .end, .text: break
            case .finish: return
            }
        }
    }

    /// The text of the element that began last, without that of elements in it, up to and with its end.
    package mutating func contents() throws -> String {
        let level = depth
        var result = ""
        while true {
            switch try next() {
            case .text where depth == level: result += try text()
            case .end where depth < level: return result
            case .finish: return result
            default: break
            }
        }
    }

    // MARK: Text

    private func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private func decoded(_ range: Range<Int>) throws -> String {
        if isLatin1 {
            var text = String.UnicodeScalarView()
            for byte in bytes[range] { text.append(Unicode.Scalar(byte)) }
            return String(text)
        }
        guard let text = String(validating: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
        else {
            throw Failure(position: range.lowerBound, reason: "text that is not UTF-8")
        }
        return text
    }

    private func resolved(_ range: Range<Int>, isAttribute: Bool) throws -> String {
        let slice = bytes[range]
        let needsWork = slice.contains {
            $0 == UInt8(ascii: "&") || $0 == 0x0D || isAttribute && ($0 == 0x0A || $0 == 0x09)
        }
        guard needsWork else { return try decoded(range) }
        var result = ""
        var start = range.lowerBound
        var place = start
        while place < range.upperBound {
            switch bytes[place] {
            case UInt8(ascii: "&"):
                result += try decoded(start..<place)
                guard
                    let end = (place..<min(range.upperBound, place + 12)).first(where: {
                        bytes[$0] == UInt8(ascii: ";")
                    })
                else { throw Failure(position: place, reason: "'&' without the ';' of an entity") }
                result.unicodeScalars.append(try entity(place + 1..<end))
                place = end + 1
                start = place
            case 0x0D:
                // Line ends are one character, whatever the system that wrote them.
                result += try decoded(start..<place)
                let isPair = place + 1 < range.upperBound && bytes[place + 1] == 0x0A
                result += isAttribute ? " " : "\n"
                place += isPair ? 2 : 1
                start = place
            case 0x0A where isAttribute, 0x09 where isAttribute:
                result += try decoded(start..<place)
                result += " "
                place += 1
                start = place
            default: place += 1
            }
        }
        return result + (try decoded(start..<range.upperBound))
    }

    private func entity(_ range: Range<Int>) throws -> Unicode.Scalar {
        let text = string(range)
        switch text {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            let digits = text.hasPrefix("#x") ? text.dropFirst(2) : text.dropFirst()
            let radix = text.hasPrefix("#x") ? 16 : 10
            guard text.hasPrefix("#"), let value = UInt32(digits, radix: radix),
                let scalar = Unicode.Scalar(value)
            else { throw Failure(position: range.lowerBound, reason: "the entity &\(text); is not known") }
            return scalar
        }
    }
}
