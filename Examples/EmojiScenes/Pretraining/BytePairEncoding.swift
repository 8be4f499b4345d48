/// CLIP's way of cutting text into tokens: pairs of symbols that often stand together are joined, in a learned order.
///
/// Token ids are those that CLIP's own vocabularies have: 256 bytes, 256 bytes that end a word, the joined pairs, and
/// the marks of start and end (Radford et al., 2021; Sennrich et al., 2016).
struct BytePairEncoding: Sendable {
    /// The pairs, in the order of joining.
    let merges: [(String, String)]

    /// The id of every token.
    let ids: [String: Int]

    private let ranks: [String: Int]

    static let start = "<|startoftext|>"
    static let end = "<|endoftext|>"
    private static let wordEnd = "</w>"

    /// The encoding with these pairs.
    init(merges: [(String, String)]) {
        self.merges = merges
        let bytes = Self.bytesInOrder.map { Self.symbol(of: $0) }
        let tokens =
            bytes + bytes.map { $0 + Self.wordEnd } + merges.map { $0.0 + $0.1 } + [Self.start, Self.end]
        ids = Dictionary(tokens.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        ranks = Dictionary(
            merges.enumerated().map { ("\($1.0) \($1.1)", $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The number of tokens.
    var count: Int { 514 + merges.count }

    /// Learns pairs from texts until the vocabulary has `size` tokens or no pair occurs twice.
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
            // Ties go to the pair whose symbols are older, so that the result does not depend on the table's order.
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

    /// The tokens of a text between start and end, cut or filled with zeros to `length`.
    func encode(_ text: String, length: Int) -> [Int64] {
        let body = Self.words(of: text).flatMap(tokens(of:)).prefix(length - 2)
        let tokens = [ids[Self.start, default: 0]] + body + [ids[Self.end, default: 0]]
        return tokens.map(Int64.init) + Array(repeating: 0, count: length - tokens.count)
    }

    private func tokens(of word: String) -> [Int] {
        var symbols = Self.symbols(of: word)
        while symbols.count > 1 {
            let best = zip(symbols, symbols.dropFirst()).enumerated()
                .compactMap { index, pair in ranks["\(pair.0) \(pair.1)"].map { (rank: $0, index: index) } }
                .min { $0 < $1 }
            guard let best else { break }
            symbols.replaceSubrange(
                best.index...(best.index + 1), with: [symbols[best.index] + symbols[best.index + 1]])
        }
        return symbols.compactMap { ids[$0] }
    }

    // MARK: Words and bytes

    /// CLIP's words: runs of letters, single digits, runs of anything else but spaces.
    private static func words(of text: String) -> [String] {
        enum Kind { case letter, digit, other, space }
        func kind(_ scalar: Unicode.Scalar) -> Kind {
            if scalar.properties.isWhitespace { return .space }
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
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

    /// Bytes that print stand for themselves, the others for scalars from 256 on.
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
