import FVLM
import HTTPTypes
import Hummingbird
import Imaging
import Support

/// `POST /v1/detect` and `/v1/encode`
struct DetectionRoutes {
    static func add(to endpoints: Endpoints) {
        let service = endpoints.service
        let reader = RequestReader(service: service)
        endpoints.on(.post, "/v1/detect") { request, context in
            let form = try form(request.headers[.accept])
            var wanted = try await reader.detection(request, context)
            if form.encoding != nil {
                wanted.keepsPictures = true
                guard wanted.pictures.count <= 1 else {
                    throw RequestFault(
                        406, "a drawing is of one picture: send one, or accept application/json")
                }
            }
            let masks = wanted.includesMasks
            let (answers, times) = try await service.answer(wanted, for: context.record.current.client)
            context.record.update { $0.times = times }
            let start = ContinuousClock.now
            defer { service.metrics.add(stage: "answer", seconds: (ContinuousClock.now - start).seconds) }
            if let encoding = form.encoding {
                let bytes = try await service.offload {
                    guard let answer = answers.first, let image = answer.image else {
                        throw RequestFault.bad("there is no picture to draw on")
                    }
                    return try Annotator().draw(answer.detections, on: image).encoded(as: encoding)
                }
                return Answers.bytes(bytes, type: form.type)
            }
            let bytes =
                masks
                ? try await service.offload { try Answers.detections(answers, includesMasks: true) }
                : try Answers.detections(answers, includesMasks: false)
            return Answers.bytes(
                bytes, type: answers.count == 1 ? "application/json" : "application/x-ndjson")
        }
        endpoints.on(.post, "/v1/encode") { request, context in
            let wanted = try await reader.detection(request, context)
            guard wanted.pictures.count == 1 else { throw RequestFault.bad("send one picture") }
            // Masks can be asked for later unless that is declined: their maps take most of the memory.
            let declined =
                try RequestReader.query(request).contains { $0.0 == "masks" } && !wanted.includesMasks
            let (handle, size) = try await service.encode(
                wanted.pictures[0], includesMasks: !declined, for: context.record.current.client)
            return try Answers.json(
                Encoded(
                    encoded: handle, width: size.width, height: size.height,
                    expires_in: service.options.encodedSeconds), status: 201)
        }
        endpoints.on(.delete, "/v1/encode/:handle") { _, context in
            try service.encoded.remove(
                context.parameters.get("handle") ?? "", for: context.record.current.client)
            return Response(status: .noContent)
        }
    }

    private struct Encoded: Encodable {
        let encoded: String
        let width: Int
        let height: Int
        let expires_in: Double
    }

    /// The form of an answer that a client accepts: JSON unless it names a picture's first.
    private static func form(_ accept: String?) throws -> (type: String, encoding: ImageEncoding?) {
        guard let accept else { return ("application/json", nil) }
        for item in accept.split(separator: ",") {
            let parts = item.split(separator: ";").map {
                $0.trimmingCharacters(in: .whitespaces).lowercased()
            }
            guard let type = parts.first, !parts.contains("q=0") else { continue }
            switch type {
            case "image/png": return (type, .png())
            case "image/jpeg", "image/*": return ("image/jpeg", .jpeg())
            case "application/json", "application/x-ndjson", "application/*", "*/*", "text/*":
                return ("application/json", nil)
            default: continue
            }
        }
        throw RequestFault(406, "answers are application/json, image/png or image/jpeg")
    }
}
