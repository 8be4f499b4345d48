extension Tokenizer {
    /// Encodes any text.
    func appendAny(_ text: String, to ids: inout [Int32], _ cache: inout WordCache) {
        let scalars = Array(text.unicodeScalars)
        switch flavor {
        case .huggingFace:
            givenTokens.split(scalars[...]) {
                ids.append($0)
            } rest: { text in
                let prepared = TextPreparation.huggingFace(text, unifyingSpace: !preparedTokens.isEmpty)
                preparedTokens.split(prepared[...]) {
                    ids.append($0)
                } rest: {
                    appendWords($0, to: &ids, &cache)
                }
            }
        case .openAI, .openCLIP:
            appendWords(TextPreparation.openAI(scalars)[...], to: &ids, &cache)
        }
    }

    private func appendWords(
        _ text: ArraySlice<Unicode.Scalar>, to ids: inout [Int32], _ cache: inout WordCache
    ) {
        let text = Array(text)
        var bytes: [UInt8] = []
        var at = 0
        while at < text.count {
            if let special = SpecialTokens.length(text, at, flavor) {
                at += special.length
                switch flavor {
                case .openAI, .openCLIP: ids.append(Int32(special.isStart ? startToken : endToken))
                case .huggingFace:
                    // In capitals it still separates words, but is then split like other text.
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

/// The special tokens when spelled out in a text.
private enum SpecialTokens {
    private static let start = Array("<|startoftext|>".unicodeScalars)
    private static let end = Array("<|endoftext|>".unicodeScalars)
    private static let openStart = Array("<start_of_text>".unicodeScalars)
    private static let openEnd = Array("<end_of_text>".unicodeScalars)

    struct Found {
        let isStart: Bool
        let length: Int

        /// The pieces between and next to the bars.
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
}

/// Words of prepared text: contractions, letters, single digits, runs of anything but white space.
private enum Words {
    /// The end of the word at `start`; `start` itself if that is white space.
    static func end(_ text: [Unicode.Scalar], _ start: Int, ignoringCase: Bool) -> Int {
        let scalar = text[start]
        func separates(_ scalar: Unicode.Scalar) -> Bool {
            // The combining iota is not a letter, but its capital is: a case-insensitive pattern finds it neither among
            // letters nor among the rest.
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
        // The long s is an s in a case-insensitive pattern.
        case "\u{17F}": return ignoringCase ? 2 : 0
        case "r", "v": return start + 2 < text.count && text[start + 2] == "e" ? 3 : 0
        case "l": return start + 2 < text.count && text[start + 2] == "l" ? 3 : 0
        default: return 0
        }
    }
}

// MARK: Plain text

extension Tokenizer {
    /// Encodes ASCII text that needs no preparation but lower case. One pass over the bytes.
    ///
    /// - Returns: Whether the text could be encoded this way; if not, `ids` is unchanged.
    func appendPlain(
        _ text: UnsafeBufferPointer<UInt8>, to ids: inout [Int32], _ cache: inout WordCache
    ) -> Bool {
        guard text.allSatisfy(isPlain) else { return false }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(text.count, 1)) { lower in
            for (index, byte) in text.enumerated() {
                lower[index] = 65...90 ~= byte ? byte | 0x20 : byte
            }
            let text = UnsafeBufferPointer(rebasing: lower[..<text.count])
            var at = 0
            while at < text.count {
                let end = PlainWords.end(text, at)
                if end > at {
                    append(word: UnsafeBufferPointer(rebasing: text[at..<end]), to: &ids, &cache)
                    at = end
                } else {
                    at += 1
                }
            }
            return true
        }
    }

    /// Characters that are literal in all flavors: not the ones that start special tokens or HTML entities, no control
    /// characters.
    private func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "<"): false
        case 0x20...0x7E, 0x09, 0x0A: true
        default: false
        }
    }
}

/// Words of lower-case ASCII text, as split by CLIP's pattern: contractions, letters, single digits, runs of anything
/// else.
private enum PlainWords {
    enum Class: UInt8 { case space, letter, digit, other }

    static func kind(_ byte: UInt8) -> Class {
        switch byte {
        case 97...122: .letter
        case 48...57: .digit
        case 32, 9...13: .space
        default: .other
        }
    }

    /// The end of the word at `start`; `start` itself if that is white space.
    static func end(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        let first = kind(text[start])
        switch first {
        case .space: return start
        case .digit: return start + 1
        case .other:
            let length = contraction(text, start)
            if length > 0 { return start + length }
        case .letter: break
        }
        var end = start + 1
        while end < text.count, kind(text[end]) == first { end += 1 }
        return end
    }

    private static func contraction(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
        guard text[start] == UInt8(ascii: "'"), start + 1 < text.count else { return 0 }
        switch text[start + 1] {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return start + 2 < text.count && text[start + 2] == UInt8(ascii: "e") ? 3 : 0
        case UInt8(ascii: "l"):
            return start + 2 < text.count && text[start + 2] == UInt8(ascii: "l") ? 3 : 0
        default: return 0
        }
    }
}
