/// Many short strings in one array of UTF-8. A missing string is empty.
public struct StringColumn: Sendable {
    private var text: [UInt8] = []
    private var ends: [Int] = []

    /// An empty column.
    public init() {}

    /// The number of rows.
    public var count: Int { ends.count }

    private func range(_ row: Int) -> Range<Int> { (row == 0 ? 0 : ends[row - 1])..<ends[row] }

    /// Whether the string of a row is missing or empty.
    public func isEmpty(_ row: Int) -> Bool { range(row).isEmpty }

    /// The string of a row.
    public subscript(row: Int) -> String { String(decoding: text[range(row)], as: UTF8.self) }

    /// Adds a row.
    public mutating func append(_ string: String) {
        text.append(contentsOf: string.utf8)
        ends.append(text.count)
    }
}
