import CLIP
import FVLM
import HTTPTypes
import Hummingbird
import Imaging
import Support

/// `POST /hf`: the task zero-shot-object-detection as Hugging Face's clients ask for it.
struct HuggingFaceRoutes {
    private struct Corners: Encodable {
        let xmin: Int
        let ymin: Int
        let xmax: Int
        let ymax: Int

        init(_ box: Box) {
            xmin = Int(box.x1.rounded())
            ymin = Int(box.y1.rounded())
            xmax = Int(box.x2.rounded())
            ymax = Int(box.y2.rounded())
        }
    }

    private struct Entry: Encodable {
        let label: String
        let score: Float
        let box: Corners
    }

    static func add(to endpoints: Endpoints) {
        let service = endpoints.service
        let reader = RequestReader(service: service)
        endpoints.on(.post, "/hf") { request, context in
            let wanted = try await wanted(request, context, reader)
            let (answers, times) = try await service.answer(wanted, for: context.record.current.client)
            context.record.update { $0.times = times }
            return try Answers.json(
                (answers.first?.detections ?? []).map {
                    Entry(label: $0.label, score: $0.score, box: Corners($0.box))
                })
        }
    }

    /// `{"inputs": "BASE64", "parameters": {"candidate_labels": ["dog"], "threshold": 0.3}}`, or a raw picture.
    private static func wanted(_ request: Request, _ context: ServerContext, _ reader: RequestReader)
        async throws
        -> DetectionRequest
    {
        let type = request.headers[.contentType]?.lowercased() ?? ""
        guard type.hasPrefix("application/json") else { return try await reader.detection(request, context) }
        let members = try await reader.object(request, context)
        var wanted = DetectionRequest()
        // Clients whose parameters cannot be chosen name the classes in the address.
        for (key, value) in try RequestReader.query(request) { try wanted.set(key, .string(value)) }
        for (key, value) in members {
            switch key {
            case "inputs": wanted.pictures = [try picture(value, &wanted)]
            case "parameters":
                guard case .object(let parameters) = value else {
                    throw RequestFault.bad("parameters must be an object")
                }
                for (key, value) in parameters { try set(key, value, &wanted) }
            // How the service is to be used: there is one model, which is warm.
            case "options": break
            default:
                throw RequestFault.bad("'\(key.prefix(60))' is not known; there are inputs and parameters")
            }
        }
        guard wanted.classes != nil else { throw RequestFault.bad("parameters.candidate_labels is needed") }
        return wanted
    }

    /// Base64, or an older form: `{"image": "BASE64", "candidate_labels": [...]}`.
    private static func picture(_ value: JSONValue, _ wanted: inout DetectionRequest) throws -> SentPicture {
        guard case .object(let members) = value else { return try RequestReader.picture(value, 0) }
        guard let image = members["image"] ?? members["inputs"] else {
            throw RequestFault.bad("inputs must be a picture in base64")
        }
        if let labels = members["candidate_labels"] ?? members["candidateLabels"] {
            try set("candidate_labels", labels, &wanted)
        }
        return try RequestReader.picture(image, 0)
    }

    private static func set(_ key: String, _ value: JSONValue, _ wanted: inout DetectionRequest) throws {
        if value == .null { return }
        switch key {
        case "candidate_labels", "candidateLabels":
            // Texts of several labels are separated by commas.
            if case .string(let text) = value {
                let names = text.split(separator: ",").map { JSONValue.string(String($0)) }
                return try wanted.set("classes", .array(names))
            }
            try wanted.set("classes", value)
        case "threshold": try wanted.set("score_threshold", value)
        case "top_k": try wanted.set("limit", value)
        default: throw RequestFault.bad("parameters.\(key.prefix(60)) is not known")
        }
    }
}
