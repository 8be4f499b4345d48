import Evaluation
import FVLM
import Torch

/// Trains a detector: batches, losses, gradients, steps, reports, evaluations, checkpoints.
///
/// ```swift
/// let trainer = try Trainer(detector, source: dataset, optimizer: optimizer, options: options, checkpoints: folder)
/// if let checkpoint = try folder.latest() { try trainer.resume(from: checkpoint) }
/// try trainer.run { event in try log.record(event) }
/// ```
///
/// Runs on the calling thread; not to be used from several tasks at once.
public final class Trainer {
    /// What is trained.
    public let detector: any TrainableDetector

    /// Where examples come from.
    public let source: any ExampleSource

    /// What moves the weights.
    public let optimizer: any Optimizer

    /// How it is trained.
    public let options: TrainerOptions

    /// How batches are made.
    public let loaderOptions: ExampleLoader.Options

    /// Where checkpoints are written; nil: nowhere.
    public let checkpoints: CheckpointFolder?

    /// The configuration of the run, kept with its checkpoints.
    public let configuration: String

    /// Asks the training to end after a step.
    public let stopRequest: StopRequest

    /// Steps made so far.
    public internal(set) var step = 0

    /// The moving averages, when the options ask for them.
    public let average: MovingAverage?

    /// Evaluates the network as it is at a step. Called with the network in evaluation and, when there are any, the moving
    /// averages in the place of the weights.
    public var evaluate: ((_ step: Int) throws -> EvaluationReport)?

    let generator: Generator
    var loader: ExampleLoader
    var notes: [String] = []
    var recentNorms: [Double] = []
    var lastMetric: Double?
    var window = ProgressWindow()

    /// A trainer at step 0.
    /// - Throws: ``TrainingError`` for settings out of range; `TorchError` when weights have no values.
    public init(
        _ detector: any TrainableDetector, source: any ExampleSource, optimizer: any Optimizer,
        options: TrainerOptions, loader loaderOptions: ExampleLoader.Options = .init(),
        checkpoints: CheckpointFolder? = nil, configuration: String = "",
        stopRequest: StopRequest = StopRequest(),
        evaluate: ((_ step: Int) throws -> EvaluationReport)? = nil
    ) throws {
        try options.check()
        self.detector = detector
        self.source = source
        self.optimizer = optimizer
        self.options = options
        self.loaderOptions = loaderOptions
        self.checkpoints = checkpoints
        self.configuration = configuration
        self.stopRequest = stopRequest
        self.evaluate = evaluate
        generator = try Generator(seed: options.seed)
        loader = try ExampleLoader(source, options: loaderOptions)
        average = try options.averageDecay.map { try MovingAverage(of: detector.parameters, decay: $0) }
    }

    /// Trains to the last step, or until ``stopRequest`` is made.
    /// - Parameter handle: Learns what happens, on this thread.
    /// - Returns: How it ended.
    /// - Throws: ``NonFiniteLossError``; ``TrainingError`` when the last checkpoint cannot be written; what examples, the
    ///   network, the evaluation and `handle` throw.
    @discardableResult
    public func run(_ handle: (TrainingEvent) throws -> Void = { _ in }) throws -> TrainingSummary {
        let wasDeterministic = Runtime.isDeterministic
        Runtime.setDeterministic(options.isDeterministic || wasDeterministic)
        detector.parameters.train()
        defer {
            Runtime.setDeterministic(wasDeterministic)
            detector.parameters.train(false)
        }
        try handle(.started(start))
        let (begin, firstStep) = (ContinuousClock.now, step)
        window = ProgressWindow()
        var (reportedStep, evaluatedStep, savedStep) = (step, step, step)
        while step < options.steps, !stopRequest.isMade {
            try makeStep()
            if step.isMultiple(of: options.reportInterval) {
                try handle(.progress(progress(since: begin, firstStep)))
                reportedStep = step
            }
            if isDue(options.evaluationInterval), evaluate != nil {
                try handle(.evaluated(step: step, unmeasured { try evaluateNow() }))
                evaluatedStep = step
            }
            // The last checkpoint comes after the last evaluation, below.
            if isDue(options.checkpointInterval), step < options.steps, try save(handle) { savedStep = step }
        }
        if reportedStep != step { try handle(.progress(progress(since: begin, firstStep))) }
        if evaluatedStep != step, step == options.steps, evaluate != nil {
            try handle(.evaluated(step: step, evaluateNow()))
        }
        if savedStep != step, checkpoints != nil, !(try save(handle)) {
            throw TrainingError(
                "training", "has ended at step \(step), but its last checkpoint could not be written")
        }
        let summary = TrainingSummary(
            step: step, isComplete: step >= options.steps, seconds: (ContinuousClock.now - begin).seconds,
            imageCount: (step - firstStep) * imagesPerStep)
        try handle(.finished(summary))
        return summary
    }

    /// Keeps the time that `body` takes out of the reported speed.
    private func unmeasured<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = ContinuousClock.now
        let result = try body()
        window.exclude(seconds: (ContinuousClock.now - start).seconds)
        return result
    }

    var imagesPerStep: Int { options.accumulation * loaderOptions.batchSize }

    private func isDue(_ interval: Int?) -> Bool { interval.map { step.isMultiple(of: $0) } ?? false }

    /// Writes a checkpoint.
    /// - Returns: Whether it was written.
    private func save(_ handle: (TrainingEvent) throws -> Void) throws -> Bool {
        guard let checkpoints else { return true }
        do {
            let path = try unmeasured { try checkpoints.write(contents()) }
            try handle(.checkpointed(step: step, path: path))
            return true
        } catch let error as TrainingError {
            try handle(.checkpointFailed(step: step, reason: error.description))
            return false
        }
    }

    private var start: TrainingStart {
        TrainingStart(
            step: step, totalSteps: options.steps, exampleCount: source.count, imagesPerStep: imagesPerStep,
            trainableWeightCount: detector.parameters.trainableWeightCount, notes: notes)
    }

    private func progress(since begin: ContinuousClock.Instant, _ firstStep: Int) -> TrainingProgress {
        let position = loader.position
        let seconds = (ContinuousClock.now - begin).seconds
        let rate = optimizer.groups.first?.learningRate ?? 0
        let progress = window.progress(
            step: step, totalSteps: options.steps,
            epoch: Double(position.epoch) + Double(position.index) / Double(source.count),
            learningRate: rate * options.schedule.factor(at: step - 1),
            remainingSeconds: seconds / Double(max(step - firstStep, 1)) * Double(options.steps - step))
        window = ProgressWindow()
        return progress
    }

    /// Evaluates the network as it is.
    private func evaluateNow() throws -> EvaluationReport {
        guard let evaluate else { return EvaluationReport(metrics: []) }
        // Evaluations must not change what is drawn afterwards.
        let standard = try Generator.standard()
        let state = try standard.state()
        detector.parameters.train(false)
        defer { detector.parameters.train() }
        let report = try withoutGradients {
            try average.map { try $0.applied { try evaluate(step) } } ?? evaluate(step)
        }
        try standard.restore(state)
        if let name = options.bestMetric {
            guard let value = report[name] else {
                throw TrainingError(
                    "best metric '\(name)'",
                    "is not among the evaluation's: \(report.metrics.map(\.name).joined(separator: ", "))")
            }
            lastMetric = value
        }
        return report
    }
}
