import Torch
import WeightFiles

/// How a detector is trained.
public struct TrainerOptions: Sendable, Hashable, Codable {
    /// How gradients are bounded before a step.
    public enum Clipping: Sendable, Hashable, Codable {
        /// All gradients together, as one vector, are no longer than this.
        case norm(Double)
        /// No element is further from zero than this.
        case magnitude(Double)
    }

    /// How many optimiser steps are made in all.
    public var steps: Int

    /// Over how many batches gradients are averaged for one step.
    public var accumulation: Int

    /// How gradients are bounded.
    public var clipping: Clipping?

    /// What the optimiser's learning rates are multiplied by.
    public var schedule: LearningRateSchedule

    /// The element type of matrix products and convolutions in the forward pass; nil: that of the weights.
    public var autocast: DType?

    /// The share of the old moving average of the weights that each step keeps, for example 0.999; nil: none is kept.
    public var averageDecay: Double?

    /// What the choice of anchors and regions and dropout follow from.
    public var seed: UInt64

    /// Whether every operator gives the same bits in every run; slower where a faster one does not.
    public var isDeterministic: Bool

    /// Steps between reports.
    public var reportInterval: Int

    /// Steps between evaluations; nil: only at the end.
    public var evaluationInterval: Int?

    /// Steps between checkpoints; nil: they do not follow from steps.
    public var checkpointInterval: Int?

    /// Seconds between checkpoints; nil: they do not follow from time.
    public var checkpointSeconds: Double?

    /// The metric of an evaluation that chooses the best checkpoint.
    public var bestMetric: String?

    /// Whether checkpoints leave out weights that are not trained. They must then come from elsewhere on resuming.
    public var omitsFrozenWeights: Bool

    /// Whether the batch of a loss that is not finite is written beside the checkpoints.
    public var savesFaultyBatches: Bool

    /// Options; see the properties.
    public init(
        steps: Int, accumulation: Int = 1, clipping: Clipping? = nil,
        schedule: LearningRateSchedule = .constant, autocast: DType? = nil, averageDecay: Double? = nil,
        seed: UInt64 = 0, isDeterministic: Bool = false, reportInterval: Int = 20,
        evaluationInterval: Int? = nil, checkpointInterval: Int? = nil, checkpointSeconds: Double? = nil,
        bestMetric: String? = nil,
        omitsFrozenWeights: Bool = false, savesFaultyBatches: Bool = false
    ) {
        self.steps = steps
        self.accumulation = accumulation
        self.clipping = clipping
        self.schedule = schedule
        self.autocast = autocast
        self.averageDecay = averageDecay
        self.seed = seed
        self.isDeterministic = isDeterministic
        self.reportInterval = reportInterval
        self.evaluationInterval = evaluationInterval
        self.checkpointInterval = checkpointInterval
        self.checkpointSeconds = checkpointSeconds
        self.bestMetric = bestMetric
        self.omitsFrozenWeights = omitsFrozenWeights
        self.savesFaultyBatches = savesFaultyBatches
    }

    func check() throws {
        func positive(_ value: Int?, _ name: String) throws {
            guard value ?? 1 > 0 else { throw TrainingError("training", "\(name) must be positive") }
        }
        try positive(steps, "the number of steps")
        try positive(accumulation, "accumulation")
        try positive(reportInterval, "the interval of reports")
        try positive(evaluationInterval, "the interval of evaluations")
        try positive(checkpointInterval, "the interval of checkpoints")
        if let averageDecay, !(0..<1).contains(averageDecay) {
            throw TrainingError("training", "the moving average's decay \(averageDecay) is not in 0 ..< 1")
        }
        switch clipping {
        case .norm(let bound), .magnitude(let bound):
            guard bound > 0 else {
                throw TrainingError("training", "gradients cannot be bounded by \(bound)")
            }
        case nil: break
        }
    }
}
