import CLIP
import FVLM
import FixtureSupport
import Foundation
import Testing

@testable import Serving

@Suite(.serialized) struct VocabularyRouteTests {
    @Test func clientsKeepVocabularies() async throws {
        let folder = try TemporaryFolder()
        let picture = try TestServer.sample(1)
        let expected = try await TestServer.expected(picture)
        let kept = folder.file("kept")
        try await TestServer.run {
            $0.vocabularyFolder = kept
            $0.vocabularyLimit = 2
        } _: { server in
            let client = server.client
            let made = try await client.send(
                "PUT", "/v1/vocabularies/food", body: Array("{\"classes\": [\"pizza\", \"dog face\"]}".utf8))
            #expect(made.status == 201)
            #expect(made.text == "{\"classes\":[\"pizza\",\"dog face\"],\"kept\":true,\"name\":\"food\"}\n")
            #expect(try await client.get("/v1/vocabularies/food").text == made.text)
            #expect(try await client.post("/v1/detect?vocabulary=food", picture).text == expected)
            for name in ["b", "c"] {
                // food was used last, so b makes room for c.
                _ = try await client.get("/v1/vocabularies/food")
                let other = try await client.send(
                    "PUT", "/v1/vocabularies/\(name)", body: Array("{\"classes\":[\"\(name)\"]}".utf8))
                #expect(other.status == 201)
            }
            #expect(try await client.get("/v1/vocabularies/b").status == 404)
        }
        #expect(
            folder.namesOf("kept").filter { $0.hasSuffix(".safetensors") } == [
                "c.safetensors", "food.safetensors",
            ])
        try await TestServer.run {
            $0.vocabularyFolder = kept
        } _: { server in
            let client = server.client
            let again = try await client.post("/v1/detect?vocabulary=food", picture)
            #expect(again.text == expected)
            #expect(try await client.send("DELETE", "/v1/vocabularies/food").status == 204)
            #expect(try await client.send("DELETE", "/v1/vocabularies/food").status == 404)
            #expect(try await client.post("/v1/detect?vocabulary=food", picture).status == 404)
            #expect(try await client.get("/v1/vocabularies").text.contains("\"name\":\"c\""))
        }
        #expect(folder.namesOf("kept").filter { $0.hasSuffix(".safetensors") } == ["c.safetensors"])
    }

    @Test func theServersOwnCannotBeReplaced() async throws {
        try await TestServer.run(load: {
            var model = try TestServer.model
            model.vocabularies["road"] = try await model.detector.vocabulary(of: ["car"])
            return model
        }) { server in
            let answer = try await server.client.send(
                "PUT", "/v1/vocabularies/road", body: Array("{\"classes\":[\"bus\"]}".utf8))
            #expect(answer.status == 409)
            #expect(try await server.client.send("DELETE", "/v1/vocabularies/road").status == 409)
            #expect(try await server.client.get("/v1/vocabularies/road").text.contains("[\"car\"]"))
            #expect(
                try await server.client.get("/v1/models").text.contains(
                    "\"vocabularies\":[\"road\",\"test\"]"))
        }
    }

    @Test func refusals() async throws {
        let requests = [
            (".hidden", "{\"classes\":[\"a\"]}"), ("a%2Fb", "{\"classes\":[\"a\"]}"),
            ("..", "{\"classes\":[\"a\"]}"),
            ("ok", "{}"), ("ok", "{\"classes\":[]}"), ("ok", "{\"classes\":[1]}"), ("ok", "[]"), ("ok", ""),
            ("ok", "{\"classes\":[\"a\",\"A\"]}"), ("ok", "{\"classes\":[\" \"]}"),
            ("ok", "{\"classes\":[\"a\"],\"x\":1}"),
            ("ok", "{\"examples\":[{\"class\":\"a\",\"box\":[0,0,1,1]}]}"),
        ]
        try await TestServer.run { server in
            for (name, body) in requests {
                let answer = try await server.client.send(
                    "PUT", "/v1/vocabularies/\(name)", body: Array(body.utf8))
                #expect([400, 404].contains(answer.status), "\(name) \(body) \(answer.text)")
            }
            #expect(await server.service.vocabularies.all.map(\.name) == ["test"])
        }
    }

    @Test func synonymsCount() async throws {
        let picture = try TestServer.sample(1)
        try await TestServer.run { server in
            let made = try await server.client.send(
                "PUT", "/v1/vocabularies/drink",
                body: Array("{\"classes\":[{\"name\":\"cup\",\"synonyms\":[\"hot beverage\"]}]}".utf8))
            #expect(made.status == 201)
            let known = try await server.service.vocabularies.named("drink").known.vocabulary
            let direct = try await TestServer.model.detector.vocabulary(
                of: [Vocabulary.Class("cup", synonyms: ["hot beverage"])])
            #expect(try known.digest() == direct.digest())
            #expect(try await server.client.post("/v1/detect?vocabulary=drink", picture).status == 200)
        }
    }

    @Test func wordsAreEncodedOnce() async throws {
        let picture = try TestServer.sample(1)
        try await TestServer.run { server in
            for _ in 0..<3 { _ = try await server.client.post("/v1/detect?classes=pizza", picture) }
            let text = try await server.client.get("/metrics").text
            #expect(text.contains("fvlm_vocabulary_total{known=\"yes\"} 2\n"))
            #expect(text.contains("fvlm_vocabulary_total{known=\"no\"} 1\n"))
        }
    }
}
