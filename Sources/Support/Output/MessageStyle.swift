/// How messages on standard error are written, and which.
package struct MessageStyle: Sendable, Equatable {
    /// The form of a message.
    package enum Format: String, Sendable, CaseIterable {
        /// Lines for people.
        case text
        /// A JSON object a line, with `time`, `level` and `message`; of progress with `task`, `done` and `total`.
        case json
    }

    package var format = Format.text

    /// Whether notes and progress are left out. Errors are always written.
    package var isQuiet = false

    /// Whether the program says what it was called with, how long it took and how much memory.
    package var isVerbose = false

    package init() {}

    /// The style that the words of a command line ask for, before they are parsed: a fault in them is a message too.
    package init(arguments: [String]) {
        let words = arguments.prefix { $0 != "--" }
        isQuiet = words.contains("--quiet")
        isVerbose = words.contains("--verbose")
        for (index, word) in words.enumerated() {
            let value = word == "--log-format" ? words.dropFirst(index + 1).first : nil
            let joined = word.hasPrefix("--log-format=") ? String(word.dropFirst(13)) : nil
            if let found = (value ?? joined).flatMap({ Format(rawValue: $0) }) { format = found }
        }
    }
}
