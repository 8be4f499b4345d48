import Support

/// Annotations or pictures that a detector cannot be measured on.
public struct EvaluationError: ReportedError, Hashable {
    /// The file, or the part of the annotations.
    public let subject: String

    /// What is wrong and, if there is a remedy, what helps.
    public let reason: String

    init(_ subject: String, _ reason: String) {
        self.subject = subject
        self.reason = reason
    }
}
