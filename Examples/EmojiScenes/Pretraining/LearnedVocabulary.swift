import Foundation
import Support

/// The vocabulary of a CLIP-style tokenizer, learned from texts: frequent pairs of adjacent symbols are merged, in
/// order.
///
/// Token ids are arranged as in CLIP's own vocabularies: 256 bytes, 256 bytes that end a word, the merged pairs, and
/// the start and end tokens (Radford et al., 2021; Sennrich et al., 2016).
struct LearnedVocabulary: Sendable {
    /// The pairs, in the order of merging.
    let merges: [(String, String)]

    /// The id of every token.
    let ids: [String: Int]

    static let start = "<|startoftext|>"
    static let end = "<|endoftext|>"
    private static let wordEnd = "</w>"

    private init(merges: [(String, String)]) {
        self.merges = merges
        let bytes = Self.bytesInOrder.map { Self.symbol(of: $0) }
        let tokens =
            bytes + bytes.map { $0 + Self.wordEnd } + merges.map { $0.0 + $0.1 } + [Self.start, Self.end]
        ids = Dictionary(tokens.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The number of tokens.
    var count: Int { 514 + merges.count }

    /// Learns merges from texts until the vocabulary has `size` tokens or no pair occurs twice.
    init(learnedFrom texts: [String], size: Int) {
        var counts: [String: Int] = [:]
        for word in texts.flatMap(Self.words(of:)) { counts[word, default: 0] += 1 }
        var names: [String] = []
        var numbers: [String: Int] = [:]
        func number(_ symbol: String) -> Int {
            if let known = numbers[symbol] { return known }
            names.append(symbol)
            numbers[symbol] = names.count - 1
            return names.count - 1
        }
        var words = counts.sorted { $0.key < $1.key }.map { word, count in
            (symbols: Self.symbols(of: word).map(number), count: count)
        }
        var merges: [(String, String)] = []
        while 514 + merges.count < size {
            var pairs: [SIMD2<Int>: Int] = [:]
            for (symbols, count) in words {
                for (first, second) in zip(symbols, symbols.dropFirst()) {
                    pairs[SIMD2(first, second), default: 0] += count
                }
            }
            // Ties go to the pair whose symbols are older, so that the result does not depend on the order of the
            // table.
            let best = pairs.max { left, right in
                (left.value, -left.key.x, -left.key.y) < (right.value, -right.key.x, -right.key.y)
            }
            guard let best, best.value > 1 else { break }
            let joined = number(names[best.key.x] + names[best.key.y])
            merges.append((names[best.key.x], names[best.key.y]))
            for index in words.indices {
                let symbols = words[index].symbols
                guard symbols.contains(best.key.x) else { continue }
                var result: [Int] = []
                for symbol in symbols {
                    if symbol == best.key.y, result.last == best.key.x {
                        result[result.count - 1] = joined
                    } else {
                        result.append(symbol)
                    }
                }
                words[index].symbols = result
            }
        }
        self.init(merges: merges)
    }

    /// Writes `vocab.json` and `merges.txt` in the format of Hugging Face's tokenizers into a folder.
    func write(to folder: String) throws {
        try AtomicFile.write(JSONText.line(ids), to: folder + "/vocab.json")
        let list = "#version: 0.2\n" + merges.map { "\($0.0) \($0.1)\n" }.joined()
        try AtomicFile.write(list, to: folder + "/merges.txt")
    }

    // MARK: Words and bytes

    /// CLIP's words: runs of letters, single digits, runs of anything else except spaces.
    private static func words(of text: String) -> [String] {
        enum Kind { case letter, digit, other, space }
        func kind(_ scalar: Unicode.Scalar) -> Kind {
            if scalar.properties.isWhitespace { return .space }
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
                return .letter
            case .decimalNumber, .letterNumber, .otherNumber: return .digit
            default: return .other
            }
        }
        var words: [String] = []
        var last = Kind.space
        for scalar in text.lowercased().unicodeScalars {
            let kind = kind(scalar)
            if kind != .space {
                if kind == last, kind != .digit {
                    words[words.count - 1].unicodeScalars.append(scalar)
                } else {
                    words.append(String(scalar))
                }
            }
            last = kind
        }
        return words
    }

    private static func symbols(of word: String) -> [String] {
        var symbols = word.utf8.map { symbol(of: $0) }
        if let last = symbols.popLast() { symbols.append(last + wordEnd) }
        return symbols
    }

    /// Printable bytes map to themselves, the others to scalars from 256 on.
    private static func symbol(of byte: UInt8) -> String { byteSymbols[Int(byte)] }

    private static let printable: [UInt8] = Array(33...126) + Array(161...172) + Array(174...255)

    private static let bytesInOrder: [UInt8] = printable + (0...255).filter { !printable.contains($0) }

    private static let byteSymbols: [String] = {
        var symbols = [String](repeating: "", count: 256)
        for (index, byte) in bytesInOrder.enumerated() {
            let value = index < printable.count ? UInt32(byte) : UInt32(256 + index - printable.count)
            symbols[Int(byte)] = Unicode.Scalar(value).map { String($0) } ?? ""
        }
        return symbols
    }()
}
