import Support

/// A picture that cannot be read, made or written: which one, and why.
public struct ImagingError: ReportedError, Hashable {
    /// The path of the file, or another name of the picture; empty when it has none.
    public let subject: String

    /// What is wrong, and what helps when something does.
    public let reason: String

    /// Bad data, unless the system refused: a file that is not there, a full disk.
    public let exitStatus: ExitStatus

    /// An error about the picture `subject`.
    public init(_ subject: String = "", reason: String, exitStatus: ExitStatus = .badData) {
        self.subject = subject
        self.reason = reason
        self.exitStatus = exitStatus
    }
}
