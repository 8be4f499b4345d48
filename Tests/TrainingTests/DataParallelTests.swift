import COCO
import FVLM
import FixtureSupport
import Foundation
import Support
import Testing
import Torch
import TorchFixtures
import TrainingFixtures

@testable import Training

/// Trainings that several processes share against one process with the whole batch. The processes are threads here; each has a
/// network, a loader and connections of its own.
@Suite struct DataParallelTests {
    /// What a process ends with.
    private struct Outcome: Sendable {
        var losses: [Double] = []
        var norms: [Double] = []
        var weights: [[Float]] = []
        var sent = 0
    }

    private static func outcome(
        _ run: TrainingRun, folder: String, group: ProcessGroup?, resumes: Bool = false, until: Int? = nil
    ) throws -> Outcome {
        var outcome = Outcome()
        let stop = StopRequest()
        try run.start(resumes: resumes, group: group, stopRequest: stop) { event in
            guard case .progress(let progress) = event else { return }
            outcome.losses += progress.losses.map(\.value)
            if let until, progress.step == until { stop.make() }
        }
        outcome.weights = try run.network.store.parameters.map {
            try $0.value.detached().to(.float32).reshaped([-1]).array(of: Float.self)
        }
        outcome.sent = group?.sentBytes ?? 0
        return outcome
    }

    private static func together(
        _ count: Int, _ configuration: TrainingConfiguration, folder: String, resumes: Bool = false,
        until: Int? = nil
    ) throws -> [Outcome] {
        let port = Together.freePort()
        return try Together.run(count) { rank in
            let run = try TrainingRun(configuration, folder: folder)
            let group = try ProcessGroup(
                rank: rank, count: count, host: "127.0.0.1", port: port, limit: .seconds(60))
            return try outcome(run, folder: folder, group: group, resumes: resumes, until: until)
        }.map { try $0.get() }
    }

    private static func worst(_ one: [Double], _ other: [Double]) -> Double {
        guard one.count == other.count, !one.isEmpty else { return .infinity }
        return zip(one, other).map { abs($0 - $1) / max(abs($1), 1e-3) }.max() ?? .infinity
    }

    /// Two processes and three, of batches that do not divide evenly, with masks: the losses of one process, and the same
    /// bits of weights everywhere. The first family has batch normalization over the whole batch.
    @Test(arguments: [("openai-rn", 2, 1), ("openai-rn", 3, 1), ("hf-vit", 2, 1), ("hf-vit", 3, 2)])
    func manyAreAsOne(_ kind: String, _ count: Int, _ accumulation: Int) async {
        // By itself, since other tests change the number of threads, and with it the last bits of sums.
        await #expect(processExitsWith: .success) {
            [kind = kind as String, count = count as Int, accumulation = accumulation as Int] in
            try DataParallelTests.compare(kind, count, accumulation)
        }
    }

    private static func compare(_ kind: String, _ count: Int, _ accumulation: Int) throws {
        let small = try SmallRun(empty: [4])
        let settings = [
            "data.batchSize=4", "run.steps=6", "run.accumulation=\(accumulation)", "optimizer.clipNorm=1",
            "optimizer.averageDecay=0.9",
            // The recorded ResNet's gradients are so large that larger steps make chaos of the last bits.
            "optimizer.learningRate=\(kind == "openai-rn" ? 1e-5 : 1e-3)", "optimizer.warmupSteps=2",
            "data.workers=1",
            "run.device=cpu",
        ]
        let configuration = try small.configuration(kind, settings)
        let one = try Self.outcome(
            TrainingRun(configuration, folder: small.folder.file("one")), folder: "", group: nil)
        let many = try Self.together(count, configuration, folder: small.folder.file("many"))
        for outcome in many {
            let difference = Self.worst(outcome.losses, one.losses)
            #expect(difference < 1e-5, "relative difference of losses \(difference)")
            #expect(outcome.weights == many[0].weights)
            #expect(outcome.sent > 0)
        }
        let distances = zip(many[0].weights, one.weights).map { zip($0, $1).map { abs($0 - $1) }.max() ?? 0 }
        #expect(distances.max() ?? 1 < 1e-3, "largest difference of weights \(distances.max() ?? 1)")
        // One writes.
        #expect(small.folder.namesOf("many").contains("model"))
        let lines = String(decoding: small.folder.bytes("many/metrics.jsonl"), as: UTF8.self).split(
            separator: "\n")
        #expect(lines.count { $0.contains("\"progress\"") } == 6, "\(lines)")
    }

    /// Stopped with two processes and resumed with three, a training has the losses of one that was never stopped.
    @Test func resumedByOthers() async {
        await #expect(processExitsWith: .success) { try DataParallelTests.compareResumed() }
    }

    private static func compareResumed() throws {
        let small = try SmallRun()
        let configuration = try small.configuration(
            "hf-vit", ["data.batchSize=4", "run.steps=6", "data.workers=0", "run.device=cpu"])
        let whole = try Self.outcome(
            TrainingRun(configuration, folder: small.folder.file("whole")), folder: "", group: nil)
        let folder = small.folder.file("parts")
        let first = try Self.together(2, configuration, folder: folder, until: 3)
        // All stop together, at most a step after the request.
        let made = first[0].losses.count
        #expect(first[1].losses.count == made && made < whole.losses.count)
        let rest = try Self.together(3, configuration, folder: folder, resumes: true)
        #expect(Self.worst(first[0].losses + rest[0].losses, whole.losses) < 1e-5)
    }

    private static func message(_ result: Result<Outcome, any Error>) -> String {
        guard case .failure(let error) = result else { return "" }
        return "\(error)"
    }

    /// Other settings in one process are named, and a batch that leaves a process without pictures is refused.
    @Test func differencesAreNamed() throws {
        let small = try SmallRun()
        let port = Together.freePort()
        let results = Together.run(2) { rank in
            let configuration = try small.configuration(
                "hf-vit", ["run.seed=\(rank)", "run.steps=1", "data.workers=0", "run.device=cpu"])
            let run = try TrainingRun(configuration, folder: small.folder.file("run"))
            let group = try ProcessGroup(
                rank: rank, count: 2, host: "127.0.0.1", port: port, limit: .seconds(30))
            return try Self.outcome(run, folder: "", group: group)
        }
        for result in results {
            #expect(
                Self.message(result).contains(
                    "process 1 has other settings, data or checkpoints than process 0"))
        }
        let crowd = Together.freePort()
        let refused = Together.run(3) { rank in
            let configuration = try small.configuration("hf-vit", ["data.workers=0", "run.device=cpu"])
            let run = try TrainingRun(configuration, folder: small.folder.file("crowd"))
            let group = try ProcessGroup(
                rank: rank, count: 3, host: "127.0.0.1", port: crowd, limit: .seconds(30))
            return try Self.outcome(run, folder: "", group: group)
        }
        for result in refused { #expect(Self.message(result).contains("fewer than the 3 processes")) }
    }

    /// A loss that is not finite in one process ends all, with the process's number.
    @Test func aBrokenLossNamesItsProcess() throws {
        let port = Together.freePort()
        let results = Together.run(2) { rank in
            let group = try ProcessGroup(
                rank: rank, count: 2, host: "127.0.0.1", port: port, limit: .seconds(30))
            let detector = try ToyDetector()
            let configuration = TrainingConfiguration.toy(steps: 4, batchSize: 4, seed: 3) { _ in }
            var number = 0
            let trainer = try Trainer(
                detector.parameters, source: SquareSource(),
                optimizer: AdamW(
                    [ParameterGroup(detector.parameters.trainableParameters)], learningRate: 0.01),
                configuration: configuration, group: group
            ) { batch, generator in
                number += 1
                let losses = try detector.losses(batch, generator)
                return rank == 1 && number > 2
                    ? try losses.map { ($0.name, try $0.value * Double.nan) } : losses
            }
            try trainer.run()
            return Outcome()
        }
        #expect(Self.message(results[1]).contains("step 2, process 1: the loss term"))
        #expect(Self.message(results[0]).contains("step 2: the loss of process 1 is not finite"))
    }

    /// The shares of a batch are disjoint and complete, whatever the number of processes.
    @Test(arguments: [1, 2, 3, 5]) func sharesOfBatches(_ count: Int) throws {
        let source = SquareSource()
        let whole = try ExampleLoader(source, options: .init(batchSize: 5, seed: 4, workerCount: 0))
        let loaders = try (0..<count).map { rank in
            var options = ExampleLoader.Options(batchSize: 5, seed: 4, workerCount: rank % 3)
            options.share = .init(rank: rank, count: count)
            return try ExampleLoader(source, options: options, position: .init())
        }
        for _ in 0..<6 {
            let expected = try whole.nextBatch()
            let parts = try loaders.map { try $0.nextBatch() }
            #expect(parts.flatMap { $0 }.map(\.imageID) == expected.map(\.imageID))
            #expect(parts.flatMap { $0 }.map(\.samplingSeed) == expected.map(\.samplingSeed))
            #expect(Set(parts.map(\.count)).count <= 2 && parts.allSatisfy { !$0.isEmpty })
            #expect(loaders.allSatisfy { $0.position == whole.position })
        }
    }
}
