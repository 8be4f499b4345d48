/// Why a step of detection could not be done.
public struct DetectionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The step, such as `RoIAlign`.
    public let operation: String

    /// What is wrong, where, and what to do.
    public let reason: String

    /// An error of the given step.
    public init(_ operation: String, _ reason: String) {
        self.operation = operation
        self.reason = reason
    }

    /// The step and the reason.
    public var description: String { "\(operation): \(reason)" }
}
