import WeightFiles

/// Stochastic gradient descent with momentum, like `torch.optim.SGD`.
///
/// With weight decay d and momentum m: g += d w; v = m v + (1 - dampening) g, initially v = g; w -= rate * v, or rate *
/// (g + m v) with Nesterov.
public final class SGD: Optimizer {
    /// The parameter groups, each with its own rates.
    public var groups: [ParameterGroup]

    /// The learning rate of groups without their own.
    public var learningRate: Double

    /// The fraction of the last direction that is kept.
    package let momentum: Double

    /// The fraction of a gradient that is left out of the direction.
    package let dampening: Double

    /// The weight decay of groups without their own.
    package let weightDecay: Double

    /// Whether Nesterov momentum is used.
    package let isNesterov: Bool

    private var directions = OptimizerSlots("momentum_buffer")

    /// Creates an optimizer for parameter groups.
    /// - Throws: ``TorchError`` naming a rate out of range (momentum of 1 or more never forgets), Nesterov without
    ///   momentum, or a parameter that occurs twice.
    public init(
        _ groups: [ParameterGroup], learningRate: Double, momentum: Double = 0, dampening: Double = 0,
        weightDecay: Double = 0, nesterov: Bool = false
    ) throws {
        try RateRange.notNegative.check(learningRate, "learning rate", of: "SGD")
        try RateRange.notNegative.check(weightDecay, "weight decay", of: "SGD")
        try RateRange.belowOne.check(momentum, "momentum", of: "SGD")
        try RateRange.upToOne.check(dampening, "dampening", of: "SGD")
        guard !nesterov || (momentum > 0 && dampening == 0) else {
            throw TorchError(
                "SGD", reason: "Nesterov needs momentum and no dampening, not \(momentum) and \(dampening)")
        }
        try checkGroups(groups, "SGD")
        self.groups = groups
        self.learningRate = learningRate
        self.momentum = momentum
        self.dampening = dampening
        self.weightDecay = weightDecay
        isNesterov = nesterov
    }

    /// Updates every parameter that has a gradient.
    public func step(learningRateFactor: Double) throws {
        try withoutGradients {
            for group in groups {
                for batch in try GradientEntry.batches(of: group) {
                    // The kernel treats a whole call as the first step or not; parameters may join later.
                    let known = batch.filter { directions[$0.parameter] != nil }
                    let new = batch.filter { directions[$0.parameter] == nil }
                    try move(known, group, learningRateFactor, isFirst: false)
                    try move(new, group, learningRateFactor, isFirst: true)
                }
            }
        }
    }

    private func move(_ entries: [GradientEntry], _ group: ParameterGroup, _ factor: Double, isFirst: Bool)
        throws
    {
        guard !entries.isEmpty else { return }
        let buffers =
            momentum == 0
            ? []
            : try entries.map { entry in
                try directions.tensor(of: entry.parameter) { try entry.value.detached().zerosLike() }
            }
        _ = try Operator.fusedSGD.results(
            entries.map(\.value), entries.map(\.gradient), buffers, group.weightDecay ?? weightDecay,
            momentum,
            (group.learningRate ?? learningRate) * factor, dampening, isNesterov, false, isFirst)
    }

    /// The directions: `momentum_buffer/<parameter>`.
    public func state() throws -> [StoredTensor] { try directions.stored(parameters) }

    /// Restores a state returned by ``state()``.
    public func load(state: some WeightSource) throws {
        directions = try OptimizerSlots.load([directions], of: parameters, from: state) { $1.shape }[0]
    }
}

extension Operator {
    fileprivate static let fusedSGD = Operator("aten::_fused_sgd_")
}
