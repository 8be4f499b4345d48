/// Finds rows by id.
package struct IDIndex: Sendable {
    private var slots: [Int32]
    private let ids: [Int64]
    private let shift: Int

    /// The rows whose id occurs in an earlier row; lookups find the earlier row.
    package private(set) var duplicates: [Int] = []

    /// Creates an index of `ids`.
    package init(_ ids: [Int64]) {
        self.ids = ids
        // At most half of the slots are used, which keeps searches short.
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

    /// The row of an id; nil if there is none.
    package subscript(id: Int64) -> Int? {
        var slot = start(id)
        while slots[slot] >= 0 {
            if ids[Int(slots[slot])] == id { return Int(slots[slot]) }
            slot = next(slot)
        }
        return nil
    }
}

/// One list of ids per row, all in one array. A row may have no list, which differs from an empty one.
package struct IDListColumn: Sendable {
    private var values: [Int64] = []
    private var ends: [Int] = []
    private var present: [Bool] = []

    /// Creates an empty column.
    package init() {}

    /// The number of rows.
    package var count: Int { ends.count }

    /// Whether any row has a list.
    package private(set) var hasLists = false

    /// The list of a row; nil if it has none.
    package subscript(row: Int) -> ArraySlice<Int64>? {
        present[row] ? values[(row == 0 ? 0 : ends[row - 1])..<ends[row]] : nil
    }

    /// Adds a row.
    package mutating func append(_ list: (some Sequence<Int64>)?) {
        if let list {
            values.append(contentsOf: list)
            hasLists = true
        }
        ends.append(values.count)
        present.append(list != nil)
    }

    /// Adds a row without a list.
    package mutating func appendNone() { append(nil as [Int64]?) }
}

/// Texts that few rows have, in one array of UTF-8.
package struct SparseTextColumn: Sendable {
    private var text: [UInt8] = []
    private var ends: [Int] = []
    private var rows: [Int32] = []

    /// An empty column.
    package init() {}

    /// Whether no row has a text.
    package var isEmpty: Bool { rows.isEmpty }

    /// The number of rows that have a text.
    package var count: Int { rows.count }

    /// The rows that have a text, in order.
    package var rowsWithText: some Sequence<Int> { rows.lazy.map { Int($0) } }

    /// The text of a row, nil when it has none.
    package subscript(row: Int) -> String? {
        guard !rows.isEmpty else { return nil }
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(rows[middle]) < row { low = middle + 1 } else { high = middle }
        }
        guard low < rows.count, Int(rows[low]) == row else { return nil }
        return String(decoding: text[(low == 0 ? 0 : ends[low - 1])..<ends[low]], as: UTF8.self)
    }

    /// Adds the text of a row that lies behind all rows which have one.
    package mutating func append(_ string: String, row: Int) {
        text.append(contentsOf: string.utf8)
        ends.append(text.count)
        rows.append(Int32(row))
    }
}

/// Many short strings in one UTF-8 array. A missing string is empty.
package struct StringColumn: Sendable {
    private var text: [UInt8] = []
    private var ends: [Int] = []

    /// Creates an empty column.
    package init() {}

    /// The number of rows.
    package var count: Int { ends.count }

    private func range(_ row: Int) -> Range<Int> { (row == 0 ? 0 : ends[row - 1])..<ends[row] }

    /// Whether the string of a row is missing or empty.
    package func isEmpty(_ row: Int) -> Bool { range(row).isEmpty }

    /// The string of a row.
    package subscript(row: Int) -> String { String(decoding: text[range(row)], as: UTF8.self) }

    /// Adds a row.
    package mutating func append(_ string: String) {
        text.append(contentsOf: string.utf8)
        ends.append(text.count)
    }
}
