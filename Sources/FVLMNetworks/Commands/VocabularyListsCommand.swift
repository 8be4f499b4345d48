import ArgumentParser
import CLIP
import FVLMCommand
import Support

extension ClassList: ExpressibleByArgument {}

/// `fvlm vocabulary lists`
struct VocabularyListsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lists",
        abstract: "Shows the lists of classes that are known by name, with their sources and licenses.",
        discussion: """
            --classes of other commands takes these names. Lists are names and ids only: no data of these sets.

            Examples:
              fvlm vocabulary lists
              fvlm vocabulary lists openimages > names.txt
            """)

    @Argument(help: "The list whose names are printed, one a line; all lists without it.")
    var list: ClassList?

    @Flag(help: "Print one JSON object a list and line; of a list that was named, with its classes.")
    var json = false

    @OptionGroup var messages: MessageArguments

    private struct Line: Encodable {
        struct Entry: Encodable {
            let name: String
            let id: Int64?
        }

        let list: String
        let title: String
        let count: Int
        let source: String
        let license: String
        let classes: [Entry]?
    }

    func run() throws {
        if json {
            for entry in list.map({ [$0] }) ?? ClassList.allCases {
                try StandardOutput.print(
                    JSONText.line(
                        Line(
                            list: entry.rawValue, title: entry.title, count: entry.names.count,
                            source: entry.address, license: entry.license,
                            classes: list?.classes.map { .init(name: $0.name, id: $0.categoryID) })))
            }
            return
        }
        if let list {
            StandardError.note(list.source)
            try StandardOutput.print(list.names.joined(separator: "\n"))
            return
        }
        var rows = [["list", "classes", "data set", "source", "license"]]
        for entry in ClassList.allCases {
            rows.append([
                entry.rawValue, "\(entry.names.count)", entry.title, entry.address, entry.license,
            ])
        }
        try StandardOutput.print(TextTable(rows, leftAligned: rows[0].count).text, terminator: "")
    }
}
