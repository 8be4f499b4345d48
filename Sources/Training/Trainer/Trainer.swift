import Evaluation
import FVLM
import Support
import Synchronization
import Torch

/// Trains a network: batches, losses, gradients, steps, reports, evaluations, checkpoints.
///
/// Runs on the calling thread; not safe to use from several tasks at once.
final class Trainer {
    /// The named terms of the loss of a batch, `float32` tensors without dimensions; their sum is minimized. Random
    /// choices, such as the sampling of anchors and regions, use the generator.
    typealias Losses = (_ batch: [TrainingExample], Generator) throws -> [(name: String, value: Tensor)]

    /// Evaluates the network in its current state, with the moving averages in place of the weights if there are any.
    ///
    /// It calls `progress` with the number of pictures done and their total, and rethrows its errors, so that it stops
    /// soon after a request to stop.
    typealias Evaluate = (_ step: Int, _ progress: (Int, Int) throws -> Void) throws -> EvaluationReport

    /// All parameters; frozen ones do not change.
    let parameters: ParameterStore

    /// The source of examples.
    let source: any ExampleSource

    /// The processes that train together; nil: this one alone.
    let parallel: DataParallel?

    /// Whether all processes have agreed to stop.
    var isAgreedToStop = false

    /// The optimizer of the weights.
    let optimizer: any Optimizer

    /// The settings of batches and steps. The detector's settings are ignored.
    let configuration: TrainingConfiguration

    /// The learning-rate schedule.
    let schedule: LearningRateSchedule

    /// The folder for checkpoints; nil: none are written.
    let checkpoints: CheckpointFolder?

    /// Digests of everything that must be unchanged when the training is resumed, by name, such as that of the frozen
    /// network.
    let identity: [String: String]

    /// Asks the training to stop after a step.
    let stopRequest: StopRequest

    /// Steps made so far.
    var step = 0

    /// Whether timing synchronizes the device, so that each part of a step is charged its own time.
    var isMeasuredExactly = false

    /// The moving averages, if configured.
    let average: MovingAverage?

    /// Where the network computes.
    let device: Device

    /// Keeps the gradients of half precision from underflow; nil in other precisions.
    let scaler: LossScaler?

    let losses: Losses
    let generator: Generator
    var loader: ExampleLoader
    var notes: [String] = []
    var recentNorms: [Double] = []
    var lastMetric: Double?
    var evaluatedStep: Int?
    var window = ProgressWindow()
    private let bestMetric: String?
    private let evaluate: Evaluate?
    private var savedStep = 0
    private var evaluationFailure: String?

    /// Creates a trainer at step 0.
    /// - Parameters:
    ///   - bestMetric: The evaluation metric that selects the best checkpoint.
    ///   - group: The processes that train together, each with a share of every batch; nil: this one alone.
    ///   - losses: The loss to minimize.
    /// - Throws: `ConfigurationError` for settings out of range; `TorchError` if weights have no values.
    init(
        _ parameters: ParameterStore, source: any ExampleSource, optimizer: any Optimizer,
        configuration: TrainingConfiguration, checkpoints: CheckpointFolder? = nil,
        identity: [String: String] = [:], stopRequest: StopRequest = StopRequest(),
        bestMetric: String? = nil, group: ProcessGroup? = nil, evaluate: Evaluate? = nil,
        losses: @escaping Losses
    ) throws {
        try configuration.validateSteps()
        if let group, configuration.data.batchSize < group.count {
            throw ConfigurationError(
                key: "data.batchSize",
                reason:
                    "is \(configuration.data.batchSize), the pictures of all processes together: fewer than the \(group.count) processes"
            )
        }
        parallel = group.map(DataParallel.init)
        self.parameters = parameters
        self.source = source
        self.optimizer = optimizer
        self.configuration = configuration
        schedule = try configuration.learningRateSchedule()
        self.checkpoints = checkpoints
        self.identity = identity
        self.stopRequest = stopRequest
        self.bestMetric = bestMetric
        self.evaluate = evaluate
        self.losses = losses
        device = parameters.device
        scaler = configuration.run.precision == .float16 ? LossScaler(device: parameters.device) : nil
        generator = try Generator(seed: configuration.run.seed)
        loader = try ExampleLoader(source, options: .init(configuration, device: device, group: group))
        average = try configuration.optimizer.averageDecay.map {
            try MovingAverage(of: parameters, decay: $0)
        }
    }

    var settings: TrainingConfiguration.Run { configuration.run }

    /// Trains to the last step, or until ``stopRequest`` is made.
    ///
    /// A checkpoint is written before every evaluation and when an example cannot be made, so neither loses work. A
    /// failed evaluation is reported, and training continues.
    /// - Parameter handle: Called with every event, on this thread.
    /// - Returns: The outcome.
    /// - Throws: ``NonFiniteLossError``; ``TrainingError`` if the last checkpoint cannot be written; the errors of
    ///   examples, the network and `handle`.
    @discardableResult
    func run(_ handle: (TrainingEvent) throws -> Void = { _ in }) throws -> TrainingSummary {
        let wasDeterministic = Runtime.isDeterministic
        Runtime.setDeterministic(settings.isDeterministic || wasDeterministic)
        parameters.train()
        defer {
            Runtime.setDeterministic(wasDeterministic)
            parameters.train(false)
        }
        try parallel?.begin(
            parameters, average?.tensors ?? [],
            description:
                "\(step) \(loader.position) \(source.fingerprint) \(identity.sorted { $0.key < $1.key }) "
                + configuration.yaml())
        try handle(.started(start))
        let (begin, firstStep) = (ContinuousClock.now, step)
        window = ProgressWindow()
        savedStep = step
        var (reportedStep, savedAt, estimate) = (step, begin, SpeedEstimate(firstStep: step))
        while step < settings.steps, !isStopped {
            do { try makeStep() } catch {
                parallel?.leave(error)
                // Buffers of a loss that is not finite are not worth keeping, nor are those of a step that others have left.
                let isWhole = !(error is NonFiniteLossError) && !(error is ProcessGroupError)
                if isWhole, savedStep != step { _ = try? save(handle) }
                throw error
            }
            for note in source.faults.news() { try handle(.noted(step: step, note)) }
            if let seconds = estimate.secondsPerStep(after: step) {
                try handle(
                    .estimated(
                        step: step, secondsPerStep: seconds,
                        remainingSeconds: seconds * Double(settings.steps - step)))
            }
            if step.isMultiple(of: settings.reportInterval) {
                try handle(.progress(progress(since: begin, firstStep)))
                reportedStep = step
            }
            if isDue(settings.evaluationInterval), step < settings.steps { try evaluateNow(handle) }
            // The last checkpoint is written below.
            let isLate =
                settings.checkpointMinutes.map { ContinuousClock.now - savedAt >= .seconds($0 * 60) }
                ?? false
            if isDue(settings.checkpointInterval) || isLate, step < settings.steps, savedStep != step {
                try save(handle)
            }
            if savedStep == step { savedAt = .now }
        }
        if reportedStep != step { try handle(.progress(progress(since: begin, firstStep))) }
        let isTrained = step >= settings.steps
        if isTrained, !isStopped { try evaluateNow(handle) }
        if savedStep != step, checkpoints != nil, !(try save(handle)) {
            throw TrainingError(
                "training", "has ended at step \(step), but its last checkpoint could not be written",
                exitStatus: .failure)
        }
        let isEvaluated = evaluate == nil || evaluatedStep == step || evaluationFailure != nil
        let summary = TrainingSummary(
            step: step, isComplete: isTrained && isEvaluated, seconds: (ContinuousClock.now - begin).seconds,
            imageCount: (step - firstStep) * imagesPerStep, evaluationFailure: evaluationFailure)
        try handle(.finished(summary))
        return summary
    }

    /// Excludes the duration of `body` from the reported speed.
    private func unmeasured<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = ContinuousClock.now
        let result = try body()
        window.exclude(seconds: (ContinuousClock.now - start).seconds)
        return result
    }

    /// Whether the training is to end: of several processes, whether all have agreed on it.
    private var isStopped: Bool { parallel == nil ? stopRequest.isMade : isAgreedToStop }

    var imagesPerStep: Int { settings.accumulation * configuration.data.batchSize }

    private func isDue(_ interval: Int?) -> Bool { interval.map { step.isMultiple(of: $0) } ?? false }

    /// Writes a checkpoint.
    /// - Returns: Whether it was written.
    @discardableResult
    private func save(_ handle: (TrainingEvent) throws -> Void) throws -> Bool {
        guard let checkpoints else { return true }
        guard parallel?.isFirst ?? true else {
            savedStep = step
            return true
        }
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
            step: step, totalSteps: settings.steps, exampleCount: source.count, imagesPerStep: imagesPerStep,
            trainableWeightCount: parameters.trainableWeightCount, notes: notes)
    }

    private func progress(since begin: ContinuousClock.Instant, _ firstStep: Int) -> TrainingProgress {
        let position = loader.position
        let seconds = (ContinuousClock.now - begin).seconds
        let rate = optimizer.groups.first?.learningRate ?? 0
        let progress = window.progress(
            step: step, totalSteps: settings.steps,
            epoch: Double(position.epoch) + Double(position.index) / Double(source.count),
            learningRate: rate * schedule.factor(at: step - 1),
            remainingSeconds: seconds / Double(max(step - firstStep, 1)) * Double(settings.steps - step))
        window = ProgressWindow()
        return progress
    }

    // MARK: Evaluating

    private struct Stopped: Error {}

    /// Evaluates the network in its current state, if requested and not yet done at this step.
    private func evaluateNow(_ handle: (TrainingEvent) throws -> Void) throws {
        guard let evaluate, evaluatedStep != step else { return }
        guard let parallel else { return try evaluateNow(evaluate, handle) }
        // The others wait for process 0, however long it takes.
        guard parallel.isFirst else {
            try parallel.waitForFirst()
            evaluatedStep = step
            return
        }
        try evaluateNow(evaluate, handle)
        try parallel.letOthersGoOn()
    }

    private func evaluateNow(_ evaluate: @escaping Evaluate, _ handle: (TrainingEvent) throws -> Void) throws
    {
        // A long or failing evaluation must not lose the steps before it.
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
        if let name = bestMetric {
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

    /// Runs `body` with the network in evaluation mode and the averages in place of the weights.
    private func evaluated<Result>(_ body: () throws -> Result) throws -> Result {
        // Evaluations must not change later random numbers.
        let streams = try (device.isProcessor ? [.cpu] : [.cpu, device]).map {
            try Generator.standard(for: $0)
        }
        let states = try streams.map { try $0.state() }
        parameters.train(false)
        defer { parameters.train() }
        let result = Swift.Result {
            try withoutGradients { try average.map { try $0.applied(body) } ?? body() }
        }
        for (stream, state) in zip(streams, states) { try stream.restore(state) }
        return try result.get()
    }
}

/// The time of a step, estimated from the first few; the very first one, which allocates memory, is excluded.
private struct SpeedEstimate {
    private let firstStep: Int
    private let begin = ContinuousClock.now
    private var start: ContinuousClock.Instant?
    private var isMade = false

    init(firstStep: Int) { self.firstStep = firstStep }

    /// Seconds per step, returned once: after ten steps, or earlier if half a minute has passed.
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

extension ExampleLoader.Options {
    /// Creates the loader options of a configuration.
    ///
    /// - Parameter group: The processes that share each batch.
    init(_ configuration: TrainingConfiguration, device: Device, group: ProcessGroup? = nil) {
        self.init(
            batchSize: configuration.data.batchSize, seed: configuration.run.seed,
            workerCount: configuration.data.workers, viewCount: configuration.data.views, device: device)
        if let group { share = .init(rank: group.rank, count: group.count) }
    }
}

/// Asks a training to stop after the current step, from any thread or signal handler.
public final class StopRequest: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A request that is not made yet.
    public init() {}

    /// Whether the training is to end.
    public var isMade: Bool { flag.load(ordering: .relaxed) }

    /// Asks the training to stop, with a checkpoint.
    public func make() { flag.store(true, ordering: .relaxed) }
}
