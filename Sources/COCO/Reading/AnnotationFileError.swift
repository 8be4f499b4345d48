import Support

/// What is wrong with an annotation or result file, where, and what to do about it.
public struct AnnotationFileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where the fault lies.
    public enum Kind: Sendable, Hashable {
        /// In the contents of the file.
        case malformed
        /// In reaching the file: it does not exist, or the system does not let it be read or written.
        case inaccessible
    }

    /// Where the fault lies.
    public let kind: Kind

    /// The path of the file, `-` for standard input.
    public let file: String

    /// The line, from 1; nil when the fault has no place inside the file.
    public let line: Int?

    /// The column in bytes, from 1.
    public let column: Int?

    /// The object concerned, for example `annotation 17`; empty when none is.
    public let subject: String

    /// What is wrong, and what helps when something does.
    public let reason: String

    /// An error about `file`.
    public init(
        file: String, kind: Kind = .malformed, line: Int? = nil, column: Int? = nil, subject: String = "",
        reason: String
    ) {
        self.kind = kind
        self.file = file
        self.line = line
        self.column = column
        self.subject = subject
        self.reason = reason
    }

    /// One line: `file:line:column: subject: reason`.
    public var description: String {
        var place = file
        if let line, let column { place += ":\(line):\(column)" }
        return subject.isEmpty ? "\(place): \(reason)" : "\(place): \(subject): \(reason)"
    }
}

extension AnnotationFileError {
    /// A file that the system does not let be written.
    package init(_ failure: FileFailure) {
        self.init(file: failure.path, kind: .inaccessible, reason: failure.reason)
    }
}
