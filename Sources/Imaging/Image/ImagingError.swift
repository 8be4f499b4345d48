import Support

/// A picture that cannot be read, created or written, and the reason.
public struct ImagingError: ReportedError, Hashable {
    /// The path of the file, or another name of the picture; empty if it has none.
    public let subject: String

    /// What is wrong and, if there is a remedy, what helps.
    public let reason: String

    /// Bad data, unless the system refused: a missing file, a full disk.
    public let exitStatus: ExitStatus

    /// Creates an error about the picture `subject`.
    public init(_ subject: String = "", reason: String, exitStatus: ExitStatus = .badData) {
        self.subject = subject
        self.reason = reason
        self.exitStatus = exitStatus
    }
}
