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
    /// All lists while every id fits in 32 bits: those of a federated data set are the greater part of its table.
    private var values: [Int32] = []

    /// All lists from the first id on that does not.
    private var wideValues: [Int64] = []
    private var ends: [Int] = []
    private var present: [Bool] = []

    /// Creates an empty column.
    package init() {}

    /// Whether any row has a list.
    package private(set) var hasLists = false

    /// The list of a row; nil if it has none.
    package subscript(row: Int) -> [Int64]? {
        guard present[row] else { return nil }
        let range = (row == 0 ? 0 : ends[row - 1])..<ends[row]
        return wideValues.isEmpty ? values[range].map(Int64.init) : Array(wideValues[range])
    }

    /// Adds a row.
    package mutating func append(_ list: (some Sequence<Int64>)?) {
        if let list {
            for id in list { append(id) }
            hasLists = true
        }
        ends.append(max(values.count, wideValues.count))
        present.append(list != nil)
    }

    private mutating func append(_ id: Int64) {
        if wideValues.isEmpty, let value = Int32(exactly: id) {
            values.append(value)
            return
        }
        if wideValues.isEmpty {
            wideValues = values.map(Int64.init)
            values = []
        }
        wideValues.append(id)
    }
}

/// Texts that few rows have or that many rows share, in one array of UTF-8.
package struct SparseTextColumn: Sendable {
    private var text: [UInt8] = []
    private var ends: [Int] = []
    private var rows: [(row: Int32, text: Int32)] = []

    /// The places of texts that a row may share: not of all, since texts of their own would be held twice.
    private var shared: [String: Int32] = [:]
    private static let sharedLimit = 256

    /// An empty column.
    package init() {}

    /// Whether no row has a text.
    package var isEmpty: Bool { rows.isEmpty }

    /// The number of rows that have a text.
    package var count: Int { rows.count }

    /// The rows that have a text, in order.
    package var rowsWithText: some Sequence<Int> { rows.lazy.map { Int($0.row) } }

    /// The text of a row, nil when it has none.
    package subscript(row: Int) -> String? {
        guard !rows.isEmpty else { return nil }
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(rows[middle].row) < row { low = middle + 1 } else { high = middle }
        }
        guard low < rows.count, Int(rows[low].row) == row else { return nil }
        let place = Int(rows[low].text)
        return String(decoding: text[(place == 0 ? 0 : ends[place - 1])..<ends[place]], as: UTF8.self)
    }

    /// Adds the text of a row that lies behind all rows which have one.
    package mutating func append(_ string: String, row: Int) {
        if let place = shared[string] {
            rows.append((Int32(row), place))
            return
        }
        let place = Int32(ends.count)
        if shared.count < Self.sharedLimit { shared[string] = place }
        text.append(contentsOf: string.utf8)
        ends.append(text.count)
        rows.append((Int32(row), place))
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
