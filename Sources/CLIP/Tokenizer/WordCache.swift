/// Encoded words. It is emptied when full.
struct WordCache {
    private struct Entry {
        let hash: UInt64
        let wordStart: Int32
        let idStart: Int32
        let wordCount: UInt8
        let idCount: UInt8
    }

    /// Longer words are rarely seen twice.
    static let longestWord = 64

    private static let slotCount = 1 << 15

    /// Positions in `entries`, -1 if free.
    private var slots = [Int32](repeating: -1, count: slotCount)
    private var entries: [Entry] = []
    private var words: [UInt8] = []
    private var ids: [Int32] = []
    private let seed = UInt64.random(in: .min ... .max) | 1

    /// Appends the ids of a known word.
    ///
    /// - Returns: Whether the word is known.
    func append(_ word: UnsafeBufferPointer<UInt8>, to result: inout [Int32]) -> Bool {
        let hash = hash(word)
        var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == hash, Int(entry.wordCount) == word.count, equals(entry, word) {
                let start = Int(entry.idStart)
                for index in start..<start + Int(entry.idCount) { result.append(ids[index]) }
                return true
            }
            slot = (slot + 1) & (Self.slotCount - 1)
        }
        return false
    }

    /// Adds a word that is not in the cache and its ids.
    mutating func insert(_ word: UnsafeBufferPointer<UInt8>, _ newIDs: ArraySlice<Int32>) {
        guard word.count <= Self.longestWord else { return }
        if entries.count >= Self.slotCount / 2 {
            slots = [Int32](repeating: -1, count: Self.slotCount)
            entries.removeAll(keepingCapacity: true)
            words.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
        }
        let hash = hash(word)
        var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (Self.slotCount - 1) }
        slots[slot] = Int32(entries.count)
        entries.append(
            Entry(
                hash: hash, wordStart: Int32(words.count), idStart: Int32(ids.count),
                wordCount: UInt8(word.count), idCount: UInt8(newIDs.count)))
        words += word
        ids += newIDs
    }

    private func equals(_ entry: Entry, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = Int(entry.wordStart)
        for index in word.indices where words[start + index] != word[index] { return false }
        return true
    }

    private func hash(_ word: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = seed
        for byte in word { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash ^ (hash >> 29)
    }
}
