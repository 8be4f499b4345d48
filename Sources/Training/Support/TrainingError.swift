/// What stops a training or its preparation: what is wrong, where, and what to do about it.
public struct TrainingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The thing concerned: a file, a setting, an image.
    public let subject: String

    /// What is wrong with it, and what helps.
    public let reason: String

    /// An error about `subject`.
    public init(_ subject: String, _ reason: String) {
        self.subject = subject
        self.reason = reason
    }

    /// `subject: reason`.
    public var description: String { "\(subject): \(reason)" }
}
