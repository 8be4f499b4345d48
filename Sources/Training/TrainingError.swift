import Support

/// What stops a training or its preparation: what is wrong, where, and what to do about it.
public struct TrainingError: ReportedError, Hashable {
    /// The thing concerned: a file, a setting, an image.
    public let subject: String

    /// What is wrong with it, and what helps.
    public let reason: String

    /// The status of a program that ends with this error.
    public let exitStatus: ExitStatus

    /// An error about `subject`.
    public init(_ subject: String, _ reason: String, exitStatus: ExitStatus = .badData) {
        self.subject = subject
        self.reason = reason
        self.exitStatus = exitStatus
    }
}

extension Error {
    /// The description in one line.
    var oneLine: String { SystemErrorText(self).text.oneLine }
}
