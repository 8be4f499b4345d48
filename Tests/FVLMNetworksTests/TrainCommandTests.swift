import RegionDetection
import FVLM
import FixtureSupport
import Foundation
import Testing
import TorchFixtures
import WeightFiles

import FVLMCommand

@testable import FVLMNetworks
@testable import Training

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
            try Safetensors(contentsOf: folder.file("killed/\(file)")),
            try Safetensors(contentsOf: folder.file("whole/\(file)"))
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
        #if os(Linux)
            // A bare system has no ps.
            guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8) else {
                return nil
            }
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        #else
            let ps = Process()
            ps.executableURL = URL(filePath: "/bin/ps")
            ps.arguments = ["-o", "rss=", "-p", "\(process)"]
            let output = Pipe()
            ps.standardOutput = output
            guard (try? ps.run()) != nil else { return nil }
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            ps.waitUntilExit()
            return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
        #endif
    }

    /// A training whose folder cannot be written ends with the reason.
    @Test func aFolderThatCannotBeWritten() throws {
        let training = try SmallTraining(in: folder, steps: 2)
        try folder.write("a file", "blocked")
        let run = try Program(arguments(training, "blocked", []))
        #expect(run.status != 0 && run.errors.contains("blocked"), "\(run.errors)")
    }

    /// Interrupted in a long evaluation, at the end of the terminal too, it ends within seconds and goes on later.
    @Test("B12: an evaluation hears signals", arguments: [SIGINT, SIGTERM, SIGHUP])
    func anEvaluationHearsSignals(_ number: Int32) throws {
        let training = try SmallTraining(in: folder, steps: 1)
        let many = try training.repeated(3_000, in: folder)
        let process = try Program.started(
            arguments(
                training, "long",
                [
                    "--set", "data.validationAnnotations=\(many)", "--set",
                    "data.validationImages=\(folder.file("train"))",
                ]))
        while process.isRunning, reached("long") < 1 { usleep(1000) }
        usleep(200_000)
        #expect(process.isRunning)
        let start = ContinuousClock.now
        kill(process.processIdentifier, number)
        process.waitUntilExit()
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
        #expect(reached("long") == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.file("long/model")))
    }

    /// Under nohup the end of the terminal is nothing.
    @Test func nohupIsRespected() throws {
        let training = try SmallTraining(in: folder, steps: 100_000)
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments =
            ["-c", "trap '' HUP; exec \"$0\" \"$@\"", Program.path]
            + arguments(training, "kept", ["--set", "run.checkpointInterval=2"])
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        while process.isRunning, reached("kept") < 2 { usleep(1000) }
        let before = reached("kept")
        kill(process.processIdentifier, SIGHUP)
        while process.isRunning, reached("kept") < before + 6 { usleep(1000) }
        #expect(process.isRunning)
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    /// By default the detector's folder refers to its CLIP by a relative path; a copy works anywhere.
    @Test func theModelHoldsItsCLIPWhenAsked() throws {
        let training = try SmallTraining(in: folder, steps: 1)
        for (name, more) in [("refers", []), ("holds", ["--self-contained"])] {
            let run = try Program(arguments(training, name, more))
            #expect(run.status == 0, "\(run.errors)")
        }
        let clips = ["refers", "holds"].map { name in
            String(decoding: folder.bytes("\(name)/model/detector.yaml"), as: UTF8.self)
                .firstMatch(of: /clip: '?([^'\n]*)/).map { String($0.1) } ?? ""
        }
        #expect(clips[0].hasPrefix("../"), "\(clips)")
        #expect(clips[1].hasPrefix("clip"), "\(clips)")
        try FileManager.default.moveItem(
            atPath: folder.file("holds/model"), toPath: folder.file("elsewhere"))
        _ = try Detector.load(folder.file("elsewhere"))
    }

    /// A run that is resumed with settings that it cannot have is refused before any of its files is written.
    @Test("B23: a refused --resume changes no file") func aRefusedResumptionChangesNothing() throws {
        let training = try SmallTraining(in: folder, steps: 2)
        #expect(try Program(arguments(training, "run", [])).status == 0)
        func files() -> [String: [UInt8]] {
            let names = FileManager.default.enumerator(atPath: folder.file("run"))?.compactMap {
                $0 as? String
            }
            return Dictionary(uniqueKeysWithValues: (names ?? []).map { ($0, folder.bytes("run/\($0)")) })
        }
        let before = files()
        #expect(String(decoding: folder.bytes("run/config.yaml"), as: UTF8.self).contains("width: 8"))
        for (setting, text) in [
            ("detector.network.width=48", "detector.network.width was 8, now it is 48"),
            ("detector.network.masks=false", "detector.network.masks was true, now it is false"),
            ("data.variation=none", "data.variation was"),
        ] {
            let run = try Program(
                arguments(training, "run", ["--resume", "--set", setting, "--set", "run.steps=4"]))
            #expect(run.status == 65 && run.errors.contains(text), "\(run.status) \(run.errors)")
            #expect(files() == before, "\(setting)")
        }
    }

    @Test func anotherRunsFolderIsRefused() throws {
        let training = try SmallTraining(in: folder, steps: 2)
        #expect(try Program(arguments(training, "run", [])).status == 0)
        let again = try Program(arguments(training, "run", []))
        #expect(again.status == 65 && again.errors.contains("add --resume"))
    }

    /// What a PyTorch program has saved goes on at its step, under detectron2's names; nothing that does not fit passes
    /// in silence.
    @Test func aTrainingOfPyTorchGoesOn() throws {
        let training = try SmallTraining(in: folder, steps: 3)
        let first = try Program(arguments(training, "first", []))
        #expect(first.status == 0, "\(first.errors)")
        let checkpoint = try #require(
            try CheckpointFolder(path: folder.file("first/checkpoints")).latest())
        let model = try checkpoint.model()
        func renamed(_ source: Safetensors, _ name: (String) -> String) throws -> [StoredTensor] {
            try source.keys.map {
                var tensor = try source.tensor(named: $0)
                tensor.name = name($0)
                return tensor
            }
        }
        let path = folder.file("training.pth")
        let buffers = ["running_mean", "running_var", "num_batches_tracked"]
        try PyTorchTrainingFile.write(
            epoch: 0, model: renamed(model, Detectron2Checkpoint.key),
            optimizer: renamed(checkpoint.optimizer()) { name in
                let parts = name.split(separator: "/", maxSplits: 1)
                return "\(parts[0])/\(Detectron2Checkpoint.key(for: String(parts[1])))"
            },
            parameters: model.keys.filter { key in !buffers.contains { key.hasSuffix($0) } }
                .map(Detectron2Checkpoint.key), learningRate: 1e-4, scheduleSteps: 3, to: path)

        let more = [
            "--resume-from", path, "--set", "run.steps=5", "--set", "optimizer.learningRate=1e-12",
        ]
        let second = try Program(arguments(training, "second", more))
        #expect(second.status == 0, "\(second.errors)")
        #expect(second.errors.contains("training.pth (epoch 0 there) after step 3"), "\(second.errors)")
        #expect(second.errors.contains("its learning rate was 0.0001"), "\(second.errors)")
        #expect(reports("second") == [4, 5])
        let reached = try #require(
            try CheckpointFolder(path: folder.file("second/checkpoints")).latest())
        #expect(reached.state.step == 5)
        let (moved, state) = (try reached.model(), try reached.optimizer())
        #expect(
            try state.keys.filter { $0.hasPrefix("step/") }
                .allSatisfy { try state.tensor(named: $0).floats() == [5] })
        for key in moved.keys where !buffers.contains(where: { key.hasSuffix($0) }) {
            let pairs = try zip(moved.tensor(named: key).floats(), model.tensor(named: key).floats())
            #expect(pairs.allSatisfy { abs($0 - $1) < 1e-6 }, "\(key)")
        }

        for (more, status, reason) in [
            (["--resume-from", path], 65, "has made 3 steps, but the run has only 3: raise run.steps"),
            (["--resume-from", path, "--resume"], 64, "pass one of them"),
            (["--resume-from", folder.file("none.pth")], 1, "none.pth"),
            (
                ["--resume-from", path, "--set", "run.steps=5", "--set", "optimizer.kind=sgd"], 65,
                "exp_avg"
            ),
            (
                ["--resume-from", path, "--set", "run.steps=5", "--set", "detector.network.hidden=24"],
                65,
                "of a different shape"
            ),
        ] {
            let run = try Program(arguments(training, "third", more))
            #expect(run.status == Int32(status) && run.errors.contains(reason), "\(run.errors)")
        }
    }
}
