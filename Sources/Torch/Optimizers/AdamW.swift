import WeightFiles

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), like `torch.optim.AdamW`.
public final class AdamW: Optimizer {
    /// The parameter groups, each with its own rates.
    public var groups: [ParameterGroup]

    /// The learning rate of groups without their own.
    public var learningRate: Double

    /// The decay rates of the running means of gradients and of their squares.
    package let betas: (first: Double, second: Double)

    /// Added to the root of the mean square.
    package let epsilon: Double

    /// The weight decay of groups without their own.
    package let weightDecay: Double

    private var means = OptimizerSlots("exp_avg")
    private var meanSquares = OptimizerSlots("exp_avg_sq")
    private var steps = OptimizerSlots("step")

    /// Creates an optimizer for parameter groups.
    /// - Throws: ``TorchError`` naming a rate out of range, or a parameter that occurs twice.
    public init(
        _ groups: [ParameterGroup], learningRate: Double,
        betas: (first: Double, second: Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 0.01
    ) throws {
        try RateRange.notNegative.check(learningRate, "learning rate", of: "AdamW")
        try RateRange.notNegative.check(weightDecay, "weight decay", of: "AdamW")
        try RateRange.notNegative.check(epsilon, "epsilon", of: "AdamW")
        try RateRange.belowOne.check(betas.first, "first beta", of: "AdamW")
        try RateRange.belowOne.check(betas.second, "second beta", of: "AdamW")
        try checkGroups(groups, "AdamW")
        self.groups = groups
        self.learningRate = learningRate
        self.betas = betas
        self.epsilon = epsilon
        self.weightDecay = weightDecay
    }

    /// Updates every parameter that has a gradient.
    public func step(learningRateFactor: Double) throws {
        try withoutGradients {
            for group in groups {
                for batch in try GradientEntry.batches(of: group) {
                    try move(batch, group, learningRateFactor)
                }
            }
        }
    }

    private func move(_ entries: [GradientEntry], _ group: ParameterGroup, _ factor: Double) throws {
        func zeros(_ entry: GradientEntry) throws -> Tensor { try entry.value.detached().zerosLike() }
        let means = try entries.map { entry in
            try self.means.tensor(of: entry.parameter) { try zeros(entry) }
        }
        let meanSquares = try entries.map { entry in
            try self.meanSquares.tensor(of: entry.parameter) { try zeros(entry) }
        }
        let steps = try entries.map { entry in
            try self.steps.tensor(of: entry.parameter) { try Tensor.zeros([], device: entry.value.device) }
        }
        try Tensor.addInPlace(steps, 1)
        _ = try Operator.fusedAdamW.results(
            entries.map(\.value), entries.map(\.gradient), means, meanSquares, [Tensor](), steps,
            (group.learningRate ?? learningRate) * factor, betas.first, betas.second,
            group.weightDecay ?? weightDecay, epsilon, false, false)
    }

    /// `exp_avg/<parameter>`, `exp_avg_sq/<parameter>`, `step/<parameter>`.
    public func state() throws -> [StoredTensor] {
        try [means, meanSquares, steps].flatMap { try $0.stored(parameters) }
    }

    /// Restores a state returned by ``state()``.
    public func load(state: some WeightSource) throws {
        let slots = try OptimizerSlots.load([means, meanSquares, steps], of: parameters, from: state) {
            $0.name == "step" ? [] : $1.shape
        }
        (means, meanSquares, steps) = (slots[0], slots[1], slots[2])
    }
}

extension Operator {
    fileprivate static let fusedAdamW = Operator("aten::_fused_adamw_")
}
