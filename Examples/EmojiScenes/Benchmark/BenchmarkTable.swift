import Foundation
import Support

/// Rows of named figures, as Markdown and as JSON.
struct BenchmarkTable: Codable, Sendable {
    /// A row.
    struct Row: Codable, Sendable {
        var name: String
        var values: [String: Double]
    }

    var title: String
    var columns: [String]
    var rows: [Row] = []

    mutating func add(_ name: String, _ values: [String: Double]) {
        rows.append(Row(name: name, values: values))
    }

    /// A GitHub-style table; missing figures are left blank.
    var markdown: String {
        var lines = ["### \(title)", "", "| | " + columns.joined(separator: " | ") + " |"]
        lines.append("|---|" + String(repeating: "---|", count: columns.count))
        for row in rows {
            let cells = columns.map { column in row.values[column].map { NumberText.decimals($0, 3) } ?? "" }
            lines.append("| \(row.name) | " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The mean and the spread (maximum minus minimum) of rows, column by column.
    static func meanAndSpread(_ rows: [Row]) -> (mean: [String: Double], spread: [String: Double]) {
        var (mean, spread): ([String: Double], [String: Double]) = ([:], [:])
        for key in Set(rows.flatMap(\.values.keys)) {
            let values = rows.compactMap { $0.values[key] }
            mean[key] = values.reduce(0, +) / Double(values.count)
            spread[key] = (values.max() ?? 0) - (values.min() ?? 0)
        }
        return (mean, spread)
    }
}
