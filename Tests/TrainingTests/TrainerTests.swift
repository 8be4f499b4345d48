import Evaluation
import FVLM
import FixtureSupport
import Foundation
import Support
import Synchronization
import Testing
import Torch
import WeightFiles

@testable import Training

@Suite(.serialized) struct TrainerTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private struct Interrupted: Error {}

    /// A trainer of the toy with everything that has a state: momentum, averages, norms, random numbers.
    private func trainer(
        _ detector: ToyDetector, steps: Int = 12, _ change: (inout TrainingConfiguration) -> Void = { _ in },
        adam: Bool = false, checkpoints: CheckpointFolder? = nil, workers: Int = 2,
        source: any ExampleSource = SquareSource(), bestMetric: String? = nil,
        evaluate: ((Int) throws -> EvaluationReport)? = nil
    ) throws -> Trainer {
        let groups = try ParameterGrouping().groups(
            of: detector.parameters, learningRate: 0.05, weightDecay: 1e-3)
        let optimizer: any Optimizer =
            adam
            ? try AdamW(groups, learningRate: 0.01) : try SGD(groups, learningRate: 0.05, momentum: 0.9)
        var configuration = TrainingConfiguration.toy(steps: steps, batchSize: 5, seed: 3)
        configuration.data.workers = workers
        configuration.optimizer.clipNorm = 5
        configuration.optimizer.schedule = .cosine
        configuration.optimizer.warmupSteps = 3
        configuration.optimizer.warmupFactor = 0
        configuration.optimizer.averageDecay = 0.9
        configuration.run.isDeterministic = true
        configuration.run.reportInterval = 1
        configuration.run.checkpointInterval = 4
        change(&configuration)
        return try Trainer(
            detector.parameters, source: source, optimizer: optimizer, configuration: configuration,
            checkpoints: checkpoints, bestMetric: bestMetric,
            evaluate: evaluate.map { evaluate in { step, _ in try evaluate(step) } }, losses: detector.losses)
    }

    /// How long it will take is said once, after the first steps, again when a run is resumed; not by a run that is over before.
    @Test func theDurationIsEstimatedAfterTheFirstSteps() throws {
        func estimates(_ steps: Int, from checkpoint: Checkpoint? = nil, _ folder: CheckpointFolder) throws
            -> [(
                step: Int, perStep: Double, remaining: Double
            )]
        {
            var found: [(step: Int, perStep: Double, remaining: Double)] = []
            let trainer = try trainer(ToyDetector(), steps: steps, checkpoints: folder)
            if let checkpoint { try trainer.resume(from: checkpoint) }
            try trainer.run {
                if case .estimated(let step, let perStep, let remaining) = $0 {
                    found.append((step, perStep, remaining))
                }
            }
            return found
        }
        let checkpoints = CheckpointFolder(path: folder.file("checkpoints"))
        #expect(try estimates(10, checkpoints).isEmpty)
        let latest = try #require(try checkpoints.latest())
        let resumed = try estimates(30, from: latest, checkpoints)
        #expect(resumed.map(\.step) == [21])
        let found = try estimates(25, CheckpointFolder(path: folder.file("other")))
        #expect(found.map(\.step) == [11])
        for estimate in found {
            #expect(estimate.perStep > 0 && abs(estimate.remaining - estimate.perStep * 14) < 1e-9)
        }
    }

    /// All bits of weights, buffers and averages.
    private func bits(_ detector: ToyDetector, _ trainer: Trainer) throws -> [String: [UInt8]] {
        var bits: [String: [UInt8]] = [:]
        for tensor in try detector.parameters.stored()
            + (trainer.average?.stored() ?? []).map({
                var tensor = $0
                tensor.name = "average/\(tensor.name)"
                return tensor
            })
        {
            bits[tensor.name] = tensor.withUnsafeBytes { Array($0) }
        }
        return bits
    }

    @Test func theLossFallsAndFrozenWeightsStay() throws {
        let detector = try ToyDetector()
        let frozen = try detector.parameters["trunk.weight"]?.value.array(of: Float.self)
        var losses: [Double] = []
        let trainer = try trainer(detector, steps: 150, { $0.optimizer.averageDecay = nil }, adam: true)
        let summary = try trainer.run { event in
            if case .progress(let progress) = event { losses.append(progress.loss) }
        }
        #expect(summary.isComplete && summary.step == 150 && summary.imageCount == 750)
        let (first, last) = (losses.prefix(10).reduce(0, +), losses.suffix(10).reduce(0, +))
        #expect(last < first / 2)
        #expect(try detector.parameters["trunk.weight"]?.value.array(of: Float.self) == frozen)
        #expect(!detector.parameters.isTraining)
    }

    // MARK: Resuming

    /// A source that counts the examples that are asked for.
    private struct CountedSource: ExampleSource {
        private final class Counter: Sendable { let value = Mutex(0) }

        private let counter = Counter()
        private let squares = SquareSource()
        var count: Int { squares.count }
        var fingerprint: String { squares.fingerprint }
        var made: Int { counter.value.withLock { $0 } }

        func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample {
            counter.value.withLock { $0 += 1 }
            return try squares.example(at: row, view: view, random: &random)
        }
    }

    /// No example is made before the first step: resuming would throw it away and make others.
    @Test func nothingIsMadeBeforeTheFirstStep() throws {
        let checkpoints = CheckpointFolder(path: folder.path)
        try trainer(ToyDetector(), steps: 4, checkpoints: checkpoints).run()
        let source = CountedSource()
        let resumed = try trainer(ToyDetector(), steps: 5, checkpoints: checkpoints, source: source)
        try resumed.resume(from: #require(try checkpoints.latest()))
        Thread.sleep(forTimeInterval: 0.05)
        #expect(source.made == 0)
        try resumed.run()
        // A batch, and what is made ahead of the network.
        #expect(source.made >= 5 && source.made <= 5 + 2 * 5 + 2)
    }

    /// The origin's defect 23. Interrupted between checkpoints, at checkpoints, at the first and at the last step.
    @Test(arguments: [false, true]) func goesOnAsIfNothingHadHappened(_ adam: Bool) throws {
        let whole = try ToyDetector()
        let wholeTrainer = try trainer(whole, adam: adam)
        try wholeTrainer.run()
        let expected = try bits(whole, wholeTrainer)
        for interruption in [1, 4, 5, 7, 11] {
            let checkpoints = CheckpointFolder(path: folder.file("\(adam)-\(interruption)"))
            #expect(throws: Interrupted.self) {
                try trainer(ToyDetector(), adam: adam, checkpoints: checkpoints).run { event in
                    if case .progress(let progress) = event, progress.step == interruption {
                        throw Interrupted()
                    }
                }
            }
            // Other first weights, other random state, another number of workers: all must come from the checkpoint.
            let detector = try ToyDetector(seed: 77)
            let resumed = try trainer(detector, adam: adam, checkpoints: checkpoints, workers: 3)
            if let checkpoint = try checkpoints.latest() {
                #expect(checkpoint.state.step == (interruption - (interruption == 4 ? 1 : 0)) / 4 * 4)
                try resumed.resume(from: checkpoint)
            } else {
                try detector.parameters.initialize(seed: 1)
                #expect(interruption <= 4)
                continue
            }
            try resumed.run()
            #expect(try bits(detector, resumed) == expected, "interrupted at \(interruption)")
        }
    }

    @Test func aRequestToStopEndsWithACheckpoint() throws {
        let checkpoints = CheckpointFolder(path: folder.path)
        let detector = try ToyDetector()
        let stopped = try trainer(detector, { $0.run.checkpointInterval = nil }, checkpoints: checkpoints)
        let summary = try stopped.run { event in
            if case .progress(let progress) = event, progress.step == 5 { stopped.stopRequest.make() }
        }
        #expect(!summary.isComplete && summary.step == 5)
        #expect(try checkpoints.steps() == [5])
        let whole = try ToyDetector()
        let wholeTrainer = try trainer(whole)
        try wholeTrainer.run()
        let other = try ToyDetector(seed: 5)
        let resumed = try trainer(other, checkpoints: checkpoints)
        try resumed.resume(from: #require(try checkpoints.latest()))
        try resumed.run()
        #expect(try bits(other, resumed) == bits(whole, wholeTrainer))
    }

    @Test func otherDataAndNetworksAreRefused() throws {
        let checkpoints = CheckpointFolder(path: folder.path)
        try trainer(ToyDetector(), checkpoints: checkpoints).run()
        let checkpoint = try #require(try checkpoints.latest())
        #expect(checkpoint.configuration.contains("steps: 12\n"))
        var source = SquareSource()
        source.fingerprint = "circles"
        #expect(
            message { try trainer(ToyDetector(), source: source).resume(from: checkpoint) }.contains(
                "another training set"))
        #expect(
            message { try trainer(ToyDetector(classCount: 4)).resume(from: checkpoint) }.contains(
                "of a different shape: head.weight [7, 128], expected [8, 128]"))
        #expect(message { try trainer(ToyDetector(), adam: true).resume(from: checkpoint) } != "")
    }

    // MARK: Steps

    /// The origin's defect 22: gradients that are kept over steps. Three steps are those of a loop written out.
    @Test func stepsAreThoseOfAPlainLoop() throws {
        func optimizer(_ detector: ToyDetector) throws -> SGD {
            try SGD(
                [ParameterGroup(detector.parameters.trainableParameters)], learningRate: 0.1, momentum: 0.9)
        }
        let configuration = TrainingConfiguration.toy(steps: 3, seed: 5) {
            $0.optimizer.schedule = .cosine
            $0.optimizer.warmupSteps = 2
            $0.optimizer.warmupFactor = 0
        }
        let schedule = try LearningRateSchedule.warmupCosine(warmupSteps: 2, totalSteps: 3)
        let trained = try ToyDetector()
        let trainer = try Trainer(
            trained.parameters, source: SquareSource(), optimizer: optimizer(trained),
            configuration: configuration, losses: trained.losses)
        try trainer.run()
        #expect(trained.parameters.parameters.allSatisfy { $0.grad == nil })

        let plain = try ToyDetector()
        let (loader, generator) = (
            try ExampleLoader(SquareSource(), options: .init(batchSize: 4, seed: 5)), try Generator(seed: 5)
        )
        let descent = try optimizer(plain)
        plain.parameters.train()
        for step in 0..<3 {
            let losses = try plain.losses(loader.nextBatch(), generator)
            try (losses[0].value + losses[1].value).backward()
            try descent.step(learningRateFactor: schedule.factor(at: step))
            try plain.parameters.clearGradients()
        }
        #expect(try bits(trained, trainer) == bits(plain, trainer))
    }

    /// Four batches of one image, accumulated, move the weights as one batch of four does when no norm mixes them.
    @Test func accumulationIsTheMeanOverBatches() throws {
        final class Plain {
            let parameters = ParameterStore()
            let head: Linear

            init() throws {
                head = try Linear(parameters.root / "head", inputs: 3 * 256, outputs: 4)
                try parameters.initialize(seed: 4)
            }

            func losses(_ batch: [TrainingExample], _ generator: Generator) throws -> [(
                name: String, value: Tensor
            )] {
                let output = try head(Tensor.stack(batch.map(\.pixels)).flattened(from: 1))
                return [("box", try output.smoothL1(Tensor.cat(batch.map(\.boxes.tensor))))]
            }
        }
        func weights(batchSize: Int, accumulation: Int) throws -> [Float] {
            let detector = try Plain()
            let optimizer = try SGD(
                [ParameterGroup(detector.parameters.trainableParameters)], learningRate: 0.01)
            try Trainer(
                detector.parameters, source: SquareSource(), optimizer: optimizer,
                configuration: .toy(steps: 3, batchSize: batchSize) { $0.run.accumulation = accumulation },
                losses: detector.losses
            ).run()
            return try detector.head.weight.value.array(of: Float.self)
        }
        let (one, four) = (
            try weights(batchSize: 4, accumulation: 1), try weights(batchSize: 1, accumulation: 4)
        )
        #expect(zip(one, four).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(try weights(batchSize: 4, accumulation: 2) != one)
    }

    @Test func gradientsAreBounded() throws {
        func moved(_ clipNorm: Double?) throws -> Double {
            let detector = try ToyDetector()
            let before = try detector.parameters.trainableParameters.map { try $0.value.detached().clone() }
            let optimizer = try SGD(
                [ParameterGroup(detector.parameters.trainableParameters)], learningRate: 1)
            try Trainer(
                detector.parameters, source: SquareSource(), optimizer: optimizer,
                configuration: .toy(steps: 1) { $0.optimizer.clipNorm = clipNorm },
                losses: detector.losses
            ).run()
            let squares = try zip(detector.parameters.trainableParameters, before).map { parameter, before in
                try pow((parameter.value.detached() - before).norm().item(), 2)
            }
            return squares.reduce(0, +).squareRoot()
        }
        let free = try moved(nil)
        #expect(free > 0.1)
        #expect(abs(try moved(0.1) - 0.1) < 1e-4)
        #expect(abs(try moved(1000) - free) < 1e-6)
    }

    /// The origin's defect 22: half precision without care.
    @Test func autocastComputesInBfloat16() throws {
        let detector = try ToyDetector()
        var events: [TrainingProgress] = []
        try trainer(detector, steps: 6, { $0.run.precision = .bfloat16 }).run { event in
            if case .progress(let progress) = event { events.append(progress) }
        }
        var exact: [TrainingProgress] = []
        try trainer(ToyDetector(), steps: 6).run { event in
            if case .progress(let progress) = event { exact.append(progress) }
        }
        #expect(events[0].loss != exact[0].loss && abs(events[0].loss - exact[0].loss) < 0.05)
        #expect(try detector.parameters["head.weight"]?.value.dtype == .float32)
    }

    // MARK: Reports

    /// The origin's defect 24: means divided by a number of batches that they were not taken over.
    @Test func meansAreOverImagesSinceTheLastReport() throws {
        var every: [TrainingProgress] = []
        var third: [TrainingProgress] = []
        try trainer(ToyDetector(), steps: 7).run { event in
            if case .progress(let progress) = event { every.append(progress) }
        }
        try trainer(ToyDetector(), steps: 7, { $0.run.reportInterval = 3 }).run { event in
            if case .progress(let progress) = event { third.append(progress) }
        }
        #expect(every.map(\.step) == Array(1...7) && third.map(\.step) == [3, 6, 7])
        for (report, range) in zip(third, [0..<3, 3..<6, 6..<7]) {
            let mean = every[range].map(\.loss).reduce(0, +) / Double(range.count)
            #expect(abs(report.loss - mean) < 1e-9)
            #expect(abs(report.losses.map(\.value).reduce(0, +) - report.loss) < 1e-9)
            #expect(report.losses.map(\.name) == ["box", "class"])
        }
        #expect(every[6].epoch == 35.0 / 12 && every[0].imagesPerSecond > 0)
        #expect(every[6].remainingSeconds == 0 && every[0].timing.forward > 0)
    }

    @Test func evaluationsSeeTheAveragesAndChangeNothing() throws {
        let detector = try ToyDetector()
        var seen: [[Float]] = []
        var states: [Bool] = []
        let checkpoints = CheckpointFolder(path: folder.path, retention: .init(last: 1, best: 1))
        let evaluated = try trainer(
            detector, { $0.run.evaluationInterval = 4 }, checkpoints: checkpoints, bestMetric: "AP"
        ) { step in
            seen.append(try detector.parameters["head.bias"]?.value.array(of: Float.self) ?? [])
            states.append(detector.parameters.isTraining || isRecordingGradients)
            _ = try Tensor.random([3])
            return EvaluationReport(metrics: [NamedValue("AP", step == 8 ? 0.5 : 0.25)])
        }
        try evaluated.run()
        #expect(seen.count == 3 && states == [false, false, false])
        let average = try evaluated.average?.stored().first { $0.name == "head.bias" }
        #expect(try Tensor(#require(average)).array(of: Float.self) == seen[2])
        #expect(try detector.parameters["head.bias"]?.value.array(of: Float.self) != seen[2])
        // The best and the last are kept.
        #expect(try checkpoints.steps() == [8, 12])
        #expect(try checkpoints.best()?.state.step == 8)
        let plain = try ToyDetector()
        let plainTrainer = try trainer(plain)
        try plainTrainer.run()
        #expect(try bits(plain, plainTrainer) == bits(detector, evaluated))
    }

    /// An evaluation that fails may have drawn random numbers; the training goes on as if it had drawn none.
    @Test func anEvaluationThatFailsChangesNothing() throws {
        let detector = try ToyDetector()
        var failures: [String] = []
        func failing(_ detector: ToyDetector, steps: Int = 12) throws -> Trainer {
            try trainer(detector, steps: steps, { $0.run.evaluationInterval = 4 }) { _ in
                _ = try Tensor.random([3])
                throw TrainingError("pictures", "are gone")
            }
        }
        let whole = try failing(detector)
        try whole.run {
            if case .evaluationFailed(let step, let reason) = $0 { failures.append("\(step) \(reason)") }
        }
        #expect(failures == [4, 8, 12].map { "\($0) pictures: are gone" })
        let plain = try ToyDetector()
        let plainTrainer = try trainer(plain)
        try plainTrainer.run()
        #expect(try bits(plain, plainTrainer) == bits(detector, whole))
        // Other suites may draw from the standard generator meanwhile: once without them is enough.
        let isRestored = try (0..<20).contains { _ in
            let short = try failing(ToyDetector(), steps: 1)
            try Generator.standard().seed(7)
            let expected = try Tensor.random([3]).array(of: Float.self)
            try Generator.standard().seed(7)
            try short.run()
            return try Tensor.random([3]).array(of: Float.self) == expected
        }
        #expect(isRestored)
    }

    @Test func anUnknownBestMetricIsNamed() throws {
        let evaluated = try trainer(ToyDetector(), steps: 1, bestMetric: "AQ") { _ in
            EvaluationReport(metrics: [NamedValue("AP", 1)])
        }
        #expect(message { try evaluated.run() } == "best metric 'AQ': is not among the evaluation's: AP")
    }

    // MARK: Faults

    @Test func aLossThatIsNoNumberStopsWithItsCircumstances() throws {
        let detector = try ToyDetector()
        detector.disturb = { batch in
            batch.contains { $0.imageID == 4 } ? try Tensor(scalar: Float.nan) : nil
        }
        let trainer = try trainer(
            detector, { $0.run.checkpointInterval = 1 }, checkpoints: .init(path: folder.path))
        do {
            try trainer.run()
            Issue.record("went on")
        } catch let error as NonFiniteLossError {
            #expect(error.term == "box" && error.culprits == [4] && error.imageIDs.contains(4))
            #expect(error.imageIDs.count == 5 && error.gradientNorms.count == min(error.step, 8))
            let text = error.description
            #expect(text.contains("step \(error.step)") && text.contains("'box'") && text.contains("own: 4"))
            // What was saved before is sound.
            let latest = try CheckpointFolder(path: folder.path).latest()
            #expect(latest.map(\.state.step) == (error.step == 0 ? nil : error.step))
        }
    }

    @Test func aGradientThatIsNoNumberNamesItsParameters() throws {
        let detector = try ToyDetector()
        detector.disturb = { _ in
            // The root's slope at zero is infinite, times zero is no number.
            guard let bias = try detector.parameters["head.bias"]?.value else { return nil }
            return try ((bias * 0).sum()).sqrt() * 0
        }
        do {
            try trainer(detector).run()
            Issue.record("went on")
        } catch let error as NonFiniteLossError {
            #expect(error.term == nil && error.parameters == ["head.bias"] && error.step == 0)
        }
    }

    @Test func settingsOutOfRangeAreRefused() {
        #expect(message { _ = try trainer(ToyDetector(), steps: 0) }.contains("run.steps"))
        #expect(
            message { _ = try trainer(ToyDetector(), { $0.optimizer.averageDecay = 1 }) }.contains(
                "optimizer.averageDecay"))
        #expect(
            message { _ = try trainer(ToyDetector(), { $0.optimizer.clipNorm = 0 }) }.contains(
                "optimizer.clipNorm"))
    }

    /// When no checkpoint can be written training goes on and says so; at the end that is an error.
    @Test func aFolderThatCannotBeWritten() throws {
        let file = folder.file("file")
        try Data([1]).write(to: URL(filePath: file))
        var failures: [String] = []
        let trainer = try trainer(ToyDetector(), checkpoints: .init(path: "\(file)/checkpoints"))
        let text = message {
            try trainer.run { event in
                if case .checkpointFailed(let step, let reason) = event {
                    failures.append("\(step) \(reason)")
                }
            }
        }
        #expect(trainer.step == 12 && failures.count == 3 && failures[0].hasPrefix("4 "))
        #expect(text.contains("could not be written"))
    }
}
