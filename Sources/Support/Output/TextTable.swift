/// Rows of text in columns.
package struct TextTable {
    /// The table, one line per row.
    package let text: String

    /// - Parameters:
    ///   - leftAligned: The number of leading columns that are left-aligned.
    ///   - least: The minimum widths of the columns, such as those required by other rows of the table.
    package init(_ rows: [[String]], leftAligned: Int, widths least: [Int] = []) {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            max(
                rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0,
                column < least.count ? least[column] : 0)
        }
        var text = ""
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column < leftAligned ? cell + space : space + cell
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            text += line + "\n"
        }
        self.text = text
    }
}
