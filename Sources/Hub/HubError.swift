import Support

/// A file or model that cannot be found or fetched: which, and what to do about it.
public struct HubError: ReportedError, Hashable {
    /// The address, file or model that the error is about.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// What helps.
    public let advice: String?

    /// 1: what is wanted is not there or cannot be reached.
    public var exitStatus: ExitStatus { .failure }

    /// An error about `subject`.
    public init(_ subject: String, reason: String, advice: String? = nil) {
        self.subject = subject
        self.reason = reason
        self.advice = advice
    }
}
