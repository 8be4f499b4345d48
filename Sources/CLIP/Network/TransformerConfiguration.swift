import Torch

/// The sizes of a transformer.
public struct TransformerConfiguration: Sendable, Hashable {
    /// The width of a token.
    package var width: Int

    /// The number of blocks.
    package var depth: Int

    /// The number of attention heads, which share the width.
    package var heads: Int

    /// The width between the two linear maps of a block.
    package var hiddenWidth: Int

    /// The function between the two linear maps.
    package var activation: Activation

    /// The epsilon of the layer normalizations.
    package var epsilon: Double

    /// Creates a configuration; by default the hidden width is four times the width, and heads are 64 wide.
    package init(
        width: Int, depth: Int, heads: Int? = nil, hiddenWidth: Int? = nil, activation: Activation,
        epsilon: Double = 1e-5
    ) {
        self.width = width
        self.depth = depth
        self.heads = heads ?? max(width / 64, 1)
        self.hiddenWidth = hiddenWidth ?? width.multipliedReportingOverflow(by: 4).partialValue
        self.activation = activation
        self.epsilon = epsilon
    }

    /// Configurations come from files: sizes too large for any machine are rejected.
    func validate(_ subject: String) throws {
        try Limits.check(subject, "width", width, 1...65_536)
        try Limits.check(subject, "number of blocks", depth, 1...1_024)
        try Limits.check(subject, "hidden width", hiddenWidth, 1...1_048_576)
        try Limits.check(subject, "number of heads", heads, 1...4_096)
        guard width % heads == 0 else {
            throw CLIPError(subject, reason: "\(heads) heads do not divide the width \(width)")
        }
        guard epsilon > 0, epsilon < 1 else {
            throw CLIPError(subject, reason: "the epsilon \(epsilon) is not between 0 and 1")
        }
    }
}

/// Bounds on the values of a configuration.
enum Limits {
    static func check(_ subject: String, _ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw CLIPError(
                subject,
                reason: "the \(name) \(value) is not within \(range.lowerBound) to \(range.upperBound)")
        }
    }
}
