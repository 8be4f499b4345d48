extension Tokenizer {
    /// Encodes any text.
    func appendAny(_ text: String, to ids: inout [Int32], _ cache: inout WordCache) {
        let scalars = Array(text.unicodeScalars)
        switch flavor {
        case .huggingFace:
            // Special tokens are found in the text as it was given, exactly as they are written.
            for piece in SpecialTokens.pieces(scalars, startToken: startToken, endToken: endToken) {
                switch piece {
                case .token(let id): ids.append(Int32(id))
                case .text(let range):
                    appendWords(TextPreparation.huggingFace(scalars[range]), to: &ids, &cache)
                }
            }
        case .openAI, .openCLIP:
            appendWords(TextPreparation.openAI(scalars), to: &ids, &cache)
        }
    }

    private func appendWords(
        _ text: [Unicode.Scalar], to ids: inout [Int32], _ cache: inout WordCache
    ) {
        var bytes: [UInt8] = []
        var at = 0
        while at < text.count {
            if let special = SpecialTokens.length(text, at, flavor) {
                at += special.length
                switch flavor {
                case .openAI, .openCLIP: ids.append(Int32(special.isStart ? startToken : endToken))
                case .huggingFace:
                    // Written in capitals it separates words, but is then taken apart like other text.
                    for word in special.words { append(word: word, &bytes, to: &ids, &cache) }
                }
                continue
            }
            let end = Words.end(text, at, ignoringCase: flavor != .huggingFace)
            if end > at {
                append(word: text[at..<end], &bytes, to: &ids, &cache)
                at = end
            } else {
                at += 1
            }
        }
    }

    private func append(
        word: some Sequence<Unicode.Scalar>, _ bytes: inout [UInt8], to ids: inout [Int32],
        _ cache: inout WordCache
    ) {
        bytes.removeAll(keepingCapacity: true)
        for scalar in word { bytes.append(contentsOf: scalar.utf8) }
        bytes.withUnsafeBufferPointer { append(word: $0, to: &ids, &cache) }
    }
}

/// The special tokens where they are written out in a text.
private enum SpecialTokens {
    enum Piece {
        case token(Int)
        case text(Range<Int>)
    }

    private static let start = Array("<|startoftext|>".unicodeScalars)
    private static let end = Array("<|endoftext|>".unicodeScalars)
    private static let openStart = Array("<start_of_text>".unicodeScalars)
    private static let openEnd = Array("<end_of_text>".unicodeScalars)

    struct Found {
        let isStart: Bool
        let length: Int

        /// What is between and beside the bars.
        var words: [[Unicode.Scalar]] {
            let text = isStart ? SpecialTokens.start : SpecialTokens.end
            return [Array(text[..<2]), Array(text[2..<(text.count - 2)]), Array(text[(text.count - 2)...])]
        }
    }

    static func length(_ text: [Unicode.Scalar], _ at: Int, _ flavor: Tokenizer.Flavor) -> Found? {
        guard text[at] == "<" else { return nil }
        let (first, second) = flavor == .openCLIP ? (openStart, openEnd) : (start, end)
        if text[at...].starts(with: first) { return Found(isStart: true, length: first.count) }
        if text[at...].starts(with: second) { return Found(isStart: false, length: second.count) }
        return nil
    }

    static func pieces(_ text: [Unicode.Scalar], startToken: Int, endToken: Int) -> [Piece] {
        var result: [Piece] = []
        var begin = 0
        var at = 0
        while at < text.count {
            if let found = length(text, at, .huggingFace) {
                if at > begin { result.append(.text(begin..<at)) }
                result.append(.token(found.isStart ? startToken : endToken))
                at += found.length
                begin = at
            } else {
                at += 1
            }
        }
        if text.count > begin { result.append(.text(begin..<text.count)) }
        return result
    }
}

/// Words of prepared text: contractions, letters, single digits, runs of anything else but white space.
private enum Words {
    /// The end of the word at `start`; `start` itself when that is white space.
    static func end(_ text: [Unicode.Scalar], _ start: Int, ignoringCase: Bool) -> Int {
        let scalar = text[start]
        func separates(_ scalar: Unicode.Scalar) -> Bool {
            // The combining iota is no letter but has one as its capital: a pattern that ignores case finds it
            // neither among letters nor among the others.
            scalar.isWhiteSpace || (ignoringCase && scalar == "\u{345}")
        }
        if separates(scalar) { return start }
        if scalar.isNumber { return start + 1 }
        var end = start + 1
        if scalar.isLetter {
            while end < text.count, text[end].isLetter { end += 1 }
            return end
        }
        let contraction = contraction(text, start, ignoringCase)
        if contraction > 0 { return start + contraction }
        while end < text.count, !text[end].isLetter, !text[end].isNumber, !separates(text[end]) { end += 1 }
        return end
    }

    private static func contraction(_ text: [Unicode.Scalar], _ start: Int, _ ignoringCase: Bool) -> Int {
        guard text[start] == "'", start + 1 < text.count else { return 0 }
        switch text[start + 1] {
        case "s", "t", "m", "d": return 2
        // The long s is an s in a pattern that ignores case.
        case "\u{17F}": return ignoringCase ? 2 : 0
        case "r", "v": return start + 2 < text.count && text[start + 2] == "e" ? 3 : 0
        case "l": return start + 2 < text.count && text[start + 2] == "l" ? 3 : 0
        default: return 0
        }
    }
}
