import CLIP
import COCO
import Evaluation
import FVLM
import HTTPTypes
import Hummingbird
import Imaging
import Support

/// The routes of Nuclio's dashboard that CVAT asks: each vocabulary with a name, and the model's own classes as `detector`, is a
/// function that CVAT lists as a model.
struct NuclioRoutes {
    private static let own = "detector"

    static func add(to endpoints: Endpoints) {
        let service = endpoints.service
        let reader = RequestReader(service: service)
        endpoints.on(.get, "/api/functions") { _, _ in
            let all = try await functions(service).map { "\(JSONText.quoted($0)):\(try function($0, $1))" }
            return Answers.text("{" + all.joined(separator: ",") + "}\n")
        }
        endpoints.on(.get, "/api/functions/:name") { _, context in
            let name = context.parameters.get("name") ?? ""
            guard let found = try await functions(service).first(where: { $0.name == name }) else {
                throw RequestFault(404, "there is no function '\(name.prefix(60))'")
            }
            return Answers.text(try function(found.name, found.vocabulary) + "\n")
        }
        endpoints.on(.post, "/api/function_invocations") { request, context in
            let name = request.headers[.nuclioFunction] ?? ""
            var wanted = DetectionRequest()
            if name != own { wanted.vocabulary = name }
            let members = try await reader.object(request, context)
            for (key, value) in members where value != .null {
                switch key {
                case "image": wanted.pictures = [try RequestReader.picture(value, 0)]
                case "threshold": try wanted.set("score_threshold", value)
                // What CVAT adds for other kinds of functions.
                default: break
                }
            }
            wanted.includesMasks = true
            let (answers, times) = try await service.answer(wanted, for: context.record.current.client)
            context.record.update { $0.times = times }
            return try await service.offload {
                try Answers.json(
                    answers.flatMap { answer in try answer.detections.map { try Shape($0, answer.size) } })
            }
        }
    }

    /// Names and classes; those whose names are not unique for CVAT are left out by it.
    private static func functions(_ service: DetectionService) async throws -> [(
        name: String, vocabulary: Vocabulary
    )] {
        let named = await service.vocabularies.all.map { (name: $0.name, vocabulary: $0.known.vocabulary) }
        guard let vocabulary = try service.slot.model.vocabulary, !named.contains(where: { $0.name == own })
        else {
            return named
        }
        return [(own, vocabulary)] + named
    }

    private struct Label: Encodable {
        let id: Int
        let name: String
        let attributes: [String] = []
    }

    private struct Function: Encodable {
        struct Metadata: Encodable {
            let name: String
            let namespace = "nuclio"
            let annotations: [String: String]
        }

        struct Spec: Encodable {
            let description: String
        }

        struct Status: Encodable {
            let state = "ready"
            let httpPort: Int
        }

        let metadata: Metadata
        let spec: Spec
        let status: Status
    }

    private static func function(_ name: String, _ vocabulary: Vocabulary) throws -> String {
        let labels = vocabulary.names.enumerated().map { Label(id: $0, name: $1) }
        return try JSONText.line(
            Function(
                metadata: .init(
                    name: name,
                    annotations: [
                        "name": "fvlm: \(name)", "type": "detector", "framework": "fvlm", "version": "1",
                        "spec": try JSONText.line(labels), "animated_gif": "",
                    ]),
                spec: .init(
                    description:
                        "Finds \(vocabulary.names.prefix(8).joined(separator: ", ")), \(vocabulary.names.count) classes"
                ),
                // Invocations go through the dashboard.
                status: .init(httpPort: 0)))
    }

    /// An object: a rectangle, or the mask within its box as zeros and ones, followed by left, top, right, bottom.
    private struct Shape: Encodable {
        let confidence: String
        let label: String
        let type: String
        let points: [Double]
        let mask: [Int]?

        init(_ detection: FVLM.Detection, _ size: ImageSize) throws {
            confidence = NumberText.shortest(Double(detection.score))
            label = detection.label
            let box = detection.box
            guard let runs = try detection.mask(in: size).map({ try RunLengthMask($0) }), runs.area > 0 else {
                type = "rectangle"
                points = [box.x1, box.y1, box.x2, box.y2]
                mask = nil
                return
            }
            type = "mask"
            let bounds = runs.box
            let (left, top) = (Int(bounds.x), Int(bounds.y))
            let (width, height) = (Int(bounds.width), Int(bounds.height))
            let pixels = try runs.pixels()
            var crop: [Int] = []
            crop.reserveCapacity(width * height + 4)
            for y in top..<top + height {
                for x in left..<left + width { crop.append(pixels[y * runs.width + x] == 0 ? 0 : 1) }
            }
            mask = crop + [left, top, left + width - 1, top + height - 1]
            // CVAT takes the outline where it is asked to make polygons.
            points = try runs.polygons().max { $0.count < $1.count } ?? []
        }
    }
}

extension HTTPField.Name {
    static let nuclioFunction = HTTPField.Name("x-nuclio-function-name")!
}
