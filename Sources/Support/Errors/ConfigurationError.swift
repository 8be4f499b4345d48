import Foundation

/// An error in a configuration: where it is, which key, and how to fix it.
public struct ConfigurationError: ReportedError, Hashable {
    /// The file, or the name of the text in messages. May be empty.
    public var origin: String

    /// The line of the file, from 1; nil if unknown.
    public var line: Int?

    /// The path of keys to the setting, joined by dots. May be empty.
    public var key: String

    /// What is wrong, and how to fix it.
    public var reason: String

    /// Creates an error at a key.
    public init(origin: String = "", line: Int? = nil, key: String = "", reason: String) {
        self.origin = origin
        self.line = line
        self.key = key
        self.reason = reason
    }

    /// Origin, line and key.
    public var subject: String {
        [origin, line.map { "line \($0)" } ?? "", key].filter { !$0.isEmpty }.joined(separator: ": ")
    }

    /// The text of a configuration file.
    package static func text(of path: String) throws -> String {
        do { return try String(contentsOfFile: path, encoding: .utf8) } catch {
            let reason = "cannot be read as text: \(error.localizedDescription)"
            throw ConfigurationError(origin: path, reason: reason)
        }
    }
}
