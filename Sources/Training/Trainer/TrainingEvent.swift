import Evaluation

/// An event during the training of a detector.
public enum TrainingEvent: Sendable {
    /// Training starts, or resumes from a checkpoint.
    case started(TrainingStart)
    /// A report on the last steps.
    case progress(TrainingProgress)
    /// An estimate of the remaining time, made after the first steps.
    case estimated(step: Int, secondsPerStep: Double, remainingSeconds: Double)
    /// A note for the user, such as a picture that cannot be decoded.
    case noted(step: Int, String)
    /// Some pictures of an evaluation are done.
    case evaluating(step: Int, done: Int, total: Int)
    /// The network was evaluated.
    case evaluated(step: Int, EvaluationReport)
    /// An evaluation failed; training continues.
    case evaluationFailed(step: Int, reason: String)
    /// A checkpoint was written.
    case checkpointed(step: Int, path: String)
    /// A checkpoint could not be written; training continues, earlier checkpoints are intact.
    case checkpointFailed(step: Int, reason: String)
    /// Training has ended.
    case finished(TrainingSummary)
}

/// The start of a training.
public struct TrainingStart: Sendable, Hashable {
    /// The next step; 0 unless a checkpoint is resumed.
    public var step: Int
    /// The total number of steps.
    public var totalSteps: Int
    /// Examples per epoch.
    public var exampleCount: Int
    /// Examples per step.
    public var imagesPerStep: Int
    /// The number of elements of all trainable weights.
    public var trainableWeightCount: Int
    /// Notes for the user, for example that a library differs from the checkpoint's.
    public var notes: [String]
}

/// The steps since the last report.
public struct TrainingProgress: Sendable, Hashable {
    /// The time of each part of a step, in seconds.
    public struct Timing: Sendable, Hashable {
        /// Waiting for examples.
        public var data = 0.0
        /// The forward pass.
        public var forward = 0.0
        /// The backward pass.
        public var backward = 0.0
        /// Gradient clipping, the optimizer, the moving average.
        public var update = 0.0
    }

    /// The number of steps made so far.
    public var step: Int
    /// The total number of steps.
    public var totalSteps: Int
    /// The number of epochs made so far, including fractions.
    public var epoch: Double
    /// The mean of each term of the loss over the images since the last report.
    public var losses: [NamedValue]
    /// The mean of their sum.
    public var loss: Double
    /// The learning rate of the optimizer's first group at the last step.
    public var learningRate: Double
    /// The mean norm of the gradients before clipping.
    public var gradientNorm: Double
    /// Images per second.
    public var imagesPerSecond: Double
    /// The mean timing of a step.
    public var timing: Timing
    /// Seconds until the last step, at the mean speed of this run.
    public var remainingSeconds: Double
}

/// The outcome of a training.
public struct TrainingSummary: Sendable, Hashable {
    /// The total number of steps made.
    public var step: Int
    /// Whether all steps were made and the last evaluation has ended; otherwise the training was asked to stop.
    public var isComplete: Bool
    /// The duration of this run in seconds.
    public var seconds: Double
    /// The number of images in this run.
    public var imageCount: Int
    /// Why the last evaluation failed; nil if it did not.
    public var evaluationFailure: String?
}

/// What happened since the last report.
struct ProgressWindow {
    var timing = TrainingProgress.Timing()
    var norms = RunningMean()
    var stepCount = 0

    private var order: [String] = []
    private var means: [String: RunningMean] = [:]
    private var total = RunningMean()
    private var imageCount = 0
    private let clock = ContinuousClock.now
    private var excluded = 0.0

    /// Adds the terms of a batch's loss, which are means over its images.
    mutating func add(_ terms: [NamedValue], images: Int) {
        for term in terms {
            if means[term.name] == nil { order.append(term.name) }
            means[term.name, default: RunningMean()].add(term.value, weight: Double(images))
        }
        total.add(terms.reduce(0) { $0 + $1.value }, weight: Double(images))
        imageCount += images
    }

    /// Excludes time from ``TrainingProgress/imagesPerSecond``.
    mutating func exclude(seconds: Double) { excluded += seconds }

    func progress(
        step: Int, totalSteps: Int, epoch: Double, learningRate: Double, remainingSeconds: Double
    ) -> TrainingProgress {
        let seconds = max((ContinuousClock.now - clock).seconds - excluded, 1e-9)
        let steps = Double(max(stepCount, 1))
        return TrainingProgress(
            step: step, totalSteps: totalSteps, epoch: epoch,
            losses: order.map { NamedValue($0, means[$0]?.value ?? 0) }, loss: total.value,
            learningRate: learningRate, gradientNorm: norms.value,
            imagesPerSecond: Double(imageCount) / seconds,
            timing: .init(
                data: timing.data / steps, forward: timing.forward / steps,
                backward: timing.backward / steps, update: timing.update / steps),
            remainingSeconds: remainingSeconds)
    }
}

/// A mean that values are added to one by one.
struct RunningMean: Sendable, Hashable {
    private(set) var sum = 0.0
    private(set) var count = 0.0

    /// Adds a value with the weight of `weight` single ones.
    mutating func add(_ value: Double, weight: Double = 1) {
        sum += value * weight
        count += weight
    }

    /// The mean; 0 if nothing was added.
    var value: Double { count > 0 ? sum / count : 0 }
}
