import Evaluation
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
            failure.subject, failure.reason + (failure.advice.map { "; \($0)" } ?? ""),
            exitStatus: failure.exitStatus)
    }
}

extension Error {
    /// The description as one line.
    var oneLine: String { SystemErrorText(self).text.oneLine }
}

/// A loss or gradient that is NaN or infinite, which stops a training.
public struct NonFiniteLossError: ReportedError {
    /// The step, from 0.
    public var step: Int

    /// The loss term that is not finite; nil if all terms are finite and a gradient is not.
    public var term: String?

    /// The terms' values.
    public var losses: [NamedValue]

    /// The images of the batch.
    public var imageIDs: [Int64]

    /// The images whose individual loss is not finite; empty if there are none, or if a gradient is not finite.
    public var culprits: [Int64]

    /// The parameters whose gradients are not finite.
    public var parameters: [String]

    /// The norms of the gradients at previous steps, latest last.
    public var gradientNorms: [Double]

    /// The number of the process whose loss it is, of several that train together.
    public var process: Int?

    /// The step, and the process.
    public var subject: String { "step \(step)" + (process.map { ", process \($0)" } ?? "") }

    /// A failure rather than bad data: the data may be valid.
    public var exitStatus: ExitStatus { .failure }

    /// What is wrong, where, and what to check: two lines.
    public var reason: String {
        func list<Element>(_ elements: [Element], _ limit: Int = 16) -> String {
            elements.prefix(limit).map { "\($0)" }.joined(separator: ", ")
                + (elements.count > limit ? ", … \(elements.count) in all" : "")
        }
        let terms = losses.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
        let what =
            term.map { "the loss term '\($0)' is not finite" }
            ?? "a gradient is not finite (\(list(parameters, 6)))"
        var text = "\(what); terms: \(terms); images: \(list(imageIDs))"
        if !culprits.isEmpty && culprits.count < imageIDs.count { text += "; on its own: \(list(culprits))" }
        let norms = gradientNorms.map { String(describing: Float($0)) }.joined(separator: ", ")
        text += "\ngradient norms of previous steps: \(norms.isEmpty ? "none" : norms). "
        text +=
            "If they grow, lower the learning rate, lengthen the warm-up or clip gradients; if not, check the images"
        return text
    }
}
