/// Why detections cannot be scored, and what to do about it.
public struct EvaluationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, in one line.
    public let description: String

    init(_ description: String) { self.description = description }
}
