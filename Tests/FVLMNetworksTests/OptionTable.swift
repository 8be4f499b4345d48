import Foundation

/// The table of options in Documentation/Commands.md.
struct OptionTable {
    struct Row {
        let spellings: [String]
        var values: Set<String> = []
        var meaning = ""
        var commands: Set<String> = []

        init(spellings: [String]) { self.spellings = spellings }

        mutating func add(_ option: CommandTree.Option, of command: CommandTree.Command) {
            values.insert(option.value ?? "-")
            commands.insert(command.name)
        }
    }

    private(set) var rows: [String: Row] = [:]

    init(_ file: URL) throws {
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        where line.hasPrefix("| `-") {
            let cells = line.replacing("\\|", with: "\u{1}").split(separator: "|").map {
                $0.replacing("\u{1}", with: "|").trimmingCharacters(in: .whitespaces)
            }
            guard cells.count == 4 else { continue }
            func items(_ cell: String) -> [String] {
                cell.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
            }
            var row = Row(spellings: items(cells[0]))
            row.values = Set(items(cells[1]))
            if cells[1].contains("-"), row.values.isEmpty { row.values = ["-"] }
            row.meaning = cells[2]
            row.commands = Set(cells[3].components(separatedBy: ", "))
            rows[row.spellings.last ?? ""] = row
        }
    }
}
