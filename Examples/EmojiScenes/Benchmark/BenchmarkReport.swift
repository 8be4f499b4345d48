import COCO
import Foundation
import Support

/// The results of the benchmark as a self-contained page.
struct BenchmarkReport {
    var tables: [BenchmarkTable]
    var plots: [Evaluation.Plot]
    /// Scenes with their detections, as a PNG file.
    var pictures: Data?
    /// Sentences above the tables.
    var notes: [String] = []

    var html: String {
        let pictures = pictures.map { data in
            """
            <h2>Scenes</h2><p>A star marks categories that no detector was trained on.</p>
            <img alt="Scenes with boxes, masks, names and scores" src="data:image/png;base64,\(data.base64EncodedString())">
            """
        }
        let curves = plots.map { "<figure>\($0.svg)</figure>" }.joined(separator: "\n")
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>EmojiScenes</title>
            <meta name="viewport" content="width=device-width, initial-scale=1"><style>
            body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#222;background:#fff}
            table{border-collapse:collapse;font-size:14px}td,th{padding:.15rem .6rem;border-bottom:1px solid #ddd}
            td,th{text-align:right}td:first-child,th:first-child{text-align:left}
            figure{margin:0;display:inline-block;max-width:48%}svg,img{max-width:100%;height:auto}
            </style></head><body><h1>EmojiScenes</h1>
            \(notes.map { "<p>\(Markup.escaped($0))</p>" }.joined(separator: "\n"))
            \(tables.map(\.html).joined(separator: "\n"))
            \(plots.isEmpty ? "" : "<h2>Precision against recall</h2>" + curves)
            \(pictures ?? "")
            </body></html>

            """
    }
}

extension BenchmarkTable {
    /// A heading and a table.
    fileprivate var html: String {
        let head = "<tr><th></th>" + columns.map { "<th>\(Markup.escaped($0))</th>" }.joined() + "</tr>"
        let body = rows.map { row in
            let cells = columns.map { column in
                "<td>" + (row.values[column].map { NumberText.decimals($0, 3) } ?? "") + "</td>"
            }
            return "<tr><td>\(Markup.escaped(row.name))</td>\(cells.joined())</tr>"
        }
        return "<h2>\(Markup.escaped(title))</h2><table>\(head)\(body.joined(separator: "\n"))</table>"
    }
}
