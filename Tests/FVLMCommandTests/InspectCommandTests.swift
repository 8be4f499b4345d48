import ArgumentParser
import Foundation
import Testing
import WeightFiles

@testable import FVLMCommand

@Suite struct InspectCommandTests {
    @Test func filesThatAreNone() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "fvlm-\(UUID().uuidString).pt").path
        try Data("not a weight file at all".utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        var command = try FVLMTool.parseAsRoot(["inspect", path])
        let error = #expect(throws: WeightFileError.self) { try command.run() }
        #expect(error?.exitStatus.rawValue == 65)
    }
}
