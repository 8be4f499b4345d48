/// A list of ids a row, all in one array. A row may have no list, which is not the same as an empty one.
public struct IDListColumn: Sendable {
    private var values: [Int64] = []
    private var ends: [Int] = []
    private var present: [Bool] = []

    /// An empty column.
    public init() {}

    /// The number of rows.
    public var count: Int { ends.count }

    /// Whether any row has a list.
    public private(set) var hasLists = false

    /// The list of a row, nil when it has none.
    public subscript(row: Int) -> ArraySlice<Int64>? {
        present[row] ? values[(row == 0 ? 0 : ends[row - 1])..<ends[row]] : nil
    }

    /// Adds a row.
    public mutating func append(_ list: (some Sequence<Int64>)?) {
        if let list {
            values.append(contentsOf: list)
            hasLists = true
        }
        ends.append(values.count)
        present.append(list != nil)
    }

    /// Adds a row without a list.
    public mutating func appendNone() { append(nil as [Int64]?) }
}
