import FixtureSupport
import Foundation
import Testing
import Torch
import WeightFiles

@testable import Training

@Suite struct CheckpointTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func contents(step: Int, metric: Double? = nil, bytes: Int = 64) throws -> CheckpointContents {
        let state = Checkpoint.State(
            step: step, position: LoaderPosition(epoch: 1, index: 2), dataFingerprint: "data", seed: 5,
            schedule: try .warmupCosine(warmupSteps: 2, totalSteps: 9), metric: metric, averageUpdates: 0,
            versions: ["libtorch": "x"])
        let tensor = try Tensor.full([bytes / 4], Double(step)).stored(named: "w")
        return CheckpointContents(state: state, configuration: "a: ü\n", model: [tensor])
    }

    private func folder(_ retention: CheckpointFolder.Retention) -> CheckpointFolder {
        CheckpointFolder(path: folder.file("checkpoints"), retention: retention)
    }

    @Test func whatIsWrittenIsRead() throws {
        let checkpoints = folder(.init())
        #expect(try checkpoints.steps() == [] && checkpoints.latest() == nil)
        let contents = try contents(step: 123, metric: .nan)
        let path = try checkpoints.write(contents)
        #expect(path.hasSuffix("checkpoints/step-000123"))
        let checkpoint = try #require(try checkpoints.latest())
        #expect(checkpoint.state.step == 123 && checkpoint.state.metric?.isNaN == true)
        #expect(checkpoint.state.position == contents.state.position)
        #expect(checkpoint.state.schedule == contents.state.schedule)
        #expect(checkpoint.configuration == "a: ü\n")
        #expect(try checkpoint.average() == nil)
        #expect(
            try Tensor(checkpoint.model().tensor(named: "w")).array(of: Float.self).allSatisfy { $0 == 123 })
        #expect(CheckpointFolder.name(step: 12_345_678) == "step-12345678")
    }

    @Test func theLastAndTheBestAreKept() throws {
        let checkpoints = folder(.init(last: 2, best: 1))
        for (step, metric) in [(1, 0.1), (2, 0.9), (3, 0.9), (4, nil), (5, 0.3), (6, 0.2)] as [(Int, Double?)]
        {
            try checkpoints.write(contents(step: step, metric: metric))
        }
        #expect(try checkpoints.steps() == [2, 5, 6])
        #expect(try checkpoints.best()?.state.step == 2)
        let lower = folder(.init(last: 1, best: 1, higherIsBetter: false))
        try lower.write(contents(step: 7))
        #expect(try lower.steps() == [6, 7])
        #expect(try FileManager.default.contentsOfDirectory(atPath: lower.path).count == 2)
    }

    @Test func theSameStepIsReplaced() throws {
        let checkpoints = folder(.init())
        try checkpoints.write(contents(step: 1, metric: 1))
        try checkpoints.write(contents(step: 1, metric: 2))
        #expect(try checkpoints.latest()?.state.metric == 2)
    }

    /// A run that was killed while it wrote has left a folder that does not count.
    @Test func halfWrittenFoldersDoNotCount() throws {
        let checkpoints = folder(.init())
        try checkpoints.write(contents(step: 1))
        let half = "\(checkpoints.path)/.writing-step-000002"
        try FileManager.default.createDirectory(atPath: half, withIntermediateDirectories: true)
        try Data([1]).write(to: URL(filePath: "\(half)/model.safetensors"))
        #expect(try checkpoints.latest()?.state.step == 1)
        try checkpoints.write(contents(step: 2))
        #expect(try checkpoints.steps() == [1, 2] && !FileManager.default.fileExists(atPath: half))
    }

    @Test func faultsAreNamed() throws {
        let text = message { _ = try Checkpoint(folder: folder.path) }
        #expect(text.contains("is not a checkpoint"))
        let checkpoints = folder(.init())
        let path = try checkpoints.write(contents(step: 1))
        try Data("{".utf8).write(to: URL(filePath: "\(path)/state.json"))
        #expect(message { _ = try checkpoints.latest() }.contains("state.json"))
        let text2 = #"{"formatVersion":2}"#
        try Data(text2.utf8).write(to: URL(filePath: "\(path)/state.json"))
        #expect(message { _ = try checkpoints.latest() } != "")
    }

    /// Whether a small file system can be mounted: as root, outside of most containers.
    private static let mayMount: Bool = {
        guard geteuid() == 0, let folder = try? TemporaryFolder() else { return false }
        guard mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", folder.path) == 0 else { return false }
        return run("/bin/umount", [folder.path]) == 0
    }()

    private static func mount(_ arguments: String...) -> Int32 {
        run("/bin/mount", arguments)
    }

    @discardableResult private static func run(_ program: String, _ arguments: [String]) -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test(.enabled("needs the right to mount a small file system") { mayMount })
    func aFullDiskLeavesTheEarlierOne() throws {
        let disk = folder.file("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        try #require(Self.mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", disk) == 0)
        defer { Self.run("/bin/umount", [disk]) }
        let checkpoints = CheckpointFolder(path: "\(disk)/checkpoints")
        try checkpoints.write(contents(step: 1, bytes: 256 << 10))
        let text = message { _ = try checkpoints.write(contents(step: 2, bytes: 400 << 10)) }
        #expect(text.contains("step-000001 is intact") && text.contains("No space left"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: checkpoints.path) == ["step-000001"])
        let tensor = try #require(try checkpoints.latest()).model().tensor(named: "w")
        #expect(try Tensor(tensor).array(of: Float.self).allSatisfy { $0 == 1 })
    }

    /// A file stands where the folder is to be made, which stops root too.
    @Test func anUnwritableFolderLeavesTheEarlierOne() throws {
        let checkpoints = folder(.init())
        try checkpoints.write(contents(step: 1))
        if geteuid() != 0 {
            try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: checkpoints.path)
            defer {
                try? FileManager.default.setAttributes(
                    [.posixPermissions: 0o755], ofItemAtPath: checkpoints.path)
            }
            #expect(
                message { _ = try checkpoints.write(contents(step: 2)) }.contains("step-000001 is intact"))
        }
        let blocked = CheckpointFolder(path: "\(checkpoints.path)/step-000001/state.json/below")
        #expect(message { _ = try blocked.write(contents(step: 2)) }.contains("was not written"))
        #expect(try checkpoints.latest()?.state.step == 1)
    }
}
