/// What each family of checkpoints does to text before it is separated into words.
enum TextPreparation {
    typealias Scalars = [Unicode.Scalar]

    /// Composition, then lower case character by character. (White space needs no unification, since it only
    /// separates words.)
    static func huggingFace(_ text: ArraySlice<Unicode.Scalar>) -> Scalars {
        TextRepair.composed(Scalars(text)).flatMap { $0.properties.lowercaseMapping.unicodeScalars }
    }

    /// Repair, entities resolved twice, white space unified, lower case in context.
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
