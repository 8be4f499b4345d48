import Foundation
import Support

/// A text of `fvlm help TOPIC`, about what several commands have in common.
struct HelpTopic: Sendable {
    /// The name on the command line.
    let name: String

    /// What the text is about, in one line.
    let abstract: String

    /// Paragraphs, parted by empty lines. Lines that begin with blanks are printed as they are.
    let text: String

    /// What `help TOPIC` or `help topics` prints; nil if the words ask for something else.
    static func text(of words: [String]) -> String? {
        let words = words.filter { !$0.hasPrefix("-") }
        guard words.count == 2, words[0] == "help" else { return nil }
        if words[1] == "topics" { return list }
        return all.first { $0.name == words[1] }.map { filled($0.text, columns: columns) }
    }

    /// The names of all topics with what they are about.
    private static var list: String {
        let width = all.map(\.name.count).max() ?? 0
        let rows = all.map { $0.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.abstract }
        return "TOPICS:\n" + rows.map { "  \($0)\n" }.joined() + "\nfvlm help TOPIC prints one."
    }

    /// The columns of standard output, at most 80.
    private static var columns: Int {
        var size = winsize()
        let own = ProcessWords.environment["COLUMNS"].flatMap { Int($0) }
        let found =
            ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
        return min(max(own ?? found, 20), 80)
    }

    /// The text with its paragraphs broken into lines of fewer than `columns` characters.
    static func filled(_ text: String, columns: Int) -> String {
        text.components(separatedBy: "\n\n").map { paragraph in
            if paragraph.hasPrefix(" ") { return paragraph }
            var lines = [""]
            for word in paragraph.split(whereSeparator: \.isWhitespace) {
                if !lines[lines.count - 1].isEmpty, lines[lines.count - 1].count + word.count + 1 >= columns {
                    lines.append("")
                }
                lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
            }
            return lines.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }
}
