import Support

/// An error in a CLIP checkpoint, its tokenizer, configuration or vocabulary, or in the use of a model. States what is
/// wrong, where, and how to fix it.
public struct CLIPError: ReportedError, Hashable {
    /// The file, folder, model or value concerned; empty if the call makes it clear.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// How to fix it.
    public let advice: String?

    /// The exit status of a program that fails with this error: bad data, unless something does not exist.
    public let exitStatus: ExitStatus

    /// Creates an error about `subject`.
    public init(
        _ subject: String = "", reason: String, advice: String? = nil, exitStatus: ExitStatus = .badData
    ) {
        self.subject = subject
        self.reason = reason
        self.advice = advice
        self.exitStatus = exitStatus
    }

    /// This error with `subject` as its subject, unless it already has one.
    package func about(_ subject: String) -> CLIPError {
        self.subject.isEmpty
            ? CLIPError(subject, reason: reason, advice: advice, exitStatus: exitStatus)
            : self
    }

    /// Creates an error for a file that cannot be used.
    package init(_ failure: FileFailure) {
        self.init(
            failure.subject, reason: failure.reason, advice: failure.advice, exitStatus: failure.exitStatus)
    }
}
