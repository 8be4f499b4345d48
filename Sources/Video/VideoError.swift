import Support

/// What is wrong with a film, a camera or with ffmpeg.
public struct VideoError: ReportedError, Hashable {
    /// The film; empty where the error is about ffmpeg itself.
    public let subject: String

    /// What is wrong.
    public let reason: String

    /// What helps.
    public let advice: String?

    /// How a program ends with it.
    public let exitStatus: ExitStatus

    init(_ subject: String, _ reason: String, advice: String? = nil, exitStatus: ExitStatus = .badData) {
        self.subject = subject
        self.reason = reason
        self.advice = advice
        self.exitStatus = exitStatus
    }
}
