import Support

/// An error in a step of detection.
public struct DetectionError: ReportedError, Hashable {
    /// The step, such as `RoIAlign`.
    public let subject: String

    /// What is wrong, where, and how to fix it.
    public let reason: String

    /// Creates an error of a step.
    public init(_ step: String, _ reason: String) {
        subject = step
        self.reason = reason
    }
}
