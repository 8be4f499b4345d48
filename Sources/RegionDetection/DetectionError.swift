import Support

/// Why a step of detection could not be done.
public struct DetectionError: ReportedError, Hashable {
    /// The step, such as `RoIAlign`.
    public let subject: String

    /// What is wrong, where, and what to do.
    public let reason: String

    /// An error of a step.
    public init(_ step: String, _ reason: String) {
        subject = step
        self.reason = reason
    }
}
