import Evaluation
import Support

/// A loss or a gradient that is NaN or infinite, which ends a training.
public struct NonFiniteLossError: ReportedError {
    /// The step, from 0.
    public var step: Int

    /// The term of the loss that is not finite; nil when all terms are and a gradient is not.
    public var term: String?

    /// The terms' values.
    public var losses: [NamedValue]

    /// The images of the batch.
    public var imageIDs: [Int64]

    /// The images whose loss alone is not finite; empty when there are none, or when a gradient is at fault.
    public var culprits: [Int64]

    /// The parameters whose gradients are not finite.
    public var parameters: [String]

    /// The lengths of the gradients at the steps before, latest last.
    public var gradientNorms: [Double]

    /// The step.
    public var subject: String { "step \(step)" }

    /// A failure: the data may be as it should be.
    public var exitStatus: ExitStatus { .failure }

    /// What is wrong, where, what to look at: two lines.
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
        text += "\ngradient norms of the steps before: \(norms.isEmpty ? "none" : norms). "
        text +=
            "If they grow, lower the learning rate, lengthen the warm-up or bound gradients; if not, look at the images"
        return text
    }
}
