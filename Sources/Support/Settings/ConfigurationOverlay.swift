import Foundation

/// Settings applied over complete defaults: YAML files, then single settings from a command line.
///
/// Every key must exist in the defaults; an unknown key is an error that names the nearest known one, so that a
/// misspelled setting is never ignored. Lists are replaced as a whole. `null` is the value of optional settings that are
/// not set.
///
/// A relative path in a file starts from the file's folder, one in a single setting from the working folder;
/// ``SettingsDescription/pathSettings`` lists the settings that contain paths.
package struct ConfigurationOverlay<Value: Codable> {
    /// Notes for the user on settings that were read in a former spelling.
    package private(set) var notes: [String] = []

    private var node: SettingsNode
    private let schema = SettingsSchema()

    /// Creates an overlay of the defaults.
    /// - Throws: ``ConfigurationError``.
    package init(_ defaults: Value) throws {
        node = try SettingsEncoder.node(defaults, schema: schema)
    }

    /// Applies the settings of a YAML text over the present ones.
    /// - Parameters:
    ///   - origin: The name of the text in messages.
    ///   - folder: The folder where relative paths start; nil leaves them unchanged.
    /// - Throws: ``ConfigurationError`` for text that is not YAML, unknown keys and keys that occur twice.
    package mutating func apply(yaml text: String, origin: String = "", pathsFrom folder: String? = nil)
        throws
    {
        try located(origin) {
            guard let given = try SettingsNode(yaml: text) else { return }
            if case .null = given.content { return }
            guard case .group = given.content else {
                throw ConfigurationError(
                    line: given.line, reason: "must be keys with values, such as 'input: {size: 640}'")
            }
            var merge = Merge(schema: schema, paths: folder.map { PathStart(folder: $0, isFile: true) })
            node = try merge.merged(node, with: given, at: [])
            if !merge.formerSpellings.isEmpty {
                let list = merge.formerSpellings.joined(separator: ", ")
                notes.append(
                    (origin.isEmpty ? "" : "\(origin): ")
                        + "read \(list) as null, the current spelling")
            }
        }
    }

    /// Applies single settings over the present ones: `input.size=640`.
    /// - Throws: ``ConfigurationError``.
    package mutating func apply(settings: [String]) throws {
        for setting in settings {
            guard let sign = setting.firstIndex(of: "="), sign != setting.startIndex else {
                throw ConfigurationError(key: setting, reason: "must have the form key=value")
            }
            let key = String(setting[..<sign])
            let text = String(setting[setting.index(after: sign)...])
            let parts = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            var value: SettingsNode
            do {
                value =
                    try SettingsNode(yaml: text.isEmpty ? "''" : text)?.withoutLines
                    ?? SettingsNode(.null)
            } catch is ConfigurationError {
                throw ConfigurationError(
                    key: key, reason: "'\(text)' is not YAML; put text into quotation marks")
            }
            for part in parts.reversed() {
                var entries = SettingsEntries()
                entries[part] = value
                value = SettingsNode(.group(entries))
            }
            var merge = Merge(
                schema: schema,
                paths: PathStart(folder: Path.absolute("."), isFile: false))
            node = try merge.merged(node, with: value, at: [])
        }
    }

    /// The combined settings.
    /// - Parameter origin: The name in messages of the text that contains a wrong value.
    /// - Throws: ``ConfigurationError`` for values of the wrong kind; for a closed choice it lists the allowed ones.
    package func value(origin: String = "") throws -> Value {
        do { return try SettingsDecoder.value(Value.self, node) } catch var error as ConfigurationError {
            if error.line != nil { error.origin = origin }
            throw error
        }
    }

    private func located(_ origin: String, _ body: () throws -> Void) throws {
        do { try body() } catch var error as ConfigurationError {
            error.origin = origin
            throw error
        }
    }
}

extension ConfigurationOverlay {
    /// All settings as YAML text.
    /// - Parameter documentation: Descriptions of settings by type and key (`DetectorConfiguration.Input.size`). If
    ///   given, each setting is preceded by a comment with its description and the allowed values.
    /// - Throws: ``ConfigurationError``.
    package static func text(of value: Value, documentation: [String: String]? = nil) throws -> String {
        let schema = SettingsSchema()
        let node = try SettingsEncoder.node(value, schema: schema)
        guard let documentation else { return SettingsText.text(node) }
        return SettingsText.text(node) { path in
            guard let entry = schema.entries[path.joined(separator: ".")] else { return nil }
            let about = documentation["\(entry.owner).\(path.last ?? "")"]
            let choice = entry.allowed.map {
                "One of: \($0.joined(separator: ", "))" + (entry.isOptional ? ", null." : ".")
            }
            let parts = [about, choice].compactMap(\.self)
            return parts.isEmpty ? nil : parts.joined(separator: " ")
        }
    }

    /// The key paths of all settings with the type that declares each, for tests: `input.size` and
    /// `DetectorConfiguration.Input.size`.
    package static func declarations(in value: Value) throws -> [String: String] {
        let schema = SettingsSchema()
        _ = try SettingsEncoder.node(value, schema: schema)
        return Dictionary(
            uniqueKeysWithValues: schema.entries.map { place, entry in
                (place, "\(entry.owner).\(place.split(separator: ".").last ?? "")")
            })
    }
}

/// Where relative paths start.
private struct PathStart {
    let folder: String
    let isFile: Bool

    func resolved(_ path: String, _ kind: PathSetting) -> String {
        guard !path.isEmpty, !path.hasPrefix("/") else { return path }
        let inside = Path.standardized(Path.join(folder, path))
        if FileStatus(inside) != nil { return inside }
        // Earlier versions also looked for files relative to the working folder.
        if isFile, FileStatus(path) != nil { return Path.absolute(path) }
        return kind == .path || path.hasPrefix("./") || path.hasPrefix("../") ? inside : path
    }
}

/// One application of settings over others.
private struct Merge {
    let schema: SettingsSchema
    let paths: PathStart?
    private(set) var formerSpellings: [String] = []

    init(schema: SettingsSchema, paths: PathStart?) {
        self.schema = schema
        self.paths = paths
    }

    mutating func merged(_ base: SettingsNode, with given: SettingsNode, at path: [String]) throws
        -> SettingsNode
    {
        let entry = schema.entries[path.joined(separator: ".")]
        var base = base
        if case .null = base.content, case .group = given.content,
            let group = entry?.type as? any SettingsGroup.Type
        {
            base = try SettingsEncoder.node(group.init(), at: path, schema: schema)
        }
        guard case .group(let known) = base.content, !known.keys.isEmpty else {
            return setting(given, entry, path)
        }
        switch given.content {
        case .group(let settings): return try merged(known, with: settings, at: path)
        case .null:
            // A group all of whose keys are omitted.
            return entry?.isOptional == true ? given : base
        default:
            throw ConfigurationError(
                line: given.line, key: path.joined(separator: "."),
                reason: "must be keys with values (\(known.keys.joined(separator: ", ")))")
        }
    }

    private mutating func merged(_ known: SettingsEntries, with given: SettingsEntries, at path: [String])
        throws -> SettingsNode
    {
        var result = known
        for key in given.keys {
            guard let value = given[key] else { continue }
            guard let old = known[key] else {
                throw ConfigurationError(
                    line: value.line, key: (path + [key]).joined(separator: "."),
                    reason: "is unknown; \(suggestion(key, known.keys))")
            }
            result[key] = try merged(old, with: value, at: path + [key])
        }
        return SettingsNode(.group(result))
    }

    /// A single setting: former spellings of null become null, and paths are resolved.
    private mutating func setting(_ given: SettingsNode, _ entry: SettingsSchema.Entry?, _ path: [String])
        -> SettingsNode
    {
        guard let entry else { return given }
        if entry.isOptional {
            let spelling: String? =
                switch given.content {
                case .scalar(let text, _): text
                case .list(let nodes) where nodes.isEmpty: "[]"
                default: nil
                }
            if let spelling, spelling.isEmpty || entry.formerNulls.contains(spelling) {
                formerSpellings.append(
                    "'\(path.joined(separator: ".")): \(spelling.isEmpty ? "\"\"" : spelling)'")
                return SettingsNode(.null, line: given.line)
            }
        }
        guard let paths, let kind = entry.path else { return given }
        func resolved(_ node: SettingsNode) -> SettingsNode {
            switch node.content {
            case .scalar(let text, _):
                SettingsNode(.scalar(paths.resolved(text, kind), isPlain: false), line: node.line)
            case .list(let nodes): SettingsNode(.list(nodes.map(resolved)), line: node.line)
            case .null, .group: node
            }
        }
        return resolved(given)
    }

    private func suggestion(_ key: String, _ known: [String]) -> String {
        guard let nearest = known.min(by: { key.editDistance(to: $0) < key.editDistance(to: $1) }) else {
            return "nothing can be set here"
        }
        return key.editDistance(to: nearest) <= max(2, key.count / 3)
            ? "did you mean '\(nearest)'?" : "the known keys are \(known.joined(separator: ", "))"
    }
}
