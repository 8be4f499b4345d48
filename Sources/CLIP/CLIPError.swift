import Support

/// What is wrong with a CLIP checkpoint, its tokenizer, configuration or vocabulary, or with the use of a model; where;
/// and what to do about it.
public struct CLIPError: ReportedError, Hashable {
    /// The file, folder, model or value that the error is about; empty when it is clear from the call.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// What helps.
    public let advice: String?

    /// How a program ends with it: bad data, unless something is not there at all.
    public let exitStatus: ExitStatus

    /// An error about `subject`.
    public init(
        _ subject: String = "", reason: String, advice: String? = nil, exitStatus: ExitStatus = .badData
    ) {
        self.subject = subject
        self.reason = reason
        self.advice = advice
        self.exitStatus = exitStatus
    }

    /// This error, about `subject` where it names none yet.
    func about(_ subject: String) -> CLIPError {
        self.subject.isEmpty
            ? CLIPError(subject, reason: reason, advice: advice, exitStatus: exitStatus)
            : self
    }

    /// A file that cannot be used.
    init(_ failure: FileFailure) {
        self.init(
            failure.path, reason: failure.reason, advice: failure.advice, exitStatus: failure.exitStatus)
    }
}
