import FVLM
import FixtureSupport
import Foundation
import Imaging
import Synchronization

@testable import Serving

/// A server on a free port of this machine, with the committed detector.
struct TestServer: Sendable {
    let client: TestClient
    let server: DetectionServer
    var service: DetectionService { server.service }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The model, loaded once for all tests.
    private static let loaded = Result {
        var model = LoadedModel(try Detector.load(root + "/Models/emoji-detector"), name: "emoji-detector")
        let words = try Vocabulary(
            encoding: classes.map { Vocabulary.Class($0) }, templates: .imageNet, with: model.detector.clip,
            tokenizer: model.detector.clip.tokenizer())
        model.vocabulary = words
        model.vocabularies["test"] = words
        return model
    }

    static var model: LoadedModel { get throws { try loaded.get() } }

    /// A committed picture.
    static func sample(_ number: Int) throws -> [UInt8] {
        [UInt8](
            try Data(
                contentsOf: URL(
                    filePath: root + "/Examples/EmojiScenes/Samples/\(String(format: "%06d", number)).jpg")))
    }

    static let classes = ["pizza", "dog face"]
    /// The same words as a saved vocabulary: encoding words takes longer than a picture.
    static let query = "vocabulary=test"

    /// What `fvlm detect --json` writes for a picture.
    static func expected(
        _ bytes: [UInt8], named name: String = "picture", masks: Bool = false,
        _ change: (inout ScoringOptions) -> Void = { _ in }
    ) async throws -> String {
        let model = try model
        guard let words = model.vocabulary else { throw TestClient.Failure(reason: "no words") }
        var options = model.options
        options.includesMasks = options.includesMasks && masks
        change(&options)
        let image = try Image(encoded: bytes)
        let found = try await model.detector.detect(
            [image], vocabulary: words, options: options)
        let presence =
            options.includesPresence
            ? Dictionary(
                uniqueKeysWithValues: zip(
                    words.names,
                    try await model.detector.encode([image], options: options).presences(of: words)[0]))
            : nil
        let answer = DetectionService.Answer(
            name: name, size: image.size, detections: found[0], presence: presence, image: nil)
        return String(decoding: try Answers.detections([answer], includesMasks: masks), as: UTF8.self)
    }

    /// Runs a server for as long as `body` runs.
    static func run(
        _ change: (inout ServerOptions) -> Void = { _ in },
        log: @escaping @Sendable (String) -> Void = { _ in },
        load: (@Sendable () async throws -> LoadedModel)? = nil, waits: Bool = true,
        _ body: @Sendable (TestServer) async throws -> Void
    ) async throws {
        var options = ServerOptions()
        options.port = 0
        options.requestSeconds = 300
        change(&options)
        let server = try DetectionServer(options, log: log) {
            if let load { try await load() } else { try model }
        }
        let (ports, port) = AsyncStream<Int>.makeStream()
        let task = Task {
            defer { port.finish() }
            try await server.run(
                endsOnSignals: false,
                onListening: { if !waits { port.yield($0) } },
                onReady: { port.yield(Int($0.split(separator: ":").last ?? "") ?? 0) })
        }
        var found: Int?
        for await port in ports {
            found = port
            break
        }
        guard let found else {
            try await task.value
            throw TestClient.Failure(reason: "the server has not started")
        }
        do {
            try await body(TestServer(client: TestClient(port: found), server: server))
        } catch {
            task.cancel()
            _ = await task.result
            throw error
        }
        task.cancel()
        _ = await task.result
    }

    /// Waits until something is so, for a while.
    static func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<500 {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }
}
