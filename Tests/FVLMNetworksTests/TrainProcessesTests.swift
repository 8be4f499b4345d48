import FixtureSupport
import Foundation
import Testing

/// `fvlm train` with several processes, as a user types it.
@Suite struct TrainProcessesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func arguments(_ configuration: String, _ output: String, _ more: [String] = []) -> [String] {
        [
            "train", configuration, "--output", folder.file(output), "--processes", "2", "--threads", "1",
            "--device", "cpu",
        ]
            + more
    }

    @Test func twoProcesses() throws {
        let training = try SmallTraining(in: folder, steps: 3)
        let run = try Program(arguments(training.configuration, "run"))
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("2 processes on this machine, which meet at 127.0.0.1"))
        #expect(run.errors.contains("process 0 of 2, from 0 (RANK and WORLD_SIZE); all meet at 127.0.0.1"))
        #expect(run.output.contains("run/model (a detector's folder)"))
        #expect(folder.namesOf("run").contains("model"))
        let wrong = try Program(
            arguments(training.configuration, "other"),
            environment: ["RANK": "0", "WORLD_SIZE": "3", "MASTER_ADDR": "a"])
        #expect(
            wrong.status == 64
                && wrong.errors.contains("--processes 2, but RANK and WORLD_SIZE say that there are 3"))
        let many = try Program(arguments(training.configuration, "many", ["--set", "data.batchSize=1"]))
        #expect(many.status == 65 && many.errors.contains("fewer than the 2 processes"), "\(many.errors)")
    }

    /// A process that is killed ends the other soon, with its number; the training goes on from the last checkpoint.
    @Test func aKilledProcessEndsTheOthers() throws {
        let training = try SmallTraining(in: folder, steps: 100_000)
        let port = 20_000 + Int(getpid()) % 20_000
        func started(_ rank: Int) throws -> Process {
            let process = Process()
            process.executableURL = URL(filePath: Program.path)
            process.arguments = arguments(
                training.configuration, "run", ["--set", "run.checkpointInterval=2", "--resume"])
            process.environment = ProcessInfo.processInfo.environment.merging([
                "RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
            ]) { $1 }
            process.standardOutput = FileHandle.nullDevice
            _ = FileManager.default.createFile(atPath: folder.file("errors\(rank)"), contents: nil)
            process.standardError = FileHandle(forWritingAtPath: folder.file("errors\(rank)"))
            try process.run()
            return process
        }
        let (first, second) = (try started(0), try started(1))
        while first.isRunning, folder.namesOf("run/checkpoints").filter({ $0.hasPrefix("step-") }).count < 2 {
            usleep(10_000)
        }
        let killed = ContinuousClock.now
        kill(second.processIdentifier, SIGKILL)
        first.waitUntilExit()
        let seconds = (ContinuousClock.now - killed) / .seconds(1)
        let errors = String(decoding: folder.bytes("errors0"), as: UTF8.self)
        #expect(first.terminationStatus == 1 && seconds < 15, "after \(seconds) s: \(errors)")
        #expect(errors.contains("process 1 cannot be reached any more"), "\(errors)")
        // The last checkpoint is whole.
        let last = try #require(folder.namesOf("run/checkpoints").last { $0.hasPrefix("step-") })
        let step = try #require(Int(last.dropFirst(5)))
        let again = try Program(
            arguments(training.configuration, "run", ["--resume", "--set", "run.steps=\(step + 1)"]))
        #expect(again.status == 0, "\(again.errors)")
        #expect(folder.namesOf("run").contains("model"))
    }
}
