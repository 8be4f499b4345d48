import Support

/// An error that stops a training or its preparation: what is wrong, where, and how to fix it.
public struct TrainingError: ReportedError, Hashable {
    /// The thing concerned: a file, a setting, an image.
    public let subject: String

    /// What is wrong with it, and how to fix it.
    public let reason: String

    /// The exit status of a program that fails with this error.
    public let exitStatus: ExitStatus

    /// Creates an error about `subject`.
    public init(_ subject: String, _ reason: String, exitStatus: ExitStatus = .badData) {
        self.subject = subject
        self.reason = reason
        self.exitStatus = exitStatus
    }

    /// Creates an error for a file that cannot be used.
    init(_ failure: FileFailure) {
        self.init(
            failure.path, failure.reason + (failure.advice.map { "; \($0)" } ?? ""),
            exitStatus: failure.exitStatus)
    }
}

extension Error {
    /// The description as one line.
    var oneLine: String { SystemErrorText(self).text.oneLine }
}
