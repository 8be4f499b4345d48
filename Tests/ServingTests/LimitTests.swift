import FVLM
import Foundation
import Imaging
import Synchronization
import Testing

@testable import Serving

/// What a server refuses, and what it does under load.
@Suite(.serialized) struct LimitTests {
    @Test func impossibleRequestsAreRefusedWithAReason() async throws {
        let picture = try TestServer.sample(1)
        let data = Data(picture).base64EncodedString()
        let requests: [(path: String, type: String, body: [UInt8], status: Int, word: String)] = [
            ("?classes=a", "image/png", [], 400, "no picture"),
            ("?classes=a", "image/png", Array("hello".utf8), 400, "known format"),
            ("?classes=a", "image/jpeg", Array(picture.prefix(300)), 400, "JPEG"),
            ("?classes=", "image/jpeg", picture, 400, "empty"),
            ("?classes=a&classes=A", "image/jpeg", picture, 400, "same"),
            ("?classes=a&vocabulary=b", "image/jpeg", picture, 400, "exclusive"),
            ("?vocabulary=nothing", "image/jpeg", picture, 404, "nothing"),
            ("?encoded=nothing", "image/jpeg", [], 404, "handle"),
            ("?encoded=nothing", "image/jpeg", picture, 400, "stands for"),
            ("?clases=a", "image/jpeg", picture, 400, "clases"),
            ("?score_threshold=2", "image/jpeg", picture, 400, "score_threshold"),
            ("?score_threshold=nan", "image/jpeg", picture, 400, "score_threshold"),
            ("?limit=0", "image/jpeg", picture, 400, "limit"),
            ("?limit=1.5", "image/jpeg", picture, 400, "limit"),
            ("?masks=perhaps", "image/jpeg", picture, 400, "masks"),
            ("?threshold=worst", "image/jpeg", picture, 400, "best"),
            ("?calibrated=true", "image/jpeg", picture, 400, "calibration"),
            ("?classes=%ff", "image/jpeg", picture, 400, "percent"),
            ("?classes=" + String(repeating: "a", count: 300), "image/jpeg", picture, 400, "characters"),
            ("", "application/json", Array("{".utf8), 400, "JSON"),
            ("", "application/json", Array("[]".utf8), 400, "object"),
            ("", "application/json", Array("{\"picture\": 1}".utf8), 400, "base64"),
            ("", "application/json", Array("{\"picture\": \"?\"}".utf8), 400, "base64"),
            ("", "application/json", Array("{\"picture\": {\"url\": \"x\"}}".utf8), 400, "url"),
            (
                "", "application/json", Array("{\"picture\": \"\(data)\", \"picture\": \"\(data)\"}".utf8),
                400, "twice"
            ),
            (
                "", "application/json", Array("{\"picture\": \"\(data)\", \"examples\": [{}]}".utf8), 400,
                "example"
            ),
            (
                "", "application/json",
                Array(
                    "{\"picture\":\"\(data)\",\"examples\":[{\"class\":\"a\",\"box\":[0,0,1,1],\"picture\":1}]}"
                        .utf8),
                400, "picture 1"
            ),
            ("", "multipart/form-data", picture, 400, "form"),
            ("", "multipart/form-data; boundary=x", Array("--x\r\nfoo".utf8), 400, "form"),
            ("", "multipart/form-data; boundary=x", Array("--x--\r\n".utf8), 400, "no picture"),
        ]
        try await TestServer.run { server in
            for request in requests {
                let answer = try await server.client.post(
                    "/v1/detect" + request.path, request.body, type: request.type)
                #expect(answer.status == request.status, "\(request.path) \(answer.text)")
                #expect(answer.text.contains(request.word), "\(request.path) \(answer.text)")
                #expect(answer.text.contains("\"request_id\":"))
            }
            #expect(try await server.client.get("/nothing").status == 404)
            #expect(server.service.pictures.used == 0)
            #expect(try await TestServer.eventually { server.service.memory.used == 0 })
        }
    }

    @Test func sizesAreLimited() async throws {
        let picture = try TestServer.sample(1)
        let small = try Image(width: 8, height: 8, pixels: [UInt8](repeating: 9, count: 192)).encoded(
            as: .png())
        try await TestServer.run {
            $0.bodyLimit = picture.count
            $0.pixelLimit = 100
            $0.pictureLimit = 2
            $0.classLimit = 3
        } _: { server in
            let client = server.client
            #expect(try await client.post("/v1/detect", picture + [0]).status == 413)
            let pixels = try await client.post("/v1/detect", picture)
            #expect(pixels.status == 413)
            #expect(pixels.text.contains("limit of 100 pixels"))
            #expect(try await client.post("/v1/detect", small).status == 200)
            let three = Form((0..<3).map { .file("picture", "\($0).png", small) })
            #expect(try await client.post("/v1/detect", three.bytes, type: three.type).status == 413)
            #expect(
                try await client.post("/v1/detect?classes=a&classes=b&classes=c&classes=d", small).status
                    == 413)
            // Without a length, too much is noticed while it comes.
            var parts = [
                Array("POST /v1/detect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            ]
            let chunk = [UInt8](repeating: 1, count: 65_536)
            for _ in 0..<(picture.count / 65_536 + 3) {
                parts.append(Array("10000\r\n".utf8) + chunk + Array("\r\n".utf8))
            }
            #expect(try TestClient.answer(try await client.exchange(parts)).status == 413)
            #expect(try await TestServer.eventually { server.service.memory.used == 0 })
        }
    }

    @Test func aFullQueueRefuses() async throws {
        let picture = try TestServer.sample(1)
        try await TestServer.run {
            $0.queueLimit = 2
        } _: { server in
            let taken = try #require(server.service.pictures.take(2))
            let refused = try await server.client.post("/v1/detect?classes=pizza", picture)
            #expect(refused.status == 429)
            #expect(Int(refused.headers["retry-after"] ?? "").map { $0 >= 1 } == true)
            withExtendedLifetime(taken) {}
        }
        try await TestServer.run { server in
            let taken = try #require(server.service.memory.take(server.service.memory.limit))
            #expect(try await server.client.post("/v1/detect", picture).status == 429)
            withExtendedLifetime(taken) {}
        }
    }

    @Test func aRequestHasADeadline() async throws {
        let picture = try TestServer.sample(1)
        try await TestServer.run {
            $0.requestSeconds = 0.2
        } _: { server in
            let gate = Gate()
            async let held = server.service.queue.turn(for: "test") { await gate.wait() }
            let late = try await server.client.post("/v1/detect?\(TestServer.query)", picture)
            #expect(late.status == 504)
            #expect(
                try await server.client.get("/metrics").text.contains(
                    "fvlm_refusals_total{reason=\"deadline\"} 1\n"))
            #expect(try await TestServer.eventually { server.service.pictures.used == 0 })
            gate.open()
            _ = try await held
        }
    }

    @Test func whatAClientLeavesIsDropped() async throws {
        let picture = try TestServer.sample(1)
        let head =
            "POST /v1/detect?\(TestServer.query) HTTP/1.1\r\nHost: a\r\nContent-Length: \(picture.count)\r\n\r\n"
        try await TestServer.run { server in
            // The words are known, so that the picture waits for its turn.
            _ = try await server.client.post("/v1/detect?\(TestServer.query)", picture)
            let gate = Gate()
            async let held = server.service.queue.turn(for: "test") { await gate.wait() }
            _ = try await server.client.exchange([Array(head.utf8) + picture], closesAfter: true)
            let isLeft = try await TestServer.eventually {
                try await server.client.get("/metrics").text.contains(
                    "fvlm_refusals_total{reason=\"left\"} 1\n")
            }
            #expect(isLeft)
            #expect(try await TestServer.eventually { server.service.pictures.used == 0 })
            gate.open()
            _ = try await held
            #expect(try await server.client.get("/metrics").text.contains("fvlm_pictures_total 1\n"))
        }
    }

    @Test func slowClientsAreCutOff() async throws {
        try await TestServer.run {
            $0.headSeconds = 0.3
            $0.bodySeconds = 0.3
            $0.idleSeconds = 0.3
        } _: { server in
            let letters = Array("POST /v1/detect HTTP/1.1\r\n".utf8).map { [$0] }
            let start = ContinuousClock.now
            let head = try await server.client.exchange(letters, pause: 0.1)
            #expect(head.isEmpty)
            let body = try await server.client.exchange(
                [Array("POST /v1/detect HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n".utf8)] + [
                    [1], [2], [3], [4], [5], [6], [7], [8],
                ],
                pause: 0.1)
            #expect(try TestClient.answer(body).status == 408)
            // A connection that is kept open without a request.
            let idle = try await server.client.exchange([
                Array("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            ])
            #expect(try TestClient.answer(idle).status == 200)
            #expect(ContinuousClock.now - start < .seconds(20))
        }
    }

    @Test func malformedBytesDoNoHarm() async throws {
        var bytes: [[UInt8]] = [
            "GET", "GET / HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n",
            "GET /%00%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "POST /v1/detect HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            "POST /v1/detect HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST /v1/detect HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "POST /v1/detect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        ].map { Array($0.utf8) }
        bytes.append(
            Array("GET / HTTP/1.1\r\nX: ".utf8) + [UInt8](repeating: 97, count: 200_000)
                + Array("\r\n\r\n".utf8))
        bytes.append((0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 73) })
        let all = bytes
        try await TestServer.run {
            $0.headSeconds = 0.5
            $0.bodySeconds = 0.5
        } _: { server in
            for bytes in all {
                let received = try await server.client.exchange([bytes])
                if let answer = try? TestClient.answer(received) {
                    #expect((400..<500).contains(answer.status))
                }
            }
            #expect(try await server.client.get("/healthz").status == 200)
        }
    }

    @Test func clientsTakeTurns() async throws {
        let queue = NetworkQueue(batchLimit: 1, batchSeconds: 0, metrics: ServerMetrics())
        let gate = Gate()
        let order = Names()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await queue.turn(for: "first") { await gate.wait() } }
            try await Task.sleep(for: .milliseconds(50))
            for (client, name) in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1")] {
                group.addTask {
                    _ = try await queue.turn(for: client) { order.add(name) }
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            gate.open()
            try await group.waitForAll()
        }
        #expect(order.all == ["a1", "b1", "c1", "a2", "a3"])
    }

    @Test func aLongNameInABodyExpectsToContinue() async throws {
        let picture = try TestServer.sample(1)
        let expected = try await TestServer.expected(picture)
        let head =
            "POST /v1/detect?\(TestServer.query) HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n"
            + "Content-Length: \(picture.count)\r\n\r\n"
        try await TestServer.run { server in
            let received = try await server.client.exchange([Array(head.utf8), picture], pause: 0.2)
            #expect(String(decoding: received.prefix(12), as: UTF8.self) == "HTTP/1.1 100")
            #expect(try TestClient.answer(received).text == expected)
        }
    }

    @Test func impossibleOptionsAreRefused() {
        for change in [
            { $0.queueLimit = 0 }, { $0.port = 70_000 }, { $0.requestSeconds = .nan },
            { $0.certificates = "a" },
            { $0.batchSeconds = 2 },
        ] as [(inout ServerOptions) -> Void] {
            var options = ServerOptions()
            change(&options)
            let wrong = options
            #expect(throws: ConfigurationError.self) { try wrong.validate() }
        }
    }
}

/// Names in the order in which they were added.
private final class Names: Sendable {
    private let names = Mutex<[String]>([])

    var all: [String] { names.withLock { $0 } }
    func add(_ name: String) { names.withLock { $0.append(name) } }
}

/// Something that is waited for until it is opened.
final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let source: AsyncStream<Void>.Continuation

    init() { (stream, source) = AsyncStream<Void>.makeStream() }

    func open() { source.finish() }
    func wait() async { for await _ in stream {} }
}
