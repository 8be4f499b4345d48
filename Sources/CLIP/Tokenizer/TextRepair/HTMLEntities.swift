/// HTML character references.
enum HTMLEntities {
    typealias Scalars = [Unicode.Scalar]

    /// Replaces all references, including those without a semicolon, by the rules of the HTML standard as in Python's
    /// `html.unescape`.
    static func unescape(_ text: Scalars) -> Scalars {
        guard text.contains("&") else { return text }
        var result: Scalars = []
        var at = 0
        while at < text.count {
            if text[at] == "&", let (end, replacement) = reference(text, at) {
                result += replacement
                at = end
            } else {
                result.append(text[at])
                at += 1
            }
        }
        return result
    }

    /// Replaces references that end in a semicolon and are unambiguous, as in ftfy, including a few written in
    /// capitals.
    static func unescapeUnambiguous(_ text: Scalars) -> Scalars {
        guard text.contains("&") else { return text }
        var result: Scalars = []
        var at = 0
        while at < text.count {
            if text[at] == "&", let end = plainReference(text, at) {
                result += unambiguous(Scalars(text[at..<end]))
                at = end
            } else {
                result.append(text[at])
                at += 1
            }
        }
        return result
    }

    /// The end of `&name;` or `&#name;` of 1 to 24 ASCII letters and digits.
    private static func plainReference(_ text: Scalars, _ start: Int) -> Int? {
        var at = start + 1
        if at < text.count, text[at] == "#" { at += 1 }
        let first = at
        while at < text.count, at - first < 24, text[at].isASCII, text[at].isLetter || text[at].isNumber {
            at += 1
        }
        return at > first && at < text.count && text[at] == ";" ? at + 1 : nil
    }

    private static func unambiguous(_ reference: Scalars) -> Scalars {
        if reference.count > 1, reference[1] == "#" {
            let replacement = unescape(reference)
            return replacement.contains(";") ? reference : replacement
        }
        let name = String(String.UnicodeScalarView(reference[1..<reference.count - 1]))
        return names.withSemicolon[name] ?? names.capitals[name] ?? reference
    }

    /// The reference that starts with the ampersand at `start`: its end and its replacement.
    private static func reference(_ text: Scalars, _ start: Int) -> (Int, Scalars)? {
        let first = start + 1
        guard first < text.count else { return nil }
        if text[first] == "#" { return numericReference(text, first + 1) }
        var end = first
        while end < text.count, end - first < 32,
            !["\t", "\n", "\u{C}", " ", "<", "&", "#", ";"].contains(text[end])
        {
            end += 1
        }
        guard end > first else { return nil }
        let name = Scalars(text[first..<end])
        func string(_ count: Int) -> String { String(String.UnicodeScalarView(name[..<count])) }
        let closed = end < text.count && text[end] == ";"
        if closed, let value = names.withSemicolon[string(name.count)] { return (end + 1, value) }
        // The longest prefix that is valid without a semicolon.
        var count = name.count
        while count > 1 {
            if let value = names.withoutSemicolon[string(count)] {
                return (closed ? end + 1 : end, value + name[count...] + (closed ? [";"] : []))
            }
            count -= 1
        }
        return nil
    }

    private static func numericReference(_ text: Scalars, _ first: Int) -> (Int, Scalars)? {
        let isHexadecimal = first < text.count && (text[first] == "x" || text[first] == "X")
        var at = isHexadecimal ? first + 1 : first
        let digits = at
        var value: UInt32 = 0
        while at < text.count, let digit = digit(text[at], isHexadecimal) {
            value = min(value * (isHexadecimal ? 16 : 10) + digit, 0x1000_0000 / 16)
            at += 1
        }
        guard at > digits else { return nil }
        if at < text.count, text[at] == ";" { at += 1 }
        return (at, character(value))
    }

    private static func digit(_ scalar: Unicode.Scalar, _ isHexadecimal: Bool) -> UInt32? {
        if scalar.isASCII {
            switch scalar {
            case "0"..."9": return scalar.value - 48
            case "a"..."f" where isHexadecimal: return scalar.value - 87
            case "A"..."F" where isHexadecimal: return scalar.value - 55
            default: return nil
            }
        }
        return nil
    }

    /// HTML standard 13.2.5.80: numbers from Windows-1252, noncharacters, and numbers out of range.
    private static func character(_ value: UInt32) -> Scalars {
        switch value {
        case 0: return ["\u{FFFD}"]
        case 0x0D: return ["\r"]
        case 0x80...0x9F: return [SingleByteEncoding.windows1252.decode(UInt8(value))]
        case 0x1...0x8, 0xB, 0xE...0x1F, 0x7F, 0xFDD0...0xFDEF: return []
        default: break
        }
        guard let scalar = Unicode.Scalar(value) else { return ["\u{FFFD}"] }
        return value & 0xFFFE == 0xFFFE ? [] : [scalar]
    }

    private struct Names: Sendable {
        var withSemicolon: [String: Scalars] = [:]
        var withoutSemicolon: [String: Scalars] = [:]
        var capitals: [String: Scalars] = [:]
    }

    private static let names: Names = {
        var names = Names()
        for entry in HTMLEntityTable.text.split(whereSeparator: \.isWhitespace) {
            let parts = entry.split(separator: "=")
            guard parts.count == 2 else { continue }
            let value = parts[1].split(separator: "+").compactMap {
                UInt32($0, radix: 16).flatMap(Unicode.Scalar.init)
            }
            let name = String(parts[0].drop { $0 == "*" })
            names.withSemicolon[name] = value
            if parts[0].first == "*" { names.withoutSemicolon[name] = value }
        }
        // A lower-case name in capitals counts if neither it nor a prefix of it has another meaning.
        for (name, value) in names.withSemicolon where name == name.lowercased() {
            let capitals = name.uppercased()
            let beginnings = capitals.indices.dropFirst(2).map { String(capitals[..<$0]) } + [capitals]
            guard names.withSemicolon[capitals] == nil,
                !beginnings.contains(where: { names.withoutSemicolon[$0] != nil })
            else { continue }
            let string = String(String.UnicodeScalarView(value))
            names.capitals[capitals] = Scalars(string.uppercased().unicodeScalars)
        }
        return names
    }()
}
