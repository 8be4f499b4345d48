import Support
import Yams

/// Settings given as YAML text upon complete defaults.
///
/// Every key must exist in the defaults; one that does not is an error that names the nearest known key, so that a
/// misspelt setting is never taken for the default. Lists are replaced as a whole.
package enum ConfigurationOverlay {
    /// The defaults with the settings of `text`.
    /// - Throws: ``ConfigurationError`` for text that is no YAML, unknown keys, keys that occur twice, and values of the
    ///   wrong kind.
    package static func value<Value: Codable>(_ text: String, upon defaults: Value) throws -> Value {
        let given: Node?
        do {
            given = try Yams.compose(yaml: text)
        } catch {
            throw ConfigurationError(reason: "is not YAML: \(firstLine(error))")
        }
        guard let given, given != Node("null", Tag(.null)), given.string != "" else { return defaults }
        guard given.mapping != nil else {
            throw ConfigurationError(reason: "must be keys with values, such as 'input: {size: 640}'")
        }
        return try decode(merged(encoded(defaults), with: given, at: []))
    }

    /// The defaults with single settings: `input.size=640`.
    /// - Throws: ``ConfigurationError``.
    package static func value<Value: Codable>(settings: [String], upon defaults: Value) throws -> Value {
        var node = try encoded(defaults)
        for setting in settings {
            guard let sign = setting.firstIndex(of: "=") else {
                throw ConfigurationError(key: setting, reason: "must have the form key=value")
            }
            let path = setting[..<sign].split(separator: ".", omittingEmptySubsequences: false).map(
                String.init)
            let text = String(setting[setting.index(after: sign)...])
            guard var value = try? Yams.compose(yaml: text.isEmpty ? "''" : text) else {
                throw ConfigurationError(key: String(setting[..<sign]), reason: "'\(text)' is not YAML")
            }
            for key in path.reversed() { value = Node([(Node(key), value)]) }
            node = try merged(node, with: value, at: [])
        }
        return try decode(node)
    }

    /// All settings as YAML text.
    /// - Throws: ``ConfigurationError``.
    package static func text(of value: some Encodable) throws -> String {
        do {
            return try YAMLEncoder().encode(value)
        } catch {
            throw ConfigurationError(reason: "cannot be written: \(firstLine(error))")
        }
    }

    private static func encoded(_ value: some Encodable) throws -> Node {
        let text = try YAMLEncoder().encode(value)
        guard let node = try Yams.compose(yaml: text) else {
            throw ConfigurationError(reason: "the defaults are empty")
        }
        return node
    }

    private static func decode<Value: Decodable>(_ node: Node) throws -> Value {
        do {
            return try YAMLDecoder().decode(Value.self, from: Yams.serialize(node: node))
        } catch let error as DecodingError {
            throw ConfigurationError(error)
        }
    }

    private static func merged(_ base: Node, with given: Node, at path: [String]) throws -> Node {
        guard let known = base.mapping else { return given }
        guard let settings = given.mapping else {
            throw ConfigurationError(
                key: path.joined(separator: "."),
                reason: "must be keys with values (\(keys(known).joined(separator: ", ")))")
        }
        var result = known
        var seen: Set<String> = []
        for (keyNode, value) in settings {
            let key = keyNode.string ?? ""
            let place = (path + [key]).joined(separator: ".")
            guard seen.insert(key).inserted else {
                throw ConfigurationError(key: place, reason: "is given twice")
            }
            guard let old = known[keyNode] else {
                throw ConfigurationError(key: place, reason: "is not known; \(suggestion(key, keys(known)))")
            }
            result[keyNode] = try merged(old, with: value, at: path + [key])
        }
        return Node.mapping(result)
    }

    private static func keys(_ mapping: Node.Mapping) -> [String] { mapping.keys.compactMap(\.string) }

    private static func suggestion(_ key: String, _ known: [String]) -> String {
        guard let nearest = known.min(by: { key.editDistance(to: $0) < key.editDistance(to: $1) }) else {
            return "nothing can be set here"
        }
        return key.editDistance(to: nearest) <= max(2, key.count / 3)
            ? "did you mean '\(nearest)'?" : "known are \(known.joined(separator: ", "))"
    }

    static func firstLine(_ error: any Error) -> String {
        "\(error)".split(whereSeparator: \.isNewline).first.map(String.init) ?? "unknown reason"
    }
}

extension ConfigurationError {
    init(_ error: DecodingError) {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .typeMismatch(let type, let context):
            self.init(key: path(context), reason: "must be of the kind \(type)")
        case .valueNotFound(_, let context): self.init(key: path(context), reason: "has no value")
        case .keyNotFound(let key, let context):
            self.init(key: path(context), reason: "lacks the key '\(key.stringValue)'")
        case .dataCorrupted(let context): self.init(key: path(context), reason: context.debugDescription)
        @unknown default: self.init(reason: "\(error)")
        }
    }
}
