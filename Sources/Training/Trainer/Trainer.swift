import Evaluation
import FVLM
import Support
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

    /// What must be the same when the training is resumed, by name, such as a digest of the frozen network.
    public let identity: [String: String]

    /// Asks the training to end after a step.
    public let stopRequest: StopRequest

    /// Steps made so far.
    public internal(set) var step = 0

    /// The moving averages, when the options ask for them.
    public let average: MovingAverage?

    /// Evaluates the network as it is at a step. Called with the network in evaluation and, when there are any, the moving
    /// averages in the place of the weights.
    public let evaluate: Evaluate?

    /// An evaluation at a step.
    ///
    /// It calls `progress` with the pictures that are done and their number, and passes on what that throws: so it ends
    /// soon after a request to stop.
    public typealias Evaluate = (_ step: Int, _ progress: (Int, Int) throws -> Void) throws ->
        EvaluationReport

    let generator: Generator
    var loader: ExampleLoader
    var notes: [String] = []
    var recentNorms: [Double] = []
    var lastMetric: Double?
    var evaluatedStep: Int?
    private var savedStep = 0
    private var evaluationFailure: String?
    var window = ProgressWindow()

    /// A trainer at step 0.
    /// - Throws: ``TrainingError`` for settings out of range; `TorchError` when weights have no values.
    public init(
        _ detector: any TrainableDetector, source: any ExampleSource, optimizer: any Optimizer,
        options: TrainerOptions, loader loaderOptions: ExampleLoader.Options = .init(),
        checkpoints: CheckpointFolder? = nil, configuration: String = "",
        identity: [String: String] = [:], stopRequest: StopRequest = StopRequest(),
        evaluate: Evaluate? = nil
    ) throws {
        try options.check()
        self.detector = detector
        self.source = source
        self.optimizer = optimizer
        self.options = options
        self.loaderOptions = loaderOptions
        self.checkpoints = checkpoints
        self.configuration = configuration
        self.identity = identity
        self.stopRequest = stopRequest
        self.evaluate = evaluate
        generator = try Generator(seed: options.seed)
        loader = try ExampleLoader(source, options: loaderOptions)
        average = try options.averageDecay.map { try MovingAverage(of: detector.parameters, decay: $0) }
    }

    /// Trains to the last step, or until ``stopRequest`` is made.
    ///
    /// A checkpoint is written before every evaluation and when an example cannot be made: neither loses work. An
    /// evaluation that fails is reported, and training goes on.
    /// - Parameter handle: Learns what happens, on this thread.
    /// - Returns: How it ended.
    /// - Throws: ``NonFiniteLossError``; ``TrainingError`` when the last checkpoint cannot be written; what examples, the
    ///   network and `handle` throw.
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
        savedStep = step
        var (reportedStep, savedAt, estimate) = (step, begin, SpeedEstimate(firstStep: step))
        while step < options.steps, !stopRequest.isMade {
            do { try makeStep() } catch {
                // Buffers of a loss that is not finite are not worth keeping.
                if !(error is NonFiniteLossError), savedStep != step { _ = try? save(handle) }
                throw error
            }
            for note in source.faults.news() { try handle(.noted(step: step, note)) }
            if let seconds = estimate.secondsPerStep(after: step) {
                try handle(
                    .estimated(
                        step: step, secondsPerStep: seconds,
                        remainingSeconds: seconds * Double(options.steps - step)))
            }
            if step.isMultiple(of: options.reportInterval) {
                try handle(.progress(progress(since: begin, firstStep)))
                reportedStep = step
            }
            if isDue(options.evaluationInterval), step < options.steps { try evaluateNow(handle) }
            // The last checkpoint is written below.
            let isLate =
                options.checkpointSeconds.map { ContinuousClock.now - savedAt >= .seconds($0) } ?? false
            if isDue(options.checkpointInterval) || isLate, step < options.steps, savedStep != step {
                try save(handle)
            }
            if savedStep == step { savedAt = .now }
        }
        if reportedStep != step { try handle(.progress(progress(since: begin, firstStep))) }
        let isTrained = step >= options.steps
        if isTrained, !stopRequest.isMade { try evaluateNow(handle) }
        if savedStep != step, checkpoints != nil, !(try save(handle)) {
            throw TrainingError(
                "training", "has ended at step \(step), but its last checkpoint could not be written")
        }
        let isEvaluated = evaluate == nil || evaluatedStep == step || evaluationFailure != nil
        let summary = TrainingSummary(
            step: step, isComplete: isTrained && isEvaluated, seconds: (ContinuousClock.now - begin).seconds,
            imageCount: (step - firstStep) * imagesPerStep, evaluationFailure: evaluationFailure)
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
    @discardableResult
    private func save(_ handle: (TrainingEvent) throws -> Void) throws -> Bool {
        guard let checkpoints else { return true }
        let path: String
        do {
            path = try unmeasured { try checkpoints.write(contents()) }
            savedStep = step
        } catch let error as any ReportedError {
            try handle(.checkpointFailed(step: step, reason: error.description))
            return false
        }
        try handle(.checkpointed(step: step, path: path))
        return true
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

    // MARK: Evaluating

    private struct Stopped: Error {}

    /// Evaluates the network as it is, when that is wanted and was not done at this step.
    private func evaluateNow(_ handle: (TrainingEvent) throws -> Void) throws {
        guard let evaluate, evaluatedStep != step else { return }
        // A long evaluation, or one that fails, must not cost the steps before it.
        if savedStep != step { try save(handle) }
        var handlerFailure: (any Error)?
        let report: EvaluationReport
        do {
            report = try unmeasured {
                try evaluated {
                    try evaluate(step) { done, total in
                        guard !stopRequest.isMade else { throw Stopped() }
                        do { try handle(.evaluating(step: step, done: done, total: total)) } catch {
                            handlerFailure = error
                            throw error
                        }
                    }
                }
            }
        } catch is Stopped {
            return
        } catch {
            if let handlerFailure { throw handlerFailure }
            evaluationFailure = "\(error)"
            return try handle(.evaluationFailed(step: step, reason: error.oneLine))
        }
        evaluationFailure = nil
        if let name = options.bestMetric {
            guard let value = report[name] else {
                throw TrainingError(
                    "best metric '\(name)'",
                    "is not among the evaluation's: \(report.metrics.map(\.name).joined(separator: ", "))")
            }
            lastMetric = value
        }
        evaluatedStep = step
        for note in report.notes { try handle(.noted(step: step, note)) }
        try handle(.evaluated(step: step, report))
        guard let checkpoints, savedStep == step else { return }
        do { try checkpoints.rate(step: step, metric: lastMetric) } catch let error as any ReportedError {
            try handle(.checkpointFailed(step: step, reason: error.description))
        }
    }

    /// Runs `body` with the network in evaluation and the averages in the place of the weights.
    private func evaluated<Result>(_ body: () throws -> Result) throws -> Result {
        // Evaluations must not change what is drawn afterwards.
        let standard = try Generator.standard()
        let state = try standard.state()
        detector.parameters.train(false)
        defer { detector.parameters.train() }
        let result = Swift.Result {
            try withoutGradients { try average.map { try $0.applied(body) } ?? body() }
        }
        try standard.restore(state)
        return try result.get()
    }
}

/// The time of a step by the first few, of which the very first one is left out since it prepares memory.
private struct SpeedEstimate {
    private let firstStep: Int
    private let begin = ContinuousClock.now
    private var start: ContinuousClock.Instant?
    private var isMade = false

    init(firstStep: Int) { self.firstStep = firstStep }

    /// Seconds a step, once: after ten steps, or earlier when half a minute is over.
    mutating func secondsPerStep(after step: Int) -> Double? {
        guard !isMade else { return nil }
        guard let start else {
            self.start = .now
            return nil
        }
        let count = step - firstStep - 1
        guard count >= 10 || ContinuousClock.now - begin >= .seconds(30) else { return nil }
        isMade = true
        return (ContinuousClock.now - start).seconds / Double(count)
    }
}
