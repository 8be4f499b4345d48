import ArgumentParser
import FixtureSupport
import Foundation
import Testing
import WeightFiles

@testable import FVLMCommand

@Suite struct InspectCommandTests {
    /// A folder is inspected as it is loaded: OpenCLIP's and Hugging Face's names of weights.
    @Test("B38: folders of models", arguments: ["open_clip_model.safetensors", "model.safetensors"])
    func foldersOfModels(_ name: String) throws {
        let folder = try TemporaryFolder()
        let header = #"{"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        try folder.write(length + Array(header.utf8) + [UInt8](repeating: 0, count: 8), "clip/\(name)")
        try folder.write("{}", "clip/open_clip_config.json")
        let run = try Program(["inspect", folder.file("clip")])
        #expect(run.status == 0 && run.output.contains("a.weight"), "\(run.errors)")
    }

    @Test func filesThatAreNone() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "fvlm-\(UUID().uuidString).pt").path
        try Data("not a weight file at all".utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        var command = try FVLMTool.parseAsRoot(["inspect", path])
        let error = #expect(throws: WeightFileError.self) { try command.run() }
        #expect(error?.exitStatus.rawValue == 65)
    }
}
