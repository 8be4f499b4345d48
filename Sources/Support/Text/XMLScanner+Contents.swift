// What was read: names, attributes, texts.
extension XMLScanner {
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
