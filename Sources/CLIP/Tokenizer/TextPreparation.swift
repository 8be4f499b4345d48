/// Each checkpoint family's preparation of text before it is split into words.
enum TextPreparation {
    typealias Scalars = [Unicode.Scalar]

    /// Composition, then lower case character by character.
    /// - Parameter unifyingSpace: Whether runs of white space become one space; without added tokens white space only
    ///   separates words.
    static func huggingFace(_ text: ArraySlice<Unicode.Scalar>, unifyingSpace: Bool = false) -> Scalars {
        var composed = TextRepair.composed(Scalars(text))
        if unifyingSpace {
            composed = composed.indices.compactMap { index in
                guard composed[index].isWhiteSpace else { return composed[index] }
                return index > 0 && composed[index - 1].isWhiteSpace ? nil : " "
            }
        }
        return composed.flatMap { $0.properties.lowercaseMapping.unicodeScalars }
    }

    /// Repair, entities resolved twice, white space unified, context-aware lower case.
    static func openAI(_ text: Scalars) -> Scalars {
        let repaired = HTMLEntities.unescape(HTMLEntities.unescape(TextRepair.fix(text)))
        return lowercased(repaired.map { $0.isPythonSpace ? " " : $0 })
    }

    /// Python's `str.lower`: a capital sigma at the end of a word becomes the final form (Unicode 3.13,
    /// Final_Sigma).
    static func lowercased(_ text: Scalars) -> Scalars {
        guard text.contains("\u{3A3}") else {
            return text.flatMap { $0.properties.lowercaseMapping.unicodeScalars }
        }
        func isCased(_ scalars: some Sequence<Unicode.Scalar>) -> Bool {
            scalars.first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
        }
        return text.indices.flatMap { index -> Scalars in
            guard text[index] == "\u{3A3}" else {
                return Scalars(text[index].properties.lowercaseMapping.unicodeScalars)
            }
            let isFinal = isCased(text[..<index].reversed()) && !isCased(text[(index + 1)...])
            return [isFinal ? "\u{3C2}" : "\u{3C3}"]
        }
    }
}

extension Unicode.Scalar {
    /// `\p{L}`.
    var isLetter: Bool {
        if isASCII { return 97...122 ~= value | 0x20 }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    /// `\p{N}`.
    var isNumber: Bool {
        if isASCII { return 48...57 ~= value }
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    /// Unicode's White_Space, the `\s` of most regular expressions.
    var isWhiteSpace: Bool { isASCII ? value == 32 || 9...13 ~= value : properties.isWhitespace }

    /// Python's white space in `str.split` and `str.strip`: four more separators.
    var isPythonSpace: Bool { isWhiteSpace || 0x1C...0x1F ~= value }
}
