import Support
import FixtureSupport
import Foundation
import Synchronization
import Testing

@testable import Hub

@Suite struct FileDownloadTests {
    private static let contents = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 17 >> 2) }

    /// A server of one file, which may break off answers.
    private static func server(breaksAfter: @escaping @Sendable () -> Int?) throws -> LocalHub {
        try LocalHub { request in
            guard request.path == "/files/checkpoint" else { return .init(status: 404) }
            let headers = ["ETag": "\"a1\""]
            var answer = LocalHub.Answer(headers: headers, body: contents)
            if let range = request.headers["range"], let start = Int(range.dropFirst(6).dropLast()) {
                answer = .init(status: 206, headers: headers, body: Array(contents[start...]))
            }
            if request.method == "GET" { answer.breaksAfter = breaksAfter() }
            return answer
        }
    }

    @Test func aFileThatBrokeOffGoesOn() async throws {
        let folder = try TemporaryFolder()
        let limit = Mutex<Int?>(50_000)
        let server = try Self.server { limit.withLock { $0 } }
        let digest = SHA256.hash(Self.contents).hexadecimal
        let download = FileDownload(server.address + "/files/checkpoint", sha256: digest)
        let path = folder.path + "/new/checkpoint"
        await #expect(throws: HubError.self) { try await download.run(to: path) }
        #expect(!FileManager.default.fileExists(atPath: path))
        limit.withLock { $0 = nil }
        try await download.run(to: path)
        #expect([UInt8](try Data(contentsOf: URL(filePath: path))) == Self.contents)
        #expect(server.requests.last?.headers["range"] == "bytes=50000-")
        // What is there is not asked for again.
        let count = server.requests.count
        try await download.run(to: path)
        #expect(server.requests.count == count)
    }

    /// Storage servers mark some files in ways that a hub never does; what lies there has no part in it.
    @Test(arguments: [[:], ["ETag": "\"-CMjZ+w/=\""]])
    func aServerNeedNotNameContents(headers: [String: String]) async throws {
        let folder = try TemporaryFolder()
        let server = try LocalHub { _ in .init(headers: headers, body: Self.contents) }
        let path = folder.path + "/checkpoint"
        try await FileDownload(server.address + "/files/checkpoint").run(to: path)
        #expect([UInt8](try Data(contentsOf: URL(filePath: path))) == Self.contents)
    }

    @Test func otherContentsAreRemoved() async throws {
        let folder = try TemporaryFolder()
        let server = try Self.server { nil }
        let download = FileDownload(
            server.address + "/files/checkpoint", sha256: String(repeating: "0", count: 64))
        let error = await #expect(throws: HubError.self) {
            try await download.run(to: folder.path + "/checkpoint")
        }
        #expect(error?.description.contains("digest") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        await #expect(throws: HubError.self) {
            try await FileDownload(server.address + "/none").run(to: folder.path + "/none")
        }
    }

    /// A file that lies there already counts only with the digest that is wanted.
    @Test func aFileThatIsThereIsCompared() async throws {
        let folder = try TemporaryFolder()
        let server = try Self.server { nil }
        let path = try folder.write("old", "checkpoint")
        let digest = SHA256.hash(Self.contents).hexadecimal
        let error = await #expect(throws: HubError.self) {
            try await FileDownload(server.address + "/files/checkpoint", sha256: digest).run(to: path)
        }
        #expect(error?.description.contains("digest") == true)
        #expect(error?.subject == path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        #expect(server.requests.isEmpty)
        try await FileDownload(server.address + "/files/checkpoint").run(to: path)
        #expect(server.requests.isEmpty)
    }
}
