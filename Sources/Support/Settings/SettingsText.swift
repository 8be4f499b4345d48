/// Settings as YAML text, formatted like handwritten files.
enum SettingsText {
    /// A number: 224, 0.05, 1e-4, with the fewest digits that round-trip.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? ".nan" : value < 0 ? "-.inf" : ".inf" }
        if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
        let text = "\(value)"
        guard abs(value) < 1e-3, value != 0 else { return text }
        // Converts 0.00025 to 2.5e-4; Swift itself uses this form below 1e-4.
        guard !text.contains("e") else {
            return text.replacing(".0e", with: "e").replacing("e-0", with: "e-")
        }
        let sign = value < 0 ? "-" : ""
        let decimals = text.drop { $0 == "-" }.dropFirst(2)
        let digits = decimals.drop { $0 == "0" }
        let exponent = decimals.count - digits.count + 1
        let rest = digits.dropFirst()
        return "\(sign)\(digits.prefix(1))\(rest.isEmpty ? "" : ".\(rest)")e-\(exponent)"
    }

    /// The settings as lines of text.
    /// - Parameters:
    ///   - comments: The description of the setting at a key path, for a comment before it.
    static func text(
        _ node: SettingsNode, path: [String] = [], comments: ([String]) -> String? = { _ in nil }
    ) -> String {
        guard case .group(let entries) = node.content else { return inline(node) + "\n" }
        let indentation = String(repeating: "  ", count: path.count)
        var text = ""
        for key in entries.keys {
            guard let value = entries[key] else { continue }
            let place = path + [key]
            if let comment = comments(place) {
                if path.isEmpty, !text.isEmpty { text += "\n" }
                for line in wrapped(comment, width: 98 - indentation.count) {
                    text += "\(indentation)# \(line)\n"
                }
            }
            text += "\(indentation)\(scalar(key, isPlain: false)):"
            switch value.content {
            case .group(let entries) where !entries.keys.isEmpty:
                text += "\n" + Self.text(value, path: place, comments: comments)
            default: text += " \(inline(value))\n"
            }
        }
        return text
    }

    /// A setting on one line.
    private static func inline(_ node: SettingsNode) -> String {
        switch node.content {
        case .null: return "null"
        case .scalar(let text, let isPlain): return scalar(text, isPlain: isPlain)
        case .list(let nodes): return "[" + nodes.map(inline).joined(separator: ", ") + "]"
        case .group(let entries):
            let pairs = entries.keys.map { key in
                "\(scalar(key, isPlain: false)): \(entries[key].map(inline) ?? "null")"
            }
            return "{" + pairs.joined(separator: ", ") + "}"
        }
    }

    private static let words: Set = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]

    private static func scalar(_ text: String, isPlain: Bool) -> String {
        if isPlain { return text }
        let first = text.unicodeScalars.first
        let isSafeStart =
            first.map { $0.properties.isAlphabetic || $0 == "_" || $0 == "/" } ?? false
            || text.hasPrefix("./") || text.hasPrefix("../")
        let isSafe = text.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || ("0"..."9").contains($0) || "_-+./ ".unicodeScalars.contains($0)
        }
        if isSafeStart, isSafe, !text.hasSuffix(" "), !words.contains(text.lowercased()) { return text }
        if text.isEmpty { return "''" }
        var quoted = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            default:
                if character.value < 0x20 || (0x7F...0x9F).contains(character.value) {
                    let digits = String(character.value, radix: 16, uppercase: true)
                    quoted += "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
                } else {
                    quoted.unicodeScalars.append(character)
                }
            }
        }
        return quoted + "\""
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(whereSeparator: \.isWhitespace) {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return line.isEmpty ? lines : lines + [line]
    }
}

/// Properties of the keys of a group of settings besides their names, types and defaults.
package protocol SettingsDescription: Codable {
    /// The keys that contain a path, so that relative paths start from the right folder.
    static var pathSettings: [String: PathSetting] { get }

    /// The former spellings of `null` for optional settings, by key.
    static var formerNulls: [String: Set<String>] { get }
}

extension SettingsDescription {
    package static var pathSettings: [String: PathSetting] { [:] }
    package static var formerNulls: [String: Set<String>] { [:] }
}

/// A group of settings with a default for every key. An optional group that is given in part takes its other keys from
/// these defaults.
package protocol SettingsGroup: Codable {
    init()
}

/// The kind of path that a setting contains.
package enum PathSetting: Sendable, Hashable {
    /// A file or a folder.
    case path
    /// A file or a folder, or a name that means something else: it is a path only if it exists.
    case pathOrName
}
