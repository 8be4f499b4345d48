/// A call of fvlm in a document.
struct DocumentedLine {
    let text: String

    /// The lines that begin with `fvlm` in code blocks, or in a text without any, continued lines joined.
    static func all(in text: String) -> [DocumentedLine] {
        let joined = text.replacing("\\\n", with: " ")
        return joined.split(separator: "\n").map { $0.drop { $0 == " " } }
            .filter { $0.hasPrefix("fvlm ") }
            .map { DocumentedLine(text: String($0)) }
    }

    /// The words, without remarks, redirections and other programs.
    private var words: [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var isOpen = false
        for character in text + " " {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                isOpen = true
            } else if character == " " {
                if ["#", "|", ">", "2>", "<", "&&", "||", ";", "&"].contains(word), !isOpen { return words }
                if !word.isEmpty || isOpen { words.append(word) }
                word = ""
                isOpen = false
            } else {
                word.append(character)
            }
        }
        return words
    }

    /// What the program would not understand; nil if it would understand all.
    func fault(of commands: [CommandTree.Command]) -> String? {
        let words = Array(words.dropFirst())
        if words.isEmpty || words[0].hasPrefix("-") || words[0] == "help" { return nil }
        let candidates = commands.filter { !$0.path.isEmpty && words.starts(with: $0.path) }
        guard let command = candidates.max(by: { $0.path.count < $1.path.count }) else {
            return "there is no command '\(words[0])'"
        }
        // A sentence, or a line of a list of commands.
        let rest = words.dropFirst(command.path.count)
        guard rest.contains(where: { $0.hasPrefix("-") && $0.count > 1 }) else { return nil }
        let names = Set(command.options.flatMap(\.spellings))
        let given = rest.filter { $0.hasPrefix("-") && $0.count > 1 && $0 != "--" && !$0.hasPrefix("-0") }
            .map { String($0.prefix { $0 != "=" && $0 != "," }) }
        if let unknown = given.first(where: { !names.contains($0) }) { return "has no \(unknown)" }
        return nil
    }
}
