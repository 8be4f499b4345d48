import FVLM
import FixtureSupport
import Foundation
import Testing

/// Detectors on disk.
@Suite struct ModelFolderTests {
    @Test func writtenAndLoadedAgainItFindsTheSame() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let detector = try TestDetector.detector(isResNet: true)
        var configuration = detector.configuration
        configuration.clip = Fixtures.folder("clip").appending(path: "openai-rn/model.pt").path
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        try ModelFolder(folder).write(configuration, network: detector.network, vocabulary: vocabulary)
        let loaded = try Detector.load(folder)
        let stored = try Vocabulary(contentsOf: ModelFolder(folder).vocabulary)
        let found = try await loaded.detect([TestDetector.picture()], vocabulary: stored)[0]
        let before = try await detector.detect([TestDetector.picture()], vocabulary: vocabulary)[0]
        #expect(found.map(\.label) == before.map(\.label))
        for (a, b) in zip(found, before) { #expect(abs(a.score - b.score) < 1e-4) }

        var options = Detector.LoadingOptions()
        options.settings = ["input.size=64"]
        #expect(try Detector.load(folder, options: options).configuration.input.size == 64)
        options.settings = []
        options.dtype = .bfloat16
        #expect(
            try await !Detector.load(folder, options: options).detect(
                [TestDetector.picture()], vocabulary: stored
            ).isEmpty
        )
    }

    @Test func aFolderThatIsNoDetectorIsNamed() throws {
        let error = try #require(throws: ConfigurationError.self) { try Detector.load("/nowhere/detector") }
        #expect(error.description.contains("/nowhere/detector"))
    }

    /// A folder with a model and its CLIP, and what the model finds.
    private func written(in root: String, storage: ModelFolder.CLIPStorage) async throws -> [Float] {
        let files = FileManager.default
        try files.createDirectory(atPath: root, withIntermediateDirectories: true)
        try files.copyItem(
            at: Fixtures.folder("clip").appending(path: "openai-rn"), to: URL(filePath: root + "/clip"))
        let detector = try TestDetector.detector(isResNet: true)
        var configuration = detector.configuration
        configuration.clip = root + "/clip/model.pt"
        let vocabulary = try await detector.vocabulary(of: ["cat", "dog"], templates: .single)
        try ModelFolder(root + "/models/model").write(
            configuration, network: detector.network, vocabulary: vocabulary, clip: storage)
        return try await scores(root + "/models/model")
    }

    private func scores(_ folder: String) async throws -> [Float] {
        let vocabulary = try Vocabulary(contentsOf: ModelFolder(folder).vocabulary)
        return try await Detector.load(folder).detect([TestDetector.picture()], vocabulary: vocabulary)[0]
            .map(\.score)
    }

    /// The CLIP is named as seen from the model's folder: both can be moved together, and the shell may be anywhere.
    @Test func aModelIsMovedWithItsCLIP() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: root) }
        let before = try await written(in: root + "/here", storage: .reference)
        let text = try String(contentsOfFile: root + "/here/models/model/detector.yaml", encoding: .utf8)
        #expect(text.hasPrefix("clip: ../../clip/model.pt\n"))
        try FileManager.default.moveItem(atPath: root + "/here", toPath: root + "/there")
        #expect(try await scores(root + "/there/models/model") == before)

        // Without its CLIP it says what can be done, and nothing that no command can do.
        try FileManager.default.removeItem(atPath: root + "/there/clip")
        let error = try #require(throws: ConfigurationError.self) {
            try Detector.load(root + "/there/models/model")
        }
        #expect(error.description.contains("detector.yaml: clip: there is no CLIP '"))
        #expect(error.description.contains("--clip") && !error.description.contains("--download"))
        var options = Detector.LoadingOptions()
        options.clip = "nowhere/clip"
        let other = try #require(throws: ConfigurationError.self) {
            try Detector.load(root + "/there/models/model", options: options)
        }
        #expect(other.description.contains("clip: there is no CLIP 'nowhere/clip'"))
    }

    /// With a copy of its CLIP a model works alone.
    @Test func aModelCanHoldItsCLIP() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: root) }
        let before = try await written(in: root + "/here", storage: .copy)
        try FileManager.default.moveItem(atPath: root + "/here/models/model", toPath: root + "/model")
        try FileManager.default.removeItem(atPath: root + "/here")
        #expect(try await scores(root + "/model") == before)
    }
}
