extension TextRepair {
    /// Undoes decoding with wrong encodings until nothing changes.
    static func fixEncoding(_ text: Scalars) -> Scalars {
        var text = text
        while true {
            let fixed = fixEncodingOnce(text)
            if fixed == text { return text }
            text = fixed
        }
    }

    private static func fixEncodingOnce(_ text: Scalars) -> Scalars {
        if text.allSatisfy(\.isASCII) || !MojibakeDetector.isBad(text) { return text }
        for encoding in SingleByteEncoding.candidates {
            guard var bytes = encoding.encode(text) else { continue }
            if encoding.restoresSpaces { bytes = restoringNoBreakSpaces(bytes) }
            if encoding.isSloppy { bytes = replacingLossySequences(bytes) }
            let decoded =
                bytes.contains { $0 == 0xED || $0 == 0xC0 } ? decodeVariants(bytes) : decodeUTF8(bytes)
            if let decoded { return decoded }
        }
        let embedded = fixEmbeddedUTF8(text)
        if embedded != text { return embedded }
        if SingleByteEncoding.latin1.encode(text) != nil, let fixed = readAsWindows1252(text), fixed != text {
            return fixed
        }
        return fixC1Controls(text)
    }

    /// Replaces the control characters U+0080 to U+009F with Windows-1252's characters at the same positions.
    static func fixC1Controls(_ text: Scalars) -> Scalars {
        text.map { isC1($0) ? SingleByteEncoding.windows1252.decode(UInt8($0.value)) : $0 }
    }

    private static func isC1(_ scalar: Unicode.Scalar) -> Bool { 0x80...0x9F ~= scalar.value }

    /// nil if a byte is undefined in Windows-1252.
    private static func readAsWindows1252(_ text: Scalars) -> Scalars? {
        let fixed = fixC1Controls(text)
        return fixed.contains(where: isC1) ? nil : fixed
    }

    /// Repairs pieces that are UTF-8 in themselves where the whole is not.
    private static func fixEmbeddedUTF8(_ text: Scalars) -> Scalars {
        var result: Scalars = []
        var copied = 0
        for range in MojibakeDetector.embeddedUTF8(text) where range.count < text.count {
            let piece = Scalars(text[range])
            guard MojibakeDetector.isBad(piece) else { continue }
            result += text[copied..<range.lowerBound]
            result += fixEncoding(piece)
            copied = range.upperBound
        }
        return result + text[copied...]
    }

    // MARK: Bytes

    private static func decodeUTF8(_ bytes: [UInt8]) -> Scalars? {
        String(validating: bytes, as: UTF8.self).map { Scalars($0.unicodeScalars) }
    }

    /// UTF-8 that may encode zero in two bytes (Java) and surrogate pairs in six (CESU-8).
    private static func decodeVariants(_ bytes: [UInt8]) -> Scalars? {
        var plain: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let rest = bytes.count - at
            // The reference's pattern accepts a final line break as the second byte.
            if bytes[at] == 0xC0, rest > 1, bytes[at + 1] == 0x80 || (rest == 2 && bytes[at + 1] == 0x0A) {
                plain.append(0)
                at += 2
            } else if rest >= 6, bytes[at] == 0xED, 0xA0...0xAF ~= bytes[at + 1],
                0x80...0xBF ~= bytes[at + 2],
                bytes[at + 3] == 0xED, 0xB0...0xBF ~= bytes[at + 4], 0x80...0xBF ~= bytes[at + 5]
            {
                let high = UInt32(bytes[at + 1] & 0x0F) << 16 | UInt32(bytes[at + 2] & 0x3F) << 10
                let value =
                    0x10000 + high + (UInt32(bytes[at + 4] & 0x0F) << 6 | UInt32(bytes[at + 5] & 0x3F))
                guard let scalar = Unicode.Scalar(value) else { return nil }
                plain += Array(String(Character(scalar)).utf8)
                at += 6
            } else {
                plain.append(bytes[at])
                at += 1
            }
        }
        return decodeUTF8(plain)
    }

    /// Restores 0xA0 where a space replaced it inside an otherwise valid UTF-8 sequence.
    private static func restoringNoBreakSpaces(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.indices.contains(where: { alteredSequence(bytes, $0) > 0 }) else { return bytes }
        // An a with a grave accent is a word of its own: the space after it stays.
        var words: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            words.append(byte)
            guard byte == 0xC3, index + 1 < bytes.count, bytes[index + 1] == 0x20 else { continue }
            let rest = bytes[(index + 2)...]
            if ![" ", "quele", "quela", "quilo", "s "].contains(where: { rest.starts(with: $0.utf8) }) {
                words.append(0xA0)
            }
        }
        var result = words
        var at = 0
        while at < words.count {
            let length = alteredSequence(words, at)
            for index in at..<at + length where words[index] == 0x20 { result[index] = 0xA0 }
            at += max(length, 1)
        }
        return result
    }

    /// The length of a UTF-8 sequence of likely characters in which one byte 0xA0 became a space; 0 if there is none.
    private static func alteredSequence(_ bytes: [UInt8], _ at: Int) -> Int {
        func byte(_ offset: Int) -> UInt8 { at + offset < bytes.count ? bytes[at + offset] : 0 }
        func follows(_ offset: Int) -> Bool { 0x80...0xBF ~= byte(offset) }
        func narrow(_ offset: Int) -> Bool { follows(offset) && byte(offset) != 0x85 && byte(offset) != 0xA0 }
        func space(_ offset: Int) -> Bool { byte(offset) == 0x20 }
        let lead = bytes[at]
        if [0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9].contains(lead), space(1) { return 2 }
        if [0xE2, 0xE3].contains(lead), space(1), narrow(2) { return 3 }
        if 0xE0...0xE3 ~= lead, narrow(1), space(2) { return 3 }
        guard lead == 0xF0 else { return 0 }
        let spaces = (1...3).filter(space)
        return spaces.count == 1 && (1...3).allSatisfy({ space($0) || follows($0) }) ? 4 : 0
    }

    /// Replaces UTF-8 sequences that lost bytes (0x1A, or once a question mark) with a single U+FFFD each.
    private static func replacingLossySequences(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let length = lossySequence(bytes, at)
            if length > 0 {
                result += [0xEF, 0xBF, 0xBD]
                at += length
            } else {
                result.append(bytes[at])
                at += 1
            }
        }
        return result
    }

    private static func lossySequence(_ bytes: [UInt8], _ at: Int) -> Int {
        func byte(_ offset: Int) -> UInt8? { at + offset < bytes.count ? bytes[at + offset] : nil }
        func lost(_ offset: Int) -> Bool { byte(offset) == 0x1A }
        func doubtful(_ offset: Int) -> Bool { lost(offset) || byte(offset) == UInt8(ascii: "?") }
        func present(_ offset: Int) -> Bool { byte(offset).map { 0x80...0xBF ~= $0 } ?? false }
        func rest(_ offset: Int) -> Bool { lost(offset) || present(offset) }
        let lead = bytes[at]
        if 0xC2...0xDF ~= lead, lost(1) { return 2 }
        if 0xC2...0xC3 ~= lead, doubtful(1) { return 2 }
        if lead == 0xED, let second = byte(1), 0xA0...0xAF ~= second, byte(3) == 0xED,
            let fifth = byte(4), 0xB0...0xBF ~= fifth,
            (doubtful(2) && (doubtful(5) || present(5))) || ((doubtful(2) || present(2)) && doubtful(5))
        {
            return 6
        }
        if 0xE0...0xEF ~= lead, (doubtful(1) && rest(2)) || (rest(1) && doubtful(2)) { return 3 }
        if 0xF0...0xF4 ~= lead {
            for question in 1...3
            where doubtful(question) && (1...3).allSatisfy({ $0 == question || rest($0) }) { return 4 }
        }
        return lead == 0x1A ? 1 : 0
    }
}
