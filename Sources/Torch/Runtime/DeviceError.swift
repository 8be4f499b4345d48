import Support

/// A device that cannot be used, or does not exist.
public struct DeviceError: ReportedError, Hashable {
    /// The device, as it was asked for.
    public let subject: String

    /// Why it cannot be used.
    public let reason: String

    /// What helps.
    public let advice: String?

    /// `usage` for a text that names no device, otherwise `failure`: the machine lacks what is wanted.
    public let exitStatus: ExitStatus

    init(_ subject: String, _ reason: String, advice: String? = nil, exitStatus: ExitStatus = .failure) {
        self.subject = subject
        self.reason = reason
        self.advice = advice
        self.exitStatus = exitStatus
    }
}
