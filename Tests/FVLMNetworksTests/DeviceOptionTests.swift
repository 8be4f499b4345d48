import FixtureSupport
import Support
import Testing
import Torch

@testable import FVLMNetworks

/// What commands say of devices that are not there.
@Suite struct DeviceOptionTests {
    @Test(arguments: [
        ["detect", "a.png", "--model", "m"],
        ["track", "a.mp4", "--model", "m"],
        ["evaluate", "--model", "m", "--annotations", "a", "--images", "i"],
        ["train", "a.yaml"], ["cache", "a.yaml", "--output", "o"],
        ["embed", "image", "a.png", "--model", "m", "--json"],
        ["embed", "text", "a", "--model", "m", "--json"],
        ["vocabulary", "build", "--classes", "a", "--model", "m", "--output", "o"],
        ["vocabulary", "import", "a.npy", "--classes", "a", "--model", "m", "--output", "o"],
    ])
    func everyCommandWithANetworkHasTheOption(_ arguments: [String]) throws {
        let run = try Program(arguments + ["--device", "gpu"])
        #expect(run.status == 64, "\(run.errors)")
        #expect(run.errors.contains("auto, cpu, cuda, cuda:N (N from 0) or mps is needed"), "\(run.errors)")
    }

    @Test(.enabled(if: Device.count(of: .cuda) == 0)) func aDeviceThatIsNotThereIsOneSentence() throws {
        let folder = try TemporaryFolder()
        let model = folder.file("model")
        try SmallDetector.write(to: model)
        let reason =
            Device.availability(of: .cuda) == .notBuilt
            ? "cuda: this libtorch is built for the processor alone; Tools/setup --cuda brings one with CUDA"
            : "cuda: there is no NVIDIA driver or no GPU on this machine"
        let training = try SmallTraining(in: folder, steps: 1).configuration
        for arguments in [
            ["detect", folder.file("train/0.png"), "--model", model, "--classes", "dog"],
            ["train", training, "--output", folder.file("run")],
            ["cache", training, "--views", "1", "--output", folder.file("cache")],
            ["embed", "text", "dog", "--model", SmallDetector.clip, "--json"],
        ] {
            let run = try Program(arguments + ["--device", "cuda"])
            #expect(run.status == 1 && run.errors == "error: \(reason)\n", "\(run.errors)")
        }
        // Named in the file: the same.
        let run = try Program(["train", training, "--output", folder.file("run"), "--set", "run.device=cuda"])
        #expect(run.status == 1 && run.errors.contains(reason))
        let unknown = try Program([
            "train", training, "--output", folder.file("run"), "--set", "run.device=gpu",
        ])
        #expect(unknown.status == 65)
        #expect(
            unknown.errors.contains(
                "run.device: must be auto, cpu, cuda, cuda:N (N from 0) or mps, not 'gpu'"),
            "\(unknown.errors)")
    }

    @Test func profilesShowTheDevicesMemory() throws {
        func table(_ profile: StageProfile) -> [Substring] {
            profile.add(.trunk, .milliseconds(20))
            profile.add(.masks, .milliseconds(10))
            return ProfileTable.text(profile, pictures: 2).split(separator: "\n")
        }
        let counting = StageProfile(.init(synchronize: {}, peakBytes: { 5 << 20 }))
        let lines = table(counting)
        #expect(lines.count == 4 && lines[0].hasSuffix("MB on the device, peak"))
        #expect(lines.dropFirst().allSatisfy { $0.hasSuffix(" 5") }, "\(lines)")
        #expect(lines[1].hasPrefix("trunk") && lines[1].contains("10.0"))
        #expect(!table(StageProfile())[0].contains("device"))
    }

    @Test func theProcessorIsTakenWhenAskedFor() throws {
        let run = try Program([
            "embed", "text", "dog", "--model", SmallDetector.clip, "--json", "--device", "cpu",
        ])
        #expect(run.status == 0 && !run.errors.contains("runs on"), "\(run.errors)")
    }
}
