import FVLM
import Foundation
import Support
import Synchronization
import Testing

@testable import Serving

@Suite(.serialized) struct ServerTests {
    private static let tokens = ["0123456789abcdef-first", "0123456789abcdef-second"]

    @Test func tokensLetIn() async throws {
        let picture = try TestServer.sample(1)
        let lines = Mutex<[String]>([])
        try await TestServer.run {
            $0.tokens = Self.tokens
        } log: { line in
            lines.withLock { $0.append(line) }
        } _: { server in
            let client = server.client
            for path in ["/healthz", "/readyz", "/openapi.json"] {
                #expect(try await client.get(path).status == 200)
            }
            // Label Studio's webhooks have no token.
            #expect(try await client.post("/webhook", json: "{}").status == 201)
            for path in ["/v1/models", "/metrics", "/v1/vocabularies", "/versions"] {
                let answer = try await client.get(path)
                #expect(answer.status == 401)
                #expect(answer.headers["www-authenticate"] == "Bearer")
            }
            for token in ["", "x", "0123456789abcdef-firs", "0123456789abcdef-first "] {
                let answer = try await client.get("/v1/models", ["Authorization": "Bearer \(token)x"])
                #expect(answer.status == 401)
            }
            for token in Self.tokens {
                #expect(
                    try await client.get("/v1/models", ["Authorization": "Bearer \(token)"]).status == 200)
                let basic = Data("user:\(token)".utf8).base64EncodedString()
                #expect(try await client.get("/v1/models", ["authorization": "Basic \(basic)"]).status == 200)
            }
            // What one has encoded is not another's.
            let made = try await client.send(
                "POST", "/v1/encode", ["Authorization": "Bearer \(Self.tokens[0])"], body: picture)
            let handle = try #require(made.text.firstMatch(of: /"encoded":"([0-9a-f]{32})"/)?.1)
            let path = "/v1/detect?classes=pizza&encoded=\(handle)"
            #expect(
                try await client.send("POST", path, ["Authorization": "Bearer \(Self.tokens[1])"]).status
                    == 404)
            #expect(
                try await client.send("POST", path, ["Authorization": "Bearer \(Self.tokens[0])"]).status
                    == 200)
        }
        let log = lines.withLock { $0 }.joined(separator: "\n")
        #expect(log.contains("/v1/models 401"))
        #expect(!log.contains("0123456789abcdef"))
        #expect(!log.contains("classes=pizza"))
    }

    @Test func requestIDsAreTakenOver() async throws {
        let lines = Mutex<[String]>([])
        try await TestServer.run(log: { line in lines.withLock { $0.append(line) } }) { server in
            let answer = try await server.client.get("/v1/models", ["X-Request-ID": "abc-1.2_3"])
            #expect(answer.headers["x-request-id"] == "abc-1.2_3")
            let other = try await server.client.get("/v1/models", ["X-Request-ID": "a b"])
            #expect(other.headers["x-request-id"]?.count == 32)
        }
        #expect(lines.withLock { $0 }.contains { $0.hasPrefix("request abc-1.2_3: GET /v1/models 200 ") })
    }

    @Test func otherOriginsAreNotAnswered() async throws {
        let headers = ["Origin": "https://a.example"]
        try await TestServer.run { server in
            #expect(
                try await server.client.get("/v1/models", headers).headers["access-control-allow-origin"]
                    == nil)
            let asked = try await server.client.send("OPTIONS", "/v1/detect", headers)
            #expect(asked.headers["access-control-allow-origin"] == nil)
        }
        try await TestServer.run {
            $0.origins = ["https://a.example"]
        } _: { server in
            let answer = try await server.client.get("/v1/models", headers)
            #expect(answer.headers["access-control-allow-origin"] == "https://a.example")
            let asked = try await server.client.send("OPTIONS", "/v1/detect", headers)
            #expect(asked.status == 204)
            #expect(asked.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE")
            let other = try await server.client.get("/v1/models", ["Origin": "https://b.example"])
            #expect(other.headers["access-control-allow-origin"] == nil)
        }
    }

    @Test func aLoadingModelIsNotReady() async throws {
        let gate = Gate()
        let picture = try TestServer.sample(1)
        try await TestServer.run(
            load: {
                await gate.wait()
                return try TestServer.model
            }, waits: false
        ) { server in
            #expect(try await server.client.get("/healthz").status == 200)
            #expect(try await server.client.get("/readyz").status == 503)
            let early = try await server.client.post("/v1/detect", picture)
            #expect(early.status == 503)
            #expect(early.headers["retry-after"] == "5")
            gate.open()
            #expect(try await TestServer.eventually { try await server.client.get("/readyz").status == 200 })
            #expect(try await server.client.post("/v1/detect?classes=pizza", picture).status == 200)
        }
    }

    @Test func aModelThatCannotBeLoadedEndsTheServer() async throws {
        struct Broken: Error {}
        let lines = Mutex<[String]>([])
        var options = ServerOptions()
        options.port = 0
        let server = try DetectionServer(options, log: { line in lines.withLock { $0.append(line) } }) {
            throw Broken()
        }
        await #expect(throws: Broken.self) { try await server.run(endsOnSignals: false) }
        #expect(lines.withLock { $0 } == [])
    }

    @Test func whyItCannotListenIsSaid() async throws {
        try await TestServer.run { first in
            for (host, port, reason) in [
                ("127.0.0.1", first.client.port, "another program listens there"),
                ("192.0.2.1", 0, "this machine has no such address"),
                ("no.invalid", 0, "the host is not found"),
            ] {
                var options = ServerOptions()
                (options.host, options.port) = (host, port)
                let server = try DetectionServer(options) { try TestServer.model }
                let error = await #expect(throws: ConfigurationError.self) {
                    try await server.run(endsOnSignals: false)
                }
                #expect(error?.origin == "\(host), port \(port)")
                #expect(error?.reason.contains(reason) ?? false, "\(error?.reason ?? "")")
            }
        }
    }

    @Test func metricsCount() async throws {
        let picture = try TestServer.sample(1)
        try await TestServer.run { server in
            _ = try await server.client.post("/v1/detect?\(TestServer.query)", picture)
            _ = try await server.client.post("/v1/detect?limit=0", picture)
            let text = try await server.client.get("/metrics").text
            for line in [
                "fvlm_requests_total{route=\"/v1/detect\",status=\"200\"} 1",
                "fvlm_requests_total{route=\"/v1/detect\",status=\"400\"} 1",
                "fvlm_request_seconds_count{route=\"/v1/detect\"} 2",
                "fvlm_batch_pictures_bucket{le=\"1\"} 1",
                "fvlm_pictures_total 1", "fvlm_ready 1", "fvlm_open_requests 1", "fvlm_queue_pictures 0",
            ] { #expect(text.contains(line + "\n"), "\(line)") }
            for stage in ["decoding", "queue", "network", "trunk"] {
                #expect(text.contains("fvlm_stage_seconds_total{stage=\"\(stage)\"} "))
            }
        }
    }

    /// The document names every route, and every route that it names is there.
    @Test func theDocumentNamesTheRoutes() async throws {
        try await TestServer.run { server in
            let answer = try await server.client.get("/openapi.json")
            guard
                case .object(let document) = try answer.body.withUnsafeBytes({ try JSONValue(parsing: $0) }),
                case .object(let paths) = document["paths"]
            else {
                Issue.record("no paths")
                return
            }
            var documented: Set<String> = []
            for (path, item) in paths {
                guard case .object(let methods) = item else { continue }
                for method in methods.keys {
                    documented.insert(
                        "\(method.uppercased()) \(path.replacing("{", with: ":").replacing("}", with: ""))")
                }
            }
            #expect(documented == Set(server.server.routeNames))
        }
    }
}
