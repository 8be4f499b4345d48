/// From the ids of a column to their rows.
public struct IDIndex: Sendable {
    private var slots: [Int32]
    private let ids: [Int64]
    private let shift: Int

    /// The rows whose id stands in an earlier row already; the earlier row is the one that is found.
    public private(set) var duplicates: [Int] = []

    /// An index over `ids`.
    public init(_ ids: [Int64]) {
        self.ids = ids
        // At most half of the slots are taken, so that a search ends soon.
        let bits = max(3, Int.bitWidth - (2 * ids.count).leadingZeroBitCount)
        shift = 64 - bits
        slots = Array(repeating: -1, count: 1 << bits)
        for row in ids.indices {
            var slot = start(ids[row])
            while slots[slot] >= 0, ids[Int(slots[slot])] != ids[row] { slot = next(slot) }
            if slots[slot] >= 0 { duplicates.append(row) } else { slots[slot] = Int32(row) }
        }
    }

    private func start(_ id: Int64) -> Int {
        Int(truncatingIfNeeded: (UInt64(bitPattern: id) &* 0x9E37_79B9_7F4A_7C15) >> UInt64(shift))
    }

    private func next(_ slot: Int) -> Int { (slot + 1) & (slots.count - 1) }

    /// The row of an id, nil when it is not there.
    public subscript(id: Int64) -> Int? {
        var slot = start(id)
        while slots[slot] >= 0 {
            if ids[Int(slots[slot])] == id { return Int(slots[slot]) }
            slot = next(slot)
        }
        return nil
    }
}
