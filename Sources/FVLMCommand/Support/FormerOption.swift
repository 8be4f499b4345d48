import Support

/// Options under the names that they had in the first version; they are understood for a minor version more, with a note.
enum FormerOption {
    private struct Renaming: Sendable {
        let command: [String]
        let former: String
        let now: String

        /// Whether a value is meant by the former name, where the name has another meaning now.
        var takes: @Sendable (String) -> Bool = { _ in true }
    }

    private static let all = [
        Renaming(command: ["score"], former: "--classes", now: "--class-rows"),
        Renaming(command: ["analyze"], former: "--classes", now: "--class-rows"),
        Renaming(command: ["evaluate"], former: "--classes", now: "--class-rows"),
        Renaming(command: ["split", "subsample"], former: "--images", now: "--count"),
        Renaming(command: ["split", "lvis-to-coco"], former: "--classes", now: "--categories"),
        Renaming(command: ["check-dataset"], former: "--examples", now: "--show"),
        Renaming(command: ["vocabulary", "examples"], former: "--words", now: "--vocabulary"),
        Renaming(command: ["vocabulary", "examples"], former: "--against", now: "--contrast"),
        // The name is now that of the background's phrase, which is no file.
        Renaming(command: ["vocabulary", "import"], former: "--background", now: "--background-file") {
            FileStatus($0)?.kind == .file
        },
        Renaming(command: ["vocabulary", "import"], former: "--phrase", now: "--background"),
    ]

    /// The arguments with the present names of options.
    /// - Parameter note: Called with a sentence for each option under a former name.
    static func replaced(in arguments: [String], note: (String) -> Void) -> [String] {
        let renamings = all.filter { arguments.starts(with: $0.command) }
        guard !renamings.isEmpty else { return arguments }
        var result = arguments
        for place in arguments.indices {
            let argument = arguments[place]
            if argument == "--" { break }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            let value = parts.count > 1 ? String(parts[1]) : arguments[place...].dropFirst().first ?? ""
            guard let renaming = renamings.first(where: { $0.former == name && $0.takes(value) }) else {
                continue
            }
            result[place] = parts.count > 1 ? "\(renaming.now)=\(value)" : renaming.now
            note("\(name) is called \(renaming.now) now; the former name will go with the next version")
        }
        return result
    }
}
