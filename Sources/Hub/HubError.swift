import Support

/// A file or model that cannot be found or downloaded, with advice.
public struct HubError: ReportedError, Hashable {
    /// The address, file or model with the error.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// What to do about it.
    public let advice: String?

    /// 1: the file or model does not exist or cannot be reached.
    public var exitStatus: ExitStatus { .failure }

    /// Creates an error about `subject`.
    public init(_ subject: String, reason: String, advice: String? = nil) {
        self.subject = subject
        self.reason = reason
        self.advice = advice
    }

    /// Creates an error for a file that cannot be used.
    init(_ failure: FileFailure) {
        self.init(failure.subject, reason: failure.reason, advice: failure.advice)
    }
}
