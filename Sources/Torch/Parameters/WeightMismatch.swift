import Support

/// All differences between a checkpoint and the network that it should be loaded into.
public struct WeightMismatch: ReportedError, Hashable {
    /// A tensor with the right name and the wrong shape.
    public struct Shape: Sendable, Hashable {
        /// The parameter's name.
        public let name: String
        /// The shape in the checkpoint.
        public let stored: [Int]
        /// The shape in the network.
        public let expected: [Int]
    }

    /// The source of the tensors.
    public let origin: String

    /// Parameters that the checkpoint lacks.
    public var missing: [String] = []

    /// Tensors of the checkpoint without a parameter.
    public var unexpected: [String] = []

    /// Tensors whose shape differs from their parameter's.
    public var wrongShapes: [Shape] = []

    /// A possible reason, if it can be guessed.
    package var hint: String?

    /// The hint.
    public var advice: String? { hint }

    init(origin: String) { self.origin = origin }

    var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && wrongShapes.isEmpty }

    /// The origin.
    public var subject: String { origin }

    /// The counts and first names of each kind.
    public var reason: String {
        var parts: [String] = []
        func add(_ what: String, _ entries: [String]) {
            guard !entries.isEmpty else { return }
            let shown = entries.prefix(12).joined(separator: ", ")
            let rest = entries.count > 12 ? ", … and \(entries.count - 12) more" : ""
            parts.append("\(entries.count) \(what): \(shown)\(rest)")
        }
        add("missing", missing)
        add("unexpected", unexpected)
        add("of a different shape", wrongShapes.map { "\($0.name) \($0.stored), expected \($0.expected)" })
        return "does not fit the network: " + parts.joined(separator: "; ")
    }
}
