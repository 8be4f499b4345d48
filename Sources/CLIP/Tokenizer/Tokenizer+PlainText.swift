extension Tokenizer {
    /// Encodes text of ASCII characters that need no preparation but lower case. One pass over the bytes.
    ///
    /// - Returns: false, with `ids` as before, when the text needs more than that.
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

    /// Characters that mean themselves in all flavours: not those that special tokens or HTML entities start
    /// with, not control characters.
    private func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "<"): false
        case 0x20...0x7E, 0x09, 0x0A: true
        default: false
        }
    }
}

/// Words of lower-case ASCII text, as CLIP's pattern separates them: contractions, letters, single digits,
/// runs of anything else.
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

    /// The end of the word at `start`; `start` itself when that is white space.
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
