import CLIP
import FVLM
import Foundation
import Imaging
import NIOCore
import Support
import Synchronization
import Testing

@testable import Serving

/// The protocols of other tools, by exchanges in the form in which their clients send them.
@Suite(.serialized) struct CompatibleRouteTests {
    private static func json(_ answer: TestClient.Answer) throws -> JSONValue {
        try answer.body.withUnsafeBytes { try JSONValue(parsing: $0) }
    }

    /// What the detector finds in the first sample, best first.
    private static func found(_ threshold: Double, masks: Bool = false) async throws -> (
        found: [Detection], size: ImageSize
    ) {
        let model = try TestServer.model
        var options = model.options
        options.scoreThreshold = threshold
        options.includesMasks = options.includesMasks && masks
        let image = try Image(encoded: TestServer.sample(1))
        let all = try await model.detector.detect(
            [image], vocabulary: #require(model.vocabulary), options: options)
        return (all[0], image.size)
    }

    @Test func huggingFace() async throws {
        let picture = try TestServer.sample(1)
        let (found, _) = try await Self.found(0.2)
        let body =
            "{\"inputs\": \"\(Data(picture).base64EncodedString())\", \"parameters\": {\"candidate_labels\": [\"pizza\", \"dog face\"], \"threshold\": 0.2}}"
        try await TestServer.run { server in
            let answer = try await server.client.post("/hf", json: body)
            guard case .array(let entries) = try Self.json(answer) else {
                Issue.record("\(answer.text)")
                return
            }
            #expect(entries.count == found.count)
            for (entry, detection) in zip(entries, found) {
                guard case .object(let members) = entry, case .object(let box)? = members["box"],
                    case .integer(let left)? = box["xmin"], case .integer(let bottom)? = box["ymax"]
                else {
                    Issue.record("\(entry)")
                    return
                }
                #expect(members["label"] == .string(detection.label))
                #expect(left == Int(detection.box.x1.rounded()) && bottom == Int(detection.box.y2.rounded()))
            }
            let none = try await server.client.post("/hf", json: "{\"inputs\": \"AAAA\"}")
            #expect(none.status == 400 && none.text.contains("candidate_labels"))
        }
    }

    @Test func openInferenceInBinaryAndInText() async throws {
        let picture = try TestServer.sample(1)
        let (found, _) = try await Self.found(0.2)
        var data: [UInt8] = []
        func put(_ bytes: [UInt8]) {
            data += withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) } + bytes
        }
        put(picture)
        let pictureSize = data.count
        put(Array("pizza".utf8))
        put(Array("dog face".utf8))
        let head = """
            {"id":"7","parameters":{"binary_data_output":true,"score_threshold":0.2},"inputs":[\
            {"name":"image","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":\(pictureSize)}},\
            {"name":"classes","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":\(data.count - pictureSize)}}]}
            """
        let body = Array(head.utf8) + data
        let text = """
            {"parameters":{"score_threshold":0.2},"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":[\
            "\(Data(picture).base64EncodedString())"]},{"name":"classes","shape":[2],"datatype":"BYTES","data":["pizza","dog face"]}],\
            "outputs":[{"name":"labels"},{"name":"image_index"}]}
            """
        try await TestServer.run { server in
            let client = server.client
            for path in [
                "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/detector",
                "/v2/models/detector/versions/1/ready",
            ] {
                #expect(try await client.get(path).status == 200, "\(path)")
            }
            #expect(try await client.get("/v2/models/other").status == 404)
            let answer = try await client.send(
                "POST", "/v2/models/detector/infer",
                ["Inference-Header-Content-Length": "\(head.utf8.count)"], body: body)
            let count = try #require(Int(answer.headers["inference-header-content-length"] ?? ""))
            let outputs = String(decoding: answer.body[..<count], as: UTF8.self)
            #expect(outputs.contains("\"id\":\"7\""))
            #expect(outputs.contains("\"name\":\"boxes\",\"datatype\":\"FP32\",\"shape\":[\(found.count),4]"))
            // Boxes come first, then scores.
            let numbers = answer.body[count...].withUnsafeBytes { bytes in
                (0..<found.count * 5).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            let corners = found.flatMap { [$0.box.x1, $0.box.y1, $0.box.x2, $0.box.y2].map { Float($0) } }
            #expect(numbers == corners + found.map(\.score))
            let plain = try await client.post("/v2/models/detector/infer", json: text)
            let names = found.map { "\"\($0.label)\"" }.joined(separator: ",")
            #expect(plain.text.contains("\"data\":[\(names)]"))
            for wrong in [
                "{}", "{\"inputs\":[{}]}",
                "{\"inputs\":[{\"name\":\"image\",\"shape\":[2],\"datatype\":\"BYTES\",\"data\":[\"AAAA\"]}]}",
                "{\"inputs\":[{\"name\":\"image\",\"shape\":[1],\"datatype\":\"FP32\",\"data\":[1]}]}",
                "{\"inputs\":[{\"name\":\"image\",\"shape\":[-1],\"datatype\":\"BYTES\",\"data\":[]}]}",
                "{\"inputs\":[{\"name\":\"image\",\"shape\":[1],\"datatype\":\"BYTES\",\"parameters\":{\"binary_data_size\":9}}]}",
            ] {
                let refused = try await client.post("/v2/models/detector/infer", json: wrong)
                #expect(
                    refused.status == 400 && refused.text.contains("\"error\""), "\(wrong) \(refused.text)")
            }
        }
    }

    @Test func nuclioListsVocabulariesAndMarksObjects() async throws {
        let picture = try TestServer.sample(1)
        let (found, size) = try await Self.found(0.3, masks: true)
        try await TestServer.run { server in
            let list = try await server.client.get("/api/functions")
            guard case .object(let functions) = try Self.json(list),
                case .object(let function)? = functions["test"],
                case .object(let metadata)? = function["metadata"],
                case .object(let notes)? = metadata["annotations"],
                case .string(let spec)? = notes["spec"]
            else {
                Issue.record("\(list.text)")
                return
            }
            #expect(Set(functions.keys) == ["detector", "test"])
            #expect(notes["type"] == .string("detector"))
            #expect(spec.contains("\"name\":\"pizza\""))
            // Without a type: CVAT of before 2025 takes "any" for labels of that type alone.
            #expect(!spec.contains("\"type\""))
            #expect(try await server.client.get("/api/functions/none").status == 404)
            let answer = try await server.client.send(
                "POST", "/api/function_invocations",
                ["x-nuclio-function-name": "test", "x-nuclio-path": "/", "Content-Type": "application/json"],
                body: Array(
                    "{\"image\": \"\(Data(picture).base64EncodedString())\", \"threshold\": 0.3}".utf8))
            guard case .array(let shapes) = try Self.json(answer), case .object(let first)? = shapes.first,
                case .array(let mask)? = first["mask"]
            else {
                Issue.record("\(answer.text.prefix(200))")
                return
            }
            #expect(shapes.count == found.count)
            #expect(first["type"] == .string("mask"))
            // The confidence is text, and the mask is that of its box.
            if case .string(let confidence)? = first["confidence"] {
                #expect(Double(confidence) == Double(found[0].score))
            } else {
                Issue.record("no confidence")
            }
            let corners = mask.suffix(4).compactMap { if case .integer(let side) = $0 { side } else { nil } }
            #expect(mask.count - 4 == (corners[2] - corners[0] + 1) * (corners[3] - corners[1] + 1))
            let area = mask.dropLast(4).count { $0 == .integer(1) }
            let expected = try #require(try found[0].mask(in: size))
            let pixels = expected.crop.count { $0 != 0 }
            #expect(area == pixels)
        }
    }

    private static let interface = """
        <View><Image name="img" value="$photo"/><RectangleLabels name="box" toName="img" model_score_threshold="0.3">
        <Label value="pizza"/><Label value="Dog" predicted_values="dog face,puppy"/></RectangleLabels>
        <BrushLabels name="brush" toName="img"><Label value="pizza"/></BrushLabels></View>
        """

    @Test func anInterfaceIsRead() throws {
        let interface = try LabelingInterface(Self.interface)
        #expect(interface.kind == .rectangle && interface.control == "box" && interface.picture == "img")
        #expect(interface.pictureField == "photo" && interface.threshold == 0.3)
        #expect(
            interface.classes == [
                Vocabulary.Class("pizza"), Vocabulary.Class("Dog", synonyms: ["dog face", "puppy"]),
            ])
        #expect(throws: RequestFault.self) {
            try LabelingInterface("<View><Image name='a' value='$b'/></View>")
        }
        #expect(throws: RequestFault.self) { try LabelingInterface("<View>") }
    }

    @Test func labelStudioFetchesAndAnswersInPerCent() async throws {
        let picture = try TestServer.sample(1)
        let model = try TestServer.model
        let interface = try LabelingInterface(Self.interface)
        var options = model.options
        options.scoreThreshold = 0.3
        options.includesMasks = false
        let image = try Image(encoded: picture)
        let found = try await model.detector.detect(
            [image], vocabulary: model.detector.vocabulary(of: interface.classes), options: options)[0]
        let schema = JSONText.quoted(Self.interface)
        let data = "data:image/jpeg;base64,\(Data(picture).base64EncodedString())"
        try await TestServer.run { server in
            let client = server.client
            #expect(try await client.get("/health").text.contains("\"UP\""))
            let setup = try await client.post(
                "/setup",
                json:
                    "{\"project\":\"3.17\",\"schema\":\(schema),\"hostname\":\"http://127.0.0.1:9\",\"access_token\":\"secret\"}"
            )
            #expect(setup.text == "{\"model_version\":\"emoji-detector\"}\n")
            #expect(try await client.get("/versions").text == "{\"versions\":[\"emoji-detector\"]}\n")
            #expect(try await client.post("/webhook", json: "{\"action\":\"PROJECT_UPDATED\"}").status == 201)
            func predict(_ addresses: [String]) async throws -> TestClient.Answer {
                let tasks = addresses.enumerated().map { "{\"id\":\($0),\"data\":{\"photo\":\"\($1)\"}}" }
                return try await client.post(
                    "/predict",
                    json:
                        "{\"tasks\":[\(tasks.joined(separator: ","))],\"project\":\"3.18\",\"label_config\":\(schema),\"params\":{}}"
                )
            }
            let answer = try await predict([data, data])
            guard case .object(let members) = try Self.json(answer),
                case .array(let results)? = members["results"],
                case .object(let second)? = results.last, case .array(let regions)? = second["result"]
            else {
                Issue.record("\(answer.text)")
                return
            }
            #expect(results.count == 2 && results[0] == results[1])
            #expect(regions.count == found.count)
            for (region, detection) in zip(regions, found) {
                guard case .object(let region) = region, case .object(let value)? = region["value"] else {
                    continue
                }
                #expect(region["from_name"] == .string("box") && region["to_name"] == .string("img"))
                #expect(value["rectanglelabels"] == .array([.string(detection.label)]))
                let x = try DetectionRequest.number(#require(value["x"]), "x")
                #expect(abs(x - detection.box.x1 / Double(image.width) * 100) < 1e-9)
            }
            // No host is allowed, so nothing is fetched.
            let refused = try await predict(["/data/upload/1/a.jpg"])
            #expect(refused.status == 403 && refused.text.contains("--fetch-host"))
            #expect(!refused.text.contains("secret"))
            #expect(try await client.post("/predict", json: "{\"tasks\":[]}").status == 400)
        }
    }

    /// Label Studio shows nobody what a model answers in place of predictions.
    @Test func theLogSaysWhyPicturesCannotBeFetched() async throws {
        let lines = Mutex<[String]>([])
        let schema = JSONText.quoted(Self.interface)
        // It wants a token, as Label Studio does, and another one than it gives out.
        try await TestServer.run {
            $0.tokens = ["0123456789abcdef"]
        } _: { studio in
            try await TestServer.run {
                $0.fetchHosts = ["127.0.0.1"]
                $0.fetchesPrivate = true
            } log: { line in
                lines.withLock { $0.append(line) }
            } _: { server in
                let host = "http://127.0.0.1:\(studio.client.port)"
                _ = try await server.client.post(
                    "/setup",
                    json: "{\"project\":\"3.17\",\"hostname\":\"\(host)\",\"access_token\":\"secret\"}")
                for (address, status) in [("/metrics?secret", 424), ("http://a%0Arequest%20b/secret", 403)] {
                    let answer = try await server.client.post(
                        "/predict",
                        json:
                            "{\"tasks\":[{\"data\":{\"photo\":\"\(address)\"}}],\"project\":\"3.18\",\"label_config\":\(schema)}"
                    )
                    #expect(answer.status == status, "\(answer.text)")
                }
            }
        }
        let log = lines.withLock { $0 }
        #expect(
            log.contains {
                $0.contains("POST /predict 424 ") && $0.contains("127.0.0.1 refuses the picture (401)")
            })
        #expect(log.contains { $0.contains("POST /predict 403 ") && $0.contains("from 'a?request b'") })
        #expect(!log.contains { $0.contains("secret") || $0.contains("\n") })
    }

    @Test func picturesAreFetchedFromAllowedHostsOnly() async throws {
        let picture = try TestServer.sample(1)
        // A server that keeps pictures: this one's own answer stands in for a file.
        try await TestServer.run { files in
            var options = ServerOptions()
            options.fetchHosts = ["127.0.0.1"]
            let address = "http://127.0.0.1:\(files.client.port)/healthz"
            await #expect(throws: RequestFault.self) {
                try await PictureFetcher(options: options).fetch(address)
            }
            options.fetchesPrivate = true
            let fetched = try await PictureFetcher(options: options).fetch(address)
            #expect(String(buffer: fetched) == "{\"status\":\"up\"}\n")
            let missing = "http://127.0.0.1:\(files.client.port)/nothing"
            await #expect(throws: RequestFault.self) {
                try await PictureFetcher(options: options).fetch(missing)
            }
            options.bodyLimit = 4
            await #expect(throws: RequestFault.self) {
                try await PictureFetcher(options: options).fetch(address)
            }
            for wrong in [
                "http://localhost/", "file:///etc/passwd", "http://a@127.0.0.1/", "gopher://127.0.0.1/", "x",
            ] {
                #expect(throws: RequestFault.self) { try PictureFetcher.Target(wrong, options) }
            }
        }
        _ = picture
    }

    @Test(arguments: [
        ("8.8.8.8", true), ("2a00:1450::1", true), ("127.0.0.1", false), ("10.1.2.3", false),
        ("172.16.0.1", false),
        ("172.32.0.1", true), ("192.168.1.1", false), ("169.254.169.254", false), ("100.64.0.1", false),
        ("0.0.0.0", false),
        ("224.0.0.1", false), ("255.255.255.255", false), ("::1", false), ("::", false), ("fe80::1", false),
        ("fd00::1", false),
        ("::ffff:127.0.0.1", false), ("::ffff:8.8.8.8", true), ("64:ff9b::7f00:1", false),
        ("2002:7f00:1::", false),
        ("2001::1", false), ("ff02::1", false),
    ])
    func privateAddressesAreKnown(_ text: String, _ isPublic: Bool) throws {
        #expect(PictureFetcher.isPublic(try SocketAddress(ipAddress: text, port: 80)) == isPublic)
    }
}
