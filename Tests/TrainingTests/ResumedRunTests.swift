import Evaluation
import FVLM
import FixtureSupport
import Foundation
import Support
import Synchronization
import Testing
import TrainingFixtures

@testable import Training

/// What a run does with its folder: one at a time, nothing changed by a refusal, nothing lost.
@Suite struct ResumedRunTests {
    private let run: SmallRun
    private var folder: TemporaryFolder { run.folder }

    init() throws { run = try SmallRun() }

    private func training(_ settings: [String] = []) throws -> TrainingRun {
        try TrainingRun(run.configuration("hf-vit", ["run.steps=2"] + settings), folder: folder.file("run"))
    }

    /// All files of the run with their contents.
    private var files: [String: [UInt8]] {
        let names = FileManager.default.enumerator(atPath: folder.file("run"))?.compactMap { $0 as? String }
        return Dictionary(uniqueKeysWithValues: (names ?? []).map { ($0, folder.bytes("run/\($0)")) })
    }

    @Test("B22: a changed setting is named and refused") func aChangedSettingIsNamedAndRefused() throws {
        try training().start(resumes: false) { _ in }
        let before = files
        let templates = try folder.write("a picture of {}.\n", "templates.txt")
        for (setting, text) in [
            ("texts.templates=\(templates)", "texts.templates was single, now it is \(templates)"),
            ("data.batchSize=4", "data.batchSize was 2, now it is 4"),
            ("detector.input.size=64", "detector.input.size was 96, now it is 64"),
            ("detector.network.width=8", "detector.network.width was 16, now it is 8"),
            ("data.classes=[dog]", "data.classes was not set, now it is [dog]"),
            ("run.seed=6", "run.seed was 5, now it is 6"),
        ] {
            let refusal = message { try training(["run.steps=3", setting]).start(resumes: true) { _ in } }
            #expect(refusal.contains(text), "\(refusal)")
            #expect(!refusal.contains("run.steps"))
        }
        #expect(files == before)
        var notes: [String] = []
        let changes = ["run.steps=3", "optimizer.learningRate=0.01", "detector.scoring.limit=50"]
        try training(changes).start(resumes: true) {
            if case .started(let start) = $0 { notes = start.notes }
        }
        for note in [
            "run.steps was 2, now it is 3", "optimizer.learningRate was 0.0001, now it is 0.01",
            "detector.scoring.limit was 100, now it is 50",
        ] { #expect(notes.contains(note), "\(notes)") }
    }

    /// The embeddings of the classes are looked at, not the name of the file that they come from.
    @Test func otherEmbeddingsAreRefused() throws {
        let templates = try folder.write("a picture of {}.\n", "templates.txt")
        try training(["texts.templates=\(templates)"]).start(resumes: false) { _ in }
        try folder.write("a drawing of {}.\n", "templates.txt")
        let refusal = message {
            try training(["texts.templates=\(templates)", "run.steps=3"]).start(resumes: true) { _ in }
        }
        #expect(refusal.contains("the classes' embeddings differ"), "\(refusal)")
    }

    @Test("B31: one run a folder at a time") func oneRunAFolderAtATime() throws {
        var refusal = ""
        try training().start(resumes: false) { event in
            guard case .started = event else { return }
            refusal = message { try training(["run.seed=9"]).start(resumes: false) { _ in } }
        }
        #expect(refusal.hasPrefix("\(folder.file("run")): is in use by another run"), "\(refusal)")
        #expect(
            message { try training().start(resumes: false) { _ in } }.contains("already contains a run"))
    }

    @Test("B35: a file is no folder of a run") func aFileIsNoFolderOfARun() throws {
        try folder.write("a file", "run")
        let refusal = message { try training().start(resumes: false) { _ in } }
        #expect(
            refusal == "\(folder.file("run")): is a file, not a folder")
    }

    // MARK: Evaluations

    private func toy(
        _ checkpoints: CheckpointFolder, _ stopRequest: StopRequest = StopRequest(),
        checkpointSeconds: Double? = nil, evaluate: Trainer.Evaluate? = nil
    ) throws -> Trainer {
        let detector = try ToyDetector()
        let groups = try ParameterGrouping().groups(
            of: detector.parameters, learningRate: 0.01, weightDecay: 0)
        let configuration = TrainingConfiguration.toy(steps: 6) {
            $0.run.reportInterval = 1
            $0.run.evaluationInterval = 4
            $0.run.checkpointMinutes = checkpointSeconds.map { max($0 / 60, 1e-9) }
        }
        return try Trainer(
            detector.parameters, source: SquareSource(), optimizer: SGD(groups, learningRate: 0.01),
            configuration: configuration, checkpoints: checkpoints, stopRequest: stopRequest,
            evaluate: evaluate, losses: detector.losses)
    }

    private struct Failure: Error {}

    @Test("B10: an evaluation that fails costs nothing") func anEvaluationThatFailsCostsNothing() throws {
        let checkpoints = CheckpointFolder(path: folder.file("toy"))
        var saved: [[Int]] = []
        var failures: [Int] = []
        let trainer = try toy(checkpoints) { step, _ in
            saved.append(try checkpoints.steps())
            if step == 4 { throw Failure() }
            return EvaluationReport(metrics: [])
        }
        let summary = try trainer.run {
            if case .evaluationFailed(let step, _) = $0 { failures.append(step) }
        }
        #expect(saved == [[4], [4, 6]] && failures == [4])
        #expect(summary.isComplete && summary.evaluationFailure == nil)
        let last = try toy(CheckpointFolder(path: folder.file("last"))) { _, _ in throw Failure() }.run()
        #expect(last.isComplete && last.evaluationFailure == "Failure()")
    }

    /// A request to stop is heard between the pictures of an evaluation, which is made anew when the run is resumed.
    @Test func anEvaluationCanBeStopped() throws {
        let checkpoints = CheckpointFolder(path: folder.file("toy"))
        let stop = StopRequest()
        var seen = 0
        let stopped = try toy(checkpoints, stop) { step, progress in
            for picture in 1...1000 {
                seen += 1
                if step == 6, picture == 3 { stop.make() }
                try progress(picture, 1000)
            }
            return EvaluationReport(metrics: [])
        }
        let summary = try stopped.run()
        #expect(!summary.isComplete && summary.step == 6 && seen == 1003)
        #expect(try checkpoints.steps() == [4, 6])
        var evaluated: [Int] = []
        let resumed = try toy(checkpoints) { step, _ in
            evaluated.append(step)
            return EvaluationReport(metrics: [])
        }
        try resumed.resume(from: #require(try checkpoints.latest()))
        #expect(try resumed.run().isComplete && evaluated == [6])
    }

    @Test func checkpointsFollowFromTime() throws {
        let checkpoints = CheckpointFolder(path: folder.file("toy"), retention: .init(last: 9))
        try toy(checkpoints, checkpointSeconds: 0).run()
        #expect(try checkpoints.steps() == Array(1...6))
        #expect(try run.configuration("hf-vit").run.checkpointMinutes == 15)
    }

    /// A training that an example ends keeps its steps.
    @Test func anExampleThatFailsLeavesACheckpoint() throws {
        struct Source: ExampleSource {
            let count = 12
            let fingerprint = "failing"
            let calls = Counter()
            func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample {
                if calls.next() > 10 { throw Failure() }
                return try SquareSource().example(at: row, view: view, random: &random)
            }
        }
        final class Counter: Sendable {
            private let count = Mutex(0)
            func next() -> Int {
                count.withLock {
                    $0 += 1; return $0
                }
            }
        }
        let checkpoints = CheckpointFolder(path: folder.file("toy"))
        let detector = try ToyDetector()
        let groups = try ParameterGrouping().groups(
            of: detector.parameters, learningRate: 0.01, weightDecay: 0)
        let trainer = try Trainer(
            detector.parameters, source: Source(), optimizer: SGD(groups, learningRate: 0.01),
            configuration: .toy(steps: 6) { $0.data.workers = 0 }, checkpoints: checkpoints,
            losses: detector.losses)
        #expect(throws: Failure.self) { try trainer.run() }
        #expect(try checkpoints.steps() == [2])
    }
}
