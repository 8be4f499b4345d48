import Foundation

/// What is wrong with a configuration: where it is written, which key, and what to do.
public struct ConfigurationError: ReportedError, Hashable {
    /// The file, or what messages call the text. May be empty.
    public var origin: String

    /// The line of the file, from 1; nil where none is to blame.
    public var line: Int?

    /// The keys that lead to the place, joined by dots. May be empty.
    public var key: String

    /// What is wrong, and what helps.
    public var reason: String

    /// An error at a key.
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
