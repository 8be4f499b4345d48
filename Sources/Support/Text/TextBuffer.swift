/// Text that grows, as bytes of UTF-8: numbers and escapes are written without strings in between.
package struct TextBuffer: Sendable {
    /// The bytes so far.
    package private(set) var bytes: [UInt8] = []

    /// An empty text.
    package init() {}

    /// The number of bytes.
    package var count: Int { bytes.count }

    /// The text.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Makes room.
    package mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

    /// Begins anew, and keeps the room.
    package mutating func clear() { bytes.removeAll(keepingCapacity: true) }

    /// Adds text as it is.
    package mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Adds text as it is.
    package mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// Adds bytes as they are.
    package mutating func raw(_ text: some Sequence<UInt8>) { bytes.append(contentsOf: text) }

    /// Adds an integer.
    package mutating func integer(_ value: some BinaryInteger) {
        var rest = UInt64(value.magnitude)
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        if bytes.count - start > 1 { bytes[start...].reverse() }
    }

    /// Adds a finite number with as few digits as give the same number back; whole numbers without a point.
    package mutating func number(_ value: Double) {
        // Most coordinates have at most two decimals, which needs no search for the shortest digits.
        let hundredths = value * 100
        if hundredths.magnitude < 1e15, hundredths == hundredths.rounded(), value != 0 || value.sign == .plus,
            Double(Int64(hundredths)) / 100 == value
        {
            let scaled = Int64(hundredths)
            if scaled < 0 { bytes.append(UInt8(ascii: "-")) }
            integer(scaled.magnitude / 100)
            let fraction = UInt8(truncatingIfNeeded: scaled.magnitude % 100)
            guard fraction != 0 else { return }
            bytes.append(UInt8(ascii: "."))
            bytes.append(UInt8(ascii: "0") + fraction / 10)
            if fraction % 10 != 0 { bytes.append(UInt8(ascii: "0") + fraction % 10) }
            return
        }
        raw(NumberText.shortest(value))
    }

    /// Adds a finite number below 10^8 with at most ten decimals, without zeros at the end.
    package mutating func decimals(_ value: Double) {
        let scaled = Int64((min(max(value, -1e8), 1e8) * 1e10).rounded())
        if scaled < 0 { bytes.append(UInt8(ascii: "-")) }
        var (whole, rest) = scaled.magnitude.quotientAndRemainder(dividingBy: 10_000_000_000)
        integer(whole)
        guard rest > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        whole = 1_000_000_000
        while rest > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / whole))
            rest %= whole
            whole /= 10
        }
    }

    /// Adds a string of JSON with quotes and escapes.
    package mutating func quoted(_ text: String) { quoted(text.utf8) }

    /// Adds a string of JSON, given as UTF-8, with quotes and escapes.
    package mutating func quoted(_ text: some Sequence<UInt8>) {
        let hexadecimal = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: raw("\\n")
            case 0x0D: raw("\\r")
            case 0x09: raw("\\t")
            case 0..<0x20:
                raw("\\u00")
                bytes.append(hexadecimal[Int(byte >> 4)])
                bytes.append(hexadecimal[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Adds text between tags or in an attribute of XML or HTML, with its escapes.
    package mutating func markup(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): raw("&amp;")
            case UInt8(ascii: "<"): raw("&lt;")
            case UInt8(ascii: ">"): raw("&gt;")
            case UInt8(ascii: "\""): raw("&quot;")
            // White space keeps its kind in an attribute only so.
            case 0x09: raw("&#9;")
            case 0x0A: raw("&#10;")
            case 0x0D: raw("&#13;")
            case UInt8(ascii: "'"): raw("&#39;")
            // XML has no place for these, even escaped.
            case 0..<0x20: raw(" ")
            case 0xBE, 0xBF:
                bytes.append(byte)
                // Nor for U+FFFE and U+FFFF.
                if bytes.suffix(3).starts(with: [0xEF, 0xBF]) {
                    bytes.replaceSubrange((bytes.count - 3)..., with: [0x20])
                }
            default: bytes.append(byte)
            }
        }
    }

    /// Adds the elements of a list with `separator` between them.
    package mutating func list<Elements: Sequence>(
        _ elements: Elements, separator: StaticString = ", ",
        _ body: (inout TextBuffer, Elements.Element) throws -> Void
    ) rethrows {
        var isFirst = true
        for element in elements {
            if !isFirst { raw(separator) }
            isFirst = false
            try body(&self, element)
        }
    }
}

/// Text inside XML and HTML.
package enum Markup {
    /// The text with the special characters of XML and HTML replaced, for elements and attributes.
    package static func escaped(_ text: String) -> String {
        var buffer = TextBuffer()
        buffer.markup(text)
        return buffer.text
    }
}
