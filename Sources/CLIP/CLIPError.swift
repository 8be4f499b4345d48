/// What is wrong with a CLIP checkpoint, its configuration, or the use of a model; where; and what to do about it.
public struct CLIPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, folder, model or value that the error is about.
    public let subject: String

    /// What is wrong, and what helps when something does.
    public let reason: String

    /// An error about `subject`.
    public init(_ subject: String, reason: String) {
        self.subject = subject
        self.reason = reason
    }

    /// One line: subject, reason.
    public var description: String { "\(subject): \(reason)" }
}
