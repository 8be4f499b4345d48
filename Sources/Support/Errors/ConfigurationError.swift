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

    /// Bad data; a failure where something is not there.
    public let exitStatus: ExitStatus

    /// Creates an error at a key.
    public init(
        origin: String = "", line: Int? = nil, key: String = "", reason: String,
        exitStatus: ExitStatus = .badData
    ) {
        self.origin = origin
        self.line = line
        self.key = key
        self.reason = reason
        self.exitStatus = exitStatus
    }

    /// Creates an error for a file that cannot be used.
    package init(_ failure: FileFailure) {
        self.init(
            origin: failure.subject, reason: failure.reason + (failure.advice.map { "; \($0)" } ?? ""),
            exitStatus: failure.exitStatus)
    }

    /// Origin, line and key.
    public var subject: String {
        [origin, line.map { "line \($0)" } ?? "", key].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}
