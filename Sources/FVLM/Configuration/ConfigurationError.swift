import Foundation

/// What is wrong with a configuration: which key, and what to do.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, or what messages call the text. May be empty.
    public var origin: String

    /// The keys that lead to the place, joined by dots. May be empty.
    public let key: String

    /// What is wrong, and what helps.
    public let reason: String

    /// An error at a key.
    public init(origin: String = "", key: String = "", reason: String) {
        self.origin = origin
        self.key = key
        self.reason = reason
    }

    /// Origin, key and reason in one line.
    public var description: String {
        [origin, key, reason].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}

extension ConfigurationError {
    /// The text of a file.
    package static func text(of path: String) throws -> String {
        do { return try String(contentsOfFile: path, encoding: .utf8) } catch {
            let reason = "cannot be read as text: \(error.localizedDescription)"
            throw ConfigurationError(origin: path, reason: reason)
        }
    }
}
