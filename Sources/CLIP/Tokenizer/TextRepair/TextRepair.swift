import Foundation

/// Repairs damaged text like ftfy 6.3 with its default settings, which OpenAI's CLIP applies before tokenizing: HTML
/// entities, wrong decoding, ligatures, full and half width forms, curly quotes, line breaks, terminal escapes, control
/// characters, and composition (NFC).
///
/// Differences from the reference: surrogates cannot occur in Swift's strings, and composition follows the system's
/// Unicode version.
enum TextRepair {
    typealias Scalars = [Unicode.Scalar]

    /// The repaired text. Each line is repaired separately.
    static func fix(_ text: Scalars) -> Scalars {
        var result: Scalars = []
        var unescapesHTML = true
        var start = 0
        while start < text.count {
            var end = text[start...].firstIndex(of: "\n").map { $0 + 1 } ?? text.count
            // The reference splits longer lines at this length too.
            end = min(end, start + 1_000_000)
            let line = Scalars(text[start..<end])
            // Text with a less-than sign may itself be HTML, and so may everything after it.
            if line.contains("<") { unescapesHTML = false }
            result += fixLine(line, unescapesHTML: unescapesHTML)
            start = end
        }
        return result
    }

    private static func fixLine(_ line: Scalars, unescapesHTML: Bool) -> Scalars {
        var text = line
        while true {
            let before = text
            if unescapesHTML { text = HTMLEntities.unescapeUnambiguous(text) }
            text = fixEncoding(text)
            text = fixC1Controls(text)
            text = replace(text, ligatures)
            text = replace(text, widths)
            text = text.map(straightQuote)
            text = fixLineBreaks(text)
            text = removeTerminalEscapes(text)
            text.removeAll(where: isUnwantedControl)
            text = composed(text)
            if text == before { return text }
        }
    }

    /// Composition, NFC.
    static func composed(_ text: Scalars) -> Scalars {
        if text.allSatisfy({ $0.value < 0x300 }) { return text }
        var string = ""
        string.unicodeScalars.append(contentsOf: text)
        return Scalars(string.precomposedStringWithCanonicalMapping.unicodeScalars)
    }

    // MARK: Characters

    private static func replace(_ text: Scalars, _ table: [Unicode.Scalar: Scalars]) -> Scalars {
        guard text.contains(where: { table[$0] != nil }) else { return text }
        return text.flatMap { table[$0] ?? [$0] }
    }

    private static let ligatures: [Unicode.Scalar: Scalars] = [
        "Ĳ": "IJ", "ĳ": "ij", "ŉ": "ʼn", "Ǳ": "DZ", "ǲ": "Dz", "ǳ": "dz", "Ǆ": "DŽ", "ǅ": "Dž", "ǆ": "dž",
        "Ǉ": "LJ", "ǈ": "Lj", "ǉ": "lj", "Ǌ": "NJ", "ǋ": "Nj", "ǌ": "nj", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl",
        "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ſt", "ﬆ": "st",
    ].mapValues { (text: String) in Scalars(text.unicodeScalars) }

    /// Full and half width forms with their compatibility decomposition (NFKC).
    private static let widths: [Unicode.Scalar: Scalars] = {
        var table: [Unicode.Scalar: Scalars] = ["\u{3000}": [" "]]
        for value in UInt32(0xFF01)..<0xFFF0 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let wide = Scalars(
                String(Character(scalar)).precomposedStringWithCompatibilityMapping.unicodeScalars)
            if wide != [scalar] { table[scalar] = wide }
        }
        return table
    }()

    private static func straightQuote(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "\u{2BC}", "\u{2018}"..."\u{201B}": "'"
        case "\u{201C}"..."\u{201F}": "\""
        default: scalar
        }
    }

    private static func fixLineBreaks(_ text: Scalars) -> Scalars {
        guard text.contains(where: isLineBreak) else { return text }
        var result: Scalars = []
        for (index, scalar) in text.enumerated() {
            if scalar == "\r", index + 1 < text.count, text[index + 1] == "\n" { continue }
            result.append(isLineBreak(scalar) ? "\n" : scalar)
        }
        return result
    }

    private static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
        ["\r", "\u{2028}", "\u{2029}", "\u{85}"].contains(scalar)
    }

    /// Escape, bracket, digits and semicolons, a letter. Digits are Unicode's, as in the reference's pattern.
    private static func removeTerminalEscapes(_ text: Scalars) -> Scalars {
        guard text.contains("\u{1B}") else { return text }
        var result: Scalars = []
        var at = 0
        while at < text.count {
            if text[at] == "\u{1B}", at + 1 < text.count, text[at + 1] == "[" {
                var end = at + 2
                while end < text.count,
                    text[end] == ";" || text[end].properties.generalCategory == .decimalNumber
                {
                    end += 1
                }
                if end < text.count, text[end].isASCII, text[end].isLetter {
                    at = end + 1
                    continue
                }
            }
            result.append(text[at])
            at += 1
        }
        return result
    }

    private static func isUnwantedControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
        default: false
        }
    }
}
