import FixtureSupport
import Foundation
import Testing
import Torch

@testable import Training

/// A training in a process of its own that is killed again and again, wherever it is, and goes on each time.
@Suite struct KilledTrainingTests {
    private static let steps = 40

    private static func trainer(_ path: String?, checkpointInterval: Int? = 1) throws -> (
        Trainer, ToyDetector
    ) {
        let detector = try ToyDetector()
        let groups = try ParameterGrouping().groups(
            of: detector.parameters, learningRate: 0.01, weightDecay: 1e-3)
        let configuration = TrainingConfiguration.toy(steps: steps, batchSize: 3, seed: 3) {
            $0.optimizer.clipNorm = 5
            $0.optimizer.averageDecay = 0.9
            $0.run.isDeterministic = true
            $0.run.reportInterval = 1
            $0.run.checkpointInterval = checkpointInterval
        }
        let checkpoints = path.map { CheckpointFolder(path: $0, retention: .init(last: 2)) }
        let trainer = try Trainer(
            detector.parameters, source: SquareSource(delay: 0.002),
            optimizer: AdamW(groups, learningRate: 0.01), configuration: configuration,
            checkpoints: checkpoints, losses: detector.losses)
        if let checkpoint = try checkpoints?.latest() { try trainer.resume(from: checkpoint) }
        return (trainer, detector)
    }

    private static func weights(_ detector: ToyDetector) throws -> [[UInt8]] {
        try detector.parameters.stored().map { $0.withUnsafeBytes { Array($0) } }
    }

    /// Killed some milliseconds after a step: while its checkpoint is written, its predecessors are removed, or the next
    /// step is made.
    @Test func killedFiveTimesItEndsWithTheSameBits() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("killed")
        var reached = [0]
        for milliseconds in [1, 20, 9, 35, 3] {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, milliseconds = milliseconds as Int] in
                let (trainer, _) = try KilledTrainingTests.trainer(path)
                let last = trainer.step + 2
                try trainer.run { event in
                    guard case .progress(let progress) = event, progress.step == last else { return }
                    Thread.detachNewThread {
                        Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
                        kill(getpid(), SIGKILL)
                    }
                }
                try await Task.sleep(for: .seconds(10))
            }
            reached.append(try CheckpointFolder(path: path).steps().last ?? 0)
        }
        #expect(zip(reached, reached.dropFirst()).allSatisfy { $0 < $1 }, "\(reached)")
        let (last, detector) = try Self.trainer(path, checkpointInterval: nil)
        try last.run()
        let (whole, expected) = try Self.trainer(nil)
        try whole.run()
        #expect(try Self.weights(detector) == Self.weights(expected))
    }
}
