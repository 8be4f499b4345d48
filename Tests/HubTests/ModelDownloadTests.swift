import Support
import FixtureSupport
import Foundation
import Synchronization
import Testing

@testable import Hub

@Suite struct ModelDownloadTests {
    private static let commit = "0123456789abcdef0123456789abcdef01234567"

    /// A hub with one model, whose large files lie on another host's address, as on the real one.
    private final class Hub: Sendable {
        let files: [String: [UInt8]]
        let server: LocalHub

        init(
            _ files: [String: [UInt8]],
            changing change: @escaping @Sendable (LocalHub.Request, inout LocalHub.Answer) -> Void = { _, _ in
            }
        ) throws {
            self.files = files
            server = try LocalHub { request in
                var answer = Hub.answer(request, files)
                change(request, &answer)
                return answer
            }
        }

        private static func answer(_ request: LocalHub.Request, _ files: [String: [UInt8]]) -> LocalHub.Answer
        {
            if request.path == "/api/models/some/clip/revision/main" {
                let names = files.keys.sorted().map { "{\"rfilename\": \"\($0)\"}" }.joined(separator: ",")
                return .init(body: Array("{\"sha\": \"\(commit)\", \"siblings\": [\(names)]}".utf8))
            }
            let name = request.path.split(separator: "/").last.map { String($0) } ?? ""
            guard let contents = files[name] else { return .init(status: 404) }
            let isLarge = name.hasSuffix(".safetensors")
            if isLarge, request.path.hasPrefix("/some/clip/resolve/\(commit)/") {
                let digest = SHA256.hash(contents).hexadecimal
                return .init(
                    status: 302,
                    headers: [
                        "Location": "/storage/\(name)", "X-Linked-Etag": "\"\(digest)\"",
                        "X-Linked-Size": "\(contents.count)", "ETag": "\"other\"",
                    ])
            }
            guard isLarge || request.path == "/some/clip/resolve/\(commit)/\(name)" else {
                return .init(status: 404)
            }
            let headers = ["ETag": "\"\(SHA1.gitBlob(contents))\""]
            guard let range = request.headers["range"],
                let start = Int(range.dropFirst("bytes=".count).dropLast())
            else { return .init(headers: headers, body: contents) }
            return .init(status: 206, headers: headers, body: Array(contents[start...]))
        }

        func download(_ cache: TemporaryFolder, token: String = "secret") throws -> ModelDownload {
            guard let name = ModelName("some/clip") else { throw HubError("", reason: "") }
            return try ModelDownload(
                name, files: .some, cache: ModelCache(folder: cache.path),
                environment: ["HF_ENDPOINT": server.address + "/", "HF_TOKEN": token])
        }
    }

    private func files(_ weights: Int = 300_000) -> [String: [UInt8]] {
        [
            "config.json": Array("{}".utf8), "README.md": Array("no".utf8),
            "model.safetensors": (0..<weights).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) },
            "pytorch_model.bin": [1, 2, 3],
        ]
    }

    @Test func filesArriveInTheLayoutOfTheCache() async throws {
        let cache = try TemporaryFolder()
        let hub = try Hub(files())
        let received = Mutex<[String: Int]>([:])
        let folder = try await hub.download(cache).run { progress in
            received.withLock { $0[progress.file] = progress.received }
        }
        #expect(folder == "\(cache.path)/models--some--clip/snapshots/\(Self.commit)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(names == ["config.json", "model.safetensors"])
        for name in names {
            #expect([UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))) == hub.files[name])
            let target = try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")
            #expect(target.hasPrefix("../../blobs/"))
        }
        #expect(received.withLock { $0["model.safetensors"] } == 300_000)
        #expect(try ModelCache(folder: cache.path).path(of: "some/clip") == folder)

        // A second time nothing but the list is asked for.
        let before = hub.server.requests.count
        _ = try await hub.download(cache).run()
        #expect(hub.server.requests.dropFirst(before).map(\.path) == ["/api/models/some/clip/revision/main"])
    }

    @Test func interruptedFilesGoOn() async throws {
        let cache = try TemporaryFolder()
        let broken = Mutex(true)
        let hub = try Hub(files()) { request, answer in
            guard request.method == "GET", request.path == "/storage/model.safetensors",
                broken.withLock({ $0 })
            else { return }
            answer.breaksAfter = 100_000
        }
        await #expect(throws: HubError.self) { try await hub.download(cache).run() }
        #expect(throws: HubError.self) { try ModelCache(folder: cache.path).path(of: "some/clip") }
        broken.withLock { $0 = false }
        let folder = try await hub.download(cache).run()
        let weights = try Data(contentsOf: URL(filePath: "\(folder)/model.safetensors"))
        #expect([UInt8](weights) == hub.files["model.safetensors"])
        #expect(
            hub.server.requests.last { $0.path.hasPrefix("/storage") }?.headers["range"] == "bytes=100000-")
    }

    @Test func changedContentsAreRemoved() async throws {
        let cache = try TemporaryFolder()
        let hub = try Hub(files()) { request, answer in
            if request.method == "GET", request.path.hasPrefix("/storage") { answer.body[5] ^= 1 }
        }
        let error = await #expect(throws: HubError.self) { try await hub.download(cache).run() }
        #expect(error?.description.contains("digest") == true)
        let blobs = try FileManager.default.contentsOfDirectory(
            atPath: "\(cache.path)/models--some--clip/blobs")
        #expect(blobs.count == 1)
    }

    /// The storage's address is on the same host here, so it is the hub; another host must not get the token.
    @Test func tokensStayWithTheHub() async throws {
        let cache = try TemporaryFolder()
        let storage = try Hub(files())
        let elsewhere = storage.server.address
        let hub = try Hub(files()) { _, answer in
            if let location = answer.headers["Location"] { answer.headers["Location"] = elsewhere + location }
        }
        _ = try await hub.download(cache).run()
        #expect(hub.server.requests.allSatisfy { $0.headers["authorization"] == "Bearer secret" })
        #expect(!storage.server.requests.isEmpty)
        #expect(storage.server.requests.allSatisfy { $0.headers["authorization"] == nil })
    }

    @Test func refusalsSayWhatToDo() async throws {
        let cache = try TemporaryFolder()
        let hub = try Hub(files()) { _, answer in answer = .init(status: 401) }
        var error = await #expect(throws: HubError.self) { try await hub.download(cache).run() }
        #expect(error?.description.contains("HF_TOKEN") == true)
        let empty = try Hub(["config.json": [123, 125]])
        error = await #expect(throws: HubError.self) { try await empty.download(cache).run() }
        #expect(error?.description.contains("no supported weights") == true)
        let strange = try Hub(files()) { _, answer in answer.body = Array("<html>".utf8) }
        await #expect(throws: HubError.self) { try await strange.download(cache).run() }
        #expect(throws: HubError.self) {
            try ModelDownload(#require(ModelName("some/clip")), files: .some, revision: "../..")
        }
    }

    @Test func shardsFollowTheirIndex() async throws {
        let cache = try TemporaryFolder()
        let index =
            #"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}}"#
        let hub = try Hub([
            "config.json": [123, 125], "model.safetensors.index.json": Array(index.utf8),
            "one.safetensors": [1], "two.safetensors": [2, 2], "three.safetensors": [3],
        ])
        let folder = try await hub.download(cache).run()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                == ["config.json", "model.safetensors.index.json", "one.safetensors", "two.safetensors"])
    }
}

extension ModelDownload.Selection {
    /// Two forms of weights, of which the first that is there counts.
    fileprivate static let some = ModelDownload.Selection(
        weights: ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"],
        companions: ["config.json"])
}
