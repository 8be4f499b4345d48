import Yams

/// A setting, a list of settings or a group, as in YAML, with the line of the file.
struct SettingsNode: Sendable {
    enum Content: Sendable {
        case null
        /// A number, a word or text; plain if it is written without quotation marks.
        case scalar(String, isPlain: Bool)
        case list([SettingsNode])
        case group(SettingsEntries)
    }

    var content: Content
    var line: Int?

    init(_ content: Content, line: Int? = nil) {
        self.content = content
        self.line = line
    }

    /// The description in error messages.
    var summary: String {
        switch content {
        case .null: "nothing"
        case .scalar(let text, _): "'\(text)'"
        case .list: "a list"
        case .group: "a group of settings"
        }
    }
}

/// Settings by key, in order.
struct SettingsEntries: Sendable {
    private(set) var keys: [String] = []
    private var values: [String: SettingsNode] = [:]

    subscript(key: String) -> SettingsNode? {
        get { values[key] }
        set {
            if values[key] == nil { keys.append(key) }
            values[key] = newValue
        }
    }
}

// MARK: From YAML

extension SettingsNode {
    /// Parses the settings of a YAML text; nil for a text without any.
    /// - Throws: ``ConfigurationError`` with the line for text that is not YAML and for keys that occur twice.
    init?(yaml text: String) throws {
        do {
            guard let node = try Yams.compose(yaml: text) else { return nil }
            self.init(node)
        } catch let error as YamlError {
            throw ConfigurationError(error, in: text)
        }
    }

    private init(_ node: Node) {
        let line = node.mark?.line
        switch node {
        case .mapping(let mapping):
            var entries = SettingsEntries()
            for (key, value) in mapping {
                var value = SettingsNode(value)
                // Errors name the line of the key, which is never empty.
                value.line = key.mark?.line ?? value.line
                entries[key.string ?? ""] = value
            }
            self.init(.group(entries), line: line)
        case .sequence(let sequence): self.init(.list(sequence.map { SettingsNode($0) }), line: line)
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            let isNull = isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            self.init(isNull ? .null : .scalar(scalar.string, isPlain: isPlain), line: line)
        case .alias: self.init(.null, line: line)
        }
    }

    /// The same node without line numbers, which belong to a file.
    var withoutLines: SettingsNode {
        switch content {
        case .null, .scalar: return SettingsNode(content)
        case .list(let nodes): return SettingsNode(.list(nodes.map(\.withoutLines)))
        case .group(let entries):
            var result = SettingsEntries()
            for key in entries.keys { result[key] = entries[key]?.withoutLines }
            return SettingsNode(.group(result))
        }
    }
}

extension ConfigurationError {
    fileprivate init(_ error: YamlError, in text: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            let indentation =
                lines.indices.contains(mark.line - 1)
                ? lines[mark.line - 1].prefix(while: \.isWhitespace) : ""
            self.init(
                line: mark.line,
                reason: "is not YAML: "
                    + (indentation.contains("\t")
                        ? "a tab indents this line; YAML indents with spaces" : "\(problem)"))
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { "'\($0)'" }.joined(separator: ", ")
            self.init(
                line: context.mark.line,
                reason: "the group that starts here has \(names) twice: keep one")
        case .reader(let problem, let offset, _, _):
            let line = offset.map { text.prefix($0).count(where: \.isNewline) + 1 }
            self.init(line: line, reason: "is not YAML: \(problem)")
        default: self.init(reason: "is not YAML")
        }
    }
}
