import HeapModule

/// Byte-level byte-pair encoding: the symbols of a word, initially its bytes, are merged pair by pair, the pair learned
/// earliest first (Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016; on bytes as in
/// GPT-2).
struct BytePairEncoding: Sendable {
    /// The mark of a word's last symbol in vocabulary files.
    static let endOfWord = "</w>"

    /// The id of every symbol.
    let ids: [String: Int]

    /// Ids of the 256 single bytes within a word.
    private let inner: [Int32]

    /// Ids of the 256 single bytes at the end of a word.
    private let last: [Int32]

    /// The result of merging a pair of symbols, and its rank.
    private struct Merge {
        let rank: Int32
        let result: Int32
    }

    private let merges: [UInt64: Merge]

    /// Creates an encoding from a vocabulary and its merges, earliest first.
    ///
    /// - Throws: ``CLIPError`` if a byte, a part of a merge or its result is missing from the vocabulary.
    init(ids: [String: Int], merges: [(String, String)]) throws {
        func id(_ symbol: String, _ what: @autoclosure () -> String) throws -> Int32 {
            guard let value = ids[symbol] else {
                throw CLIPError(reason: "'\(symbol)' is not in the vocabulary, but \(what())")
            }
            guard let id = Int32(exactly: value), id >= 0 else {
                throw CLIPError(reason: "the id \(value) of '\(symbol)' is out of range")
            }
            return id
        }
        self.ids = ids
        inner = try Self.byteSymbols.map { try id(String($0), "is the symbol of a byte") }
        last = try Self.byteSymbols.map { try id("\($0)\(Self.endOfWord)", "is the symbol of a last byte") }
        var table: [UInt64: Merge] = [:]
        table.reserveCapacity(merges.count)
        for (rank, (first, second)) in merges.enumerated() {
            let pair = Self.pair(
                try id(first, "merge \(rank + 1) needs it"), try id(second, "merge \(rank + 1) needs it"))
            let result = try id(first + second, "merge \(rank + 1) makes it")
            if table[pair] == nil { table[pair] = Merge(rank: Int32(rank), result: result) }
        }
        self.merges = table
    }

    /// The character for each byte in vocabulary files: printable bytes are their own characters, the others are the
    /// characters from U+0100 on, in order.
    static let byteSymbols: [Character] = {
        var next: UInt32 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Character(Unicode.Scalar(byte))
            default:
                defer { next += 1 }
                return Unicode.Scalar(next).map { Character($0) } ?? "?"
            }
        }
    }()

    private static func pair(_ first: Int32, _ second: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
    }

    /// Appends the ids of one word's symbols to `result`.
    func encode(_ word: UnsafeBufferPointer<UInt8>, into result: inout [Int32]) {
        guard let final = word.last else { return }
        var symbols = word.dropLast().map { inner[Int($0)] }
        symbols.append(last[Int(final)])
        if symbols.count <= 64 { mergeShort(&symbols) } else { mergeLong(&symbols) }
        result += symbols
    }

    /// Searches for the best pair again after every merge: fastest for words of usual length.
    private func mergeShort(_ symbols: inout [Int32]) {
        while symbols.count > 1 {
            var best = Merge(rank: .max, result: 0)
            var pair: UInt64 = 0
            for index in 0..<symbols.count - 1 {
                let candidate = Self.pair(symbols[index], symbols[index + 1])
                if let merge = merges[candidate], merge.rank < best.rank { (best, pair) = (merge, candidate) }
            }
            if best.rank == .max { return }
            var kept = 0
            var index = 0
            while index < symbols.count {
                if index + 1 < symbols.count, Self.pair(symbols[index], symbols[index + 1]) == pair {
                    symbols[kept] = best.result
                    index += 2
                } else {
                    symbols[kept] = symbols[index]
                    index += 1
                }
                kept += 1
            }
            symbols.removeLast(symbols.count - kept)
        }
    }

    /// A pair that could be merged; earlier rank first, then further left.
    private struct Candidate: Comparable {
        let rank: Int32
        let position: Int32
        let pair: UInt64

        static func < (a: Candidate, b: Candidate) -> Bool {
            (a.rank, a.position) < (b.rank, b.position)
        }
    }

    /// The same in O(n log n), for unusually long words.
    private func mergeLong(_ symbols: inout [Int32]) {
        let count = symbols.count
        var next = (0..<count).map { Int32($0 + 1) }
        var previous = (0..<count).map { Int32($0 - 1) }
        var candidates = Heap<Candidate>()
        func candidate(_ left: Int, _ right: Int) -> Candidate? {
            let pair = Self.pair(symbols[left], symbols[right])
            return merges[pair].map { Candidate(rank: $0.rank, position: Int32(left), pair: pair) }
        }
        for index in 0..<count - 1 {
            if let found = candidate(index, index + 1) { candidates.insert(found) }
        }
        while let best = candidates.popMin() {
            let left = Int(best.position)
            let right = Int(next[left])
            // A candidate is stale if its symbols have been merged otherwise.
            guard symbols[left] >= 0, right < count, Self.pair(symbols[left], symbols[right]) == best.pair,
                let merge = merges[best.pair]
            else { continue }
            symbols[left] = merge.result
            symbols[right] = -1
            let after = Int(next[right])
            next[left] = Int32(after)
            if after < count {
                previous[after] = Int32(left)
                if let found = candidate(left, after) { candidates.insert(found) }
            }
            let before = Int(previous[left])
            if before >= 0, let found = candidate(before, left) { candidates.insert(found) }
        }
        symbols.removeAll { $0 < 0 }
    }
}
