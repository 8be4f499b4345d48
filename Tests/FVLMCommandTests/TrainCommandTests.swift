#if FVLM_TORCH
    import FixtureSupport
    import Foundation
    import Testing
    import WeightFiles

    @testable import FVLMCommand

    /// `fvlm train` of a small F-VLM, as a user types it.
    @Suite struct TrainCommandTests {
        private let folder: TemporaryFolder

        init() throws { folder = try TemporaryFolder() }

        private func arguments(_ training: SmallTraining, _ name: String, _ more: [String]) -> [String] {
            ["train", training.configuration, "--output", folder.file(name), "--threads", "1"] + more
        }

        /// The step of the last checkpoint.
        private func reached(_ name: String) -> Int {
            let names = try? FileManager.default.contentsOfDirectory(
                atPath: folder.file("\(name)/checkpoints"))
            return (names ?? []).compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.max() ?? 0
        }

        /// The steps of the reports in the run's log.
        private func reports(_ name: String) -> [Int] {
            String(decoding: folder.bytes("\(name)/metrics.jsonl"), as: UTF8.self).split(separator: "\n")
                .filter { $0.contains("\"event\":\"progress\"") }
                .compactMap { $0.firstMatch(of: /"step":(\d+)/).flatMap { Int($0.1) } }
        }

        /// Killed five times wherever it is (while it loads, makes a step, writes a checkpoint or removes one), the training
        /// of a real detector ends with the weights that it would have ended with: to the bit when it is deterministic.
        @Test(arguments: [true, false]) func aKilledTrainingGoesOn(_ isDeterministic: Bool) throws {
            let training = try SmallTraining(in: folder, steps: 60)
            let settings = [
                "--resume", "--set", "run.checkpointInterval=1", "--set",
                "run.isDeterministic=\(isDeterministic)",
            ]
            let whole = try Program(arguments(training, "whole", settings))
            #expect(whole.status == 0, "\(whole.errors)")
            for milliseconds in [0, 25, 7, 40, 13] {
                let process = try Program.started(arguments(training, "killed", settings))
                let start = reached("killed")
                while process.isRunning, reached("killed") < start + 2 { usleep(1000) }
                usleep(UInt32(milliseconds) * 1000)
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                #expect(process.terminationReason == .uncaughtSignal)
            }
            #expect(reached("killed") < 60)
            let last = try Program(arguments(training, "killed", settings))
            #expect(last.status == 0, "\(last.errors)")
            #expect(reports("killed") == Array(1...60))

            let file = "model/detector.safetensors"
            if isDeterministic { #expect(folder.bytes("killed/\(file)") == folder.bytes("whole/\(file)")) }
            let (killed, expected) = (
                try Safetensors(path: folder.file("killed/\(file)")),
                try Safetensors(path: folder.file("whole/\(file)"))
            )
            #expect(killed.keys.sorted() == expected.keys.sorted())
            for key in expected.keys {
                let values = try zip(
                    killed.tensor(named: key).floats(), expected.tensor(named: key).floats())
                #expect(values.allSatisfy { abs($0 - $1) <= 1e-4 }, "\(key)")
            }
        }

        /// Resident memory at the end of 500 steps is that after 100. 16 MB are 40 kB a step: less than the maps of one
        /// level of one picture.
        @Test func memoryDoesNotGrow() throws {
            let training = try SmallTraining(in: folder, steps: 500)
            let process = try Program.started(
                arguments(
                    training, "long",
                    ["--set", "run.reportInterval=10", "--set", "run.checkpointInterval=50"]))
            var samples: [(step: Int, kilobytes: Int)] = []
            while process.isRunning {
                if let step = reports("long").last, step >= 100, step > samples.last?.step ?? 0,
                    let kilobytes = Self.residentKilobytes(process.processIdentifier)
                {
                    samples.append((step, kilobytes))
                }
                usleep(20_000)
            }
            #expect(process.terminationStatus == 0)
            let early = try #require(samples.filter { $0.step <= 200 }.map(\.kilobytes).max())
            let late = try #require(samples.filter { $0.step >= 400 }.map(\.kilobytes).max())
            #expect(late - early <= 16 << 10, "\(samples)")
        }

        private static func residentKilobytes(_ process: Int32) -> Int? {
            let ps = Process()
            ps.executableURL = URL(filePath: "/bin/ps")
            ps.arguments = ["-o", "rss=", "-p", "\(process)"]
            let output = Pipe()
            ps.standardOutput = output
            guard (try? ps.run()) != nil else { return nil }
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            ps.waitUntilExit()
            return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
        }

        /// A training whose folder cannot be written ends with the reason.
        @Test func aFolderThatCannotBeWritten() throws {
            let training = try SmallTraining(in: folder, steps: 2)
            try folder.write("a file", "blocked")
            let run = try Program(arguments(training, "blocked", []))
            #expect(run.status != 0 && run.errors.contains("blocked"), "\(run.errors)")
        }

        @Test func anotherRunsFolderIsRefused() throws {
            let training = try SmallTraining(in: folder, steps: 2)
            #expect(try Program(arguments(training, "run", [])).status == 0)
            let again = try Program(arguments(training, "run", []))
            #expect(again.status == 65 && again.errors.contains("add --resume"))
        }
    }
#endif
