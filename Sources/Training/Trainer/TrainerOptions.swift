import Torch
import WeightFiles

/// How a detector is trained.
public struct TrainerOptions: Sendable, Hashable {
    /// How many optimiser steps are made in all.
    public var steps: Int

    /// Over how many batches gradients are averaged for one step.
    public var accumulation: Int

    /// The greatest length of all gradients together; nil: no bound.
    public var clipNorm: Double?

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

    /// Options; see the properties.
    public init(
        steps: Int, accumulation: Int = 1, clipNorm: Double? = nil,
        schedule: LearningRateSchedule = .constant, autocast: DType? = nil, averageDecay: Double? = nil,
        seed: UInt64 = 0, isDeterministic: Bool = false, reportInterval: Int = 20,
        evaluationInterval: Int? = nil, checkpointInterval: Int? = nil, checkpointSeconds: Double? = nil,
        bestMetric: String? = nil
    ) {
        self.steps = steps
        self.accumulation = accumulation
        self.clipNorm = clipNorm
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
        if let clipNorm, !(clipNorm > 0) {
            throw TrainingError("training", "gradients cannot be bounded by \(clipNorm)")
        }
    }
}
