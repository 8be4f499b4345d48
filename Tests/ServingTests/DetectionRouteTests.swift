import FVLM
import Foundation
import Imaging
import Testing

@testable import Serving

/// Answers over HTTP are those of `fvlm detect --json`, whatever door is taken.
@Suite(.serialized) struct DetectionRouteTests {
    @Test func everyDoorGivesWhatDetectWrites() async throws {
        let picture = try TestServer.sample(1)
        let expected = try await TestServer.expected(picture)
        #expect(expected.contains("\"label\":"))
        let named = try await TestServer.expected(picture, named: "a b.jpg")
        let base64 = Data(picture).base64EncodedString()
        let words = "[\"pizza\", \"dog face\"]"
        try await TestServer.run { server in
            let raw = try await server.client.post("/v1/detect?classes=pizza&classes=dog+face", picture)
            #expect(raw.status == 200)
            #expect(raw.headers["content-type"] == "application/json")
            #expect(raw.text == expected)
            #expect(raw.headers["server-timing"]?.contains("network;dur=") == true)
            #expect(raw.headers["x-request-id"]?.isEmpty == false)
            let given = try await server.client.post("/v1/detect?\(TestServer.query)&name=a%20b.jpg", picture)
            #expect(given.text == named)
            let json = try await server.client.post(
                "/v1/detect",
                json: "{\"classes\": \(words), \"picture\": {\"name\": \"a b.jpg\", \"data\": \"\(base64)\"}}"
            )
            #expect(json.text == named)
            // The type that curl gives where it is told none.
            let untold = try await server.client.post(
                "/v1/detect",
                Array(
                    " {\"classes\": \(words), \"picture\": {\"name\": \"a b.jpg\", \"data\": \"\(base64)\"}}"
                        .utf8),
                type: "application/x-www-form-urlencoded")
            #expect(untold.text == named)
            let address = try await server.client.post(
                "/v1/detect",
                json:
                    "{\"classes\": \(words), \"pictures\": [{\"name\": \"a b.jpg\", \"data\": \"data:image/jpeg;base64,\(base64)\"}]}"
            )
            #expect(address.text == named)
            let form = Form([
                .field("classes", "pizza"), .field("classes", "dog face"),
                .file("picture", "a b.jpg", picture),
            ])
            let multipart = try await server.client.post("/v1/detect", form.bytes, type: form.type)
            #expect(multipart.text == named)
        }
    }

    @Test func severalPicturesAreLinesInOrder() async throws {
        let pictures = try [1, 3, 5].map { try TestServer.sample($0) }
        var expected = ""
        for (place, picture) in pictures.enumerated() {
            expected += try await TestServer.expected(picture, named: "\(place).jpg")
        }
        let all = expected
        try await TestServer.run { server in
            let form = Form(pictures.enumerated().map { .file("picture", "\($0).jpg", $1) })
            let answer = try await server.client.post(
                "/v1/detect?\(TestServer.query)", form.bytes, type: form.type)
            #expect(answer.headers["content-type"] == "application/x-ndjson")
            #expect(answer.text == all)
        }
    }

    @Test func thresholdLimitAndMasks() async throws {
        let picture = try TestServer.sample(3)
        let expected = try await TestServer.expected(picture, masks: true) {
            $0.scoreThreshold = 0.2
            $0.limit = 3
        }
        #expect(expected.contains("\"counts\""))
        try await TestServer.run { server in
            let answer = try await server.client.post(
                "/v1/detect?\(TestServer.query)&masks=true&score_threshold=0.2&limit=3", picture)
            #expect(answer.text == expected)
        }
    }

    /// How likely the picture has each class: of a picture that is sent, in a batch or alone, and of an encoded one.
    @Test func presencesAreTold() async throws {
        let picture = try TestServer.sample(3)
        let expected = try await TestServer.expected(picture) { $0.includesPresence = true }
        #expect(expected.contains("\"presence\":{\"dog face\":0."))
        let plain = try await TestServer.expected(picture)
        #expect(!plain.contains("presence"))
        try await TestServer.run({ $0.encodedLimit = 1 }) { server in
            let answer = try await server.client.post(
                "/v1/detect?\(TestServer.query)&presence=true", picture)
            #expect(answer.text == expected)
            let made = try await server.client.post("/v1/encode", picture)
            let handle = try #require(made.text.firstMatch(of: /"encoded":"([0-9a-f]{32})"/)?.1)
            let asked = try await server.client.post(
                "/v1/detect?\(TestServer.query)&presence=true&encoded=\(handle)", [])
            #expect(asked.text == expected)
            let wrong = try await server.client.post(
                "/v1/detect?\(TestServer.query)&presence=maybe", picture)
            #expect(wrong.status == 400 && wrong.text.contains("presence must be true or false"))
        }
    }

    @Test func aDrawingIsWhatDetectDraws() async throws {
        let picture = try TestServer.sample(1)
        let model = try TestServer.model
        let image = try Image(encoded: picture)
        let found = try await model.detector.detect(
            [image], vocabulary: #require(model.vocabulary), options: model.options)
        let expected = try Annotator().draw(found[0], on: image)
        try await TestServer.run { server in
            let answer = try await server.client.send(
                "POST", "/v1/detect?\(TestServer.query)", ["Accept": "image/png, */*"], body: picture)
            #expect(answer.headers["content-type"] == "image/png")
            let image = try Image(encoded: answer.body)
            #expect(image.pixels == expected.pixels)
            let jpeg = try await server.client.send(
                "POST", "/v1/detect?\(TestServer.query)", ["Accept": "image/jpeg"], body: picture)
            let drawn = try expected.encoded(as: .jpeg())
            #expect(jpeg.body == drawn)
            let neither = try await server.client.send(
                "POST", "/v1/detect?\(TestServer.query)", ["Accept": "text/html"], body: picture)
            #expect(neither.status == 406)
        }
    }

    @Test func anEncodedPictureAnswersAsThePictureDoes() async throws {
        let picture = try TestServer.sample(5)
        let expected = try await TestServer.expected(picture, named: "five.jpg")
        try await TestServer.run {
            $0.encodedLimit = 1
        } _: { server in
            let made = try await server.client.post("/v1/encode?name=five.jpg", picture)
            #expect(made.status == 201)
            let handle = try #require(made.text.firstMatch(of: /"encoded":"([0-9a-f]{32})"/)?.1)
            let asked = try await server.client.post("/v1/detect?\(TestServer.query)&encoded=\(handle)", [])
            #expect(asked.text == expected)
            // Another one takes its room.
            _ = try await server.client.post("/v1/encode", picture)
            let gone = try await server.client.post("/v1/detect?\(TestServer.query)&encoded=\(handle)", [])
            #expect(gone.status == 404)
        }
    }

    @Test func anEncodedPictureExpires() async throws {
        let store = EncodedPictures(limit: 4, seconds: 0.05)
        let model = try TestServer.model
        let image = try Image(encoded: TestServer.sample(1))
        let seen = try await model.detector.encode([image])
        let handle = store.insert(.init(picture: seen, name: "a", size: image.size, owner: "me"))
        #expect(try store.entry(handle, for: "me").name == "a")
        #expect(throws: RequestFault.self) { try store.entry(handle, for: "you") }
        try await Task.sleep(for: .milliseconds(80))
        #expect(throws: RequestFault.self) { try store.entry(handle, for: "me") }
        store.forgetExpired()
        #expect(store.count == 0)
    }

    @Test func examplesShowClasses() async throws {
        let picture = try TestServer.sample(1)
        let model = try TestServer.model
        let image = try Image(encoded: picture)
        let own = try #require(model.vocabulary)
        var collector = ExampleCollector(model.detector)
        let box = Box(x1: 20, y1: 30, x2: 80, y2: 100)
        try collector.add(image, named: "picture 1", [ExampleBox(className: "mine", box: box)])
        let vocabulary = try collector.vocabulary(beside: own)
        var options = model.options
        options.includesMasks = false
        let found = try await model.detector.detect([image], vocabulary: vocabulary, options: options)
        let expected = String(
            decoding: try Answers.detections(
                [.init(name: "picture 1", size: image.size, detections: found[0], presence: nil, image: nil)],
                includesMasks: false), as: UTF8.self)
        let data = Data(picture).base64EncodedString()
        try await TestServer.run { server in
            let answer = try await server.client.post(
                "/v1/detect",
                json: "{\"picture\":\"\(data)\",\"examples\":[{\"class\":\"mine\",\"box\":[20,30,60,70]}]}")
            #expect(answer.text == expected)
            let outside = try await server.client.post(
                "/v1/detect",
                json: "{\"picture\":\"\(data)\",\"examples\":[{\"class\":\"mine\",\"box\":[9999,30,60,70]}]}")
            #expect(outside.status == 400)
        }
    }

    @Test func batchedAnswersDifferInTheLastDigitsAtMost() async throws {
        let picture = try TestServer.sample(1)
        let model = try TestServer.model
        let words = KnownVocabulary(try #require(model.vocabulary))
        var options = model.options
        options.includesMasks = false
        let scoring = options
        let alone = try await model.detector.detect(
            [Image(encoded: picture)], vocabulary: words.vocabulary, options: scoring)[0]
        let metrics = ServerMetrics()
        let queue = NetworkQueue(batchLimit: 4, batchSeconds: 0.5, metrics: metrics)
        let prepared = try model.detector.prepare(Image(encoded: picture))
        let all = try await withThrowingTaskGroup(of: [Detection].self) { group in
            for client in ["a", "a", "b", "c"] {
                group.addTask {
                    try await queue.detect(prepared, words, scoring, with: model.detector, for: client)
                        .detections
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let text = metrics.text(waiting: 0, queueLimit: 1, isReady: true, encoded: 0, vocabularies: 0)
        #expect(text.contains("fvlm_batch_pictures_count 1\n"))
        #expect(text.contains("fvlm_pictures_total 4\n"))
        for found in all {
            #expect(found.map(\.label) == alone.map(\.label))
            for (a, b) in zip(found, alone) { #expect(abs(a.score - b.score) < 1e-4) }
        }
    }
}

/// The bytes of a form.
struct Form {
    enum Part {
        case field(String, String)
        case file(String, String, [UInt8])
    }

    let bytes: [UInt8]
    let type = "multipart/form-data; boundary=\"----a boundary\""

    init(_ parts: some Sequence<Part>) {
        var bytes: [UInt8] = []
        for part in parts {
            bytes += Array("------a boundary\r\n".utf8)
            switch part {
            case .field(let name, let value):
                bytes += Array("Content-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
            case .file(let name, let file, let contents):
                bytes += Array(
                    "Content-Disposition: form-data; name=\"\(name)\"; filename=\"\(file)\"\r\nContent-Type: image/jpeg\r\n\r\n"
                        .utf8)
                bytes += contents + Array("\r\n".utf8)
            }
        }
        self.bytes = bytes + Array("------a boundary--\r\n".utf8)
    }
}
