import CLIP
import FVLM
import HTTPTypes
import Hummingbird
import Support

/// `/v1/vocabularies`
struct VocabularyRoutes {
    private struct Entry: Encodable {
        let name: String
        let classes: [String]
        let kept: Bool

        init(_ named: Vocabularies.Named) {
            name = named.name
            classes = named.known.vocabulary.names
            kept = named.isKept
        }
    }

    private struct List: Encodable {
        let vocabularies: [Entry]
    }

    static func add(to endpoints: Endpoints) {
        let service = endpoints.service
        let reader = RequestReader(service: service)
        endpoints.on(.get, "/v1/vocabularies") { _, _ in
            try Answers.json(List(vocabularies: await service.vocabularies.all.map(Entry.init)))
        }
        endpoints.on(.get, "/v1/vocabularies/:name") { _, context in
            try Answers.json(Entry(await service.vocabularies.named(context.parameters.get("name") ?? "")))
        }
        endpoints.on(.put, "/v1/vocabularies/:name") { request, context in
            let name = context.parameters.get("name") ?? ""
            try Vocabularies.check(name: name)
            let made = try await vocabulary(request, context, reader)
            try await service.vocabularies.keep(made, as: name)
            return try Answers.json(Entry(await service.vocabularies.named(name)), status: 201)
        }
        endpoints.on(.delete, "/v1/vocabularies/:name") { _, context in
            try await service.vocabularies.forget(context.parameters.get("name") ?? "")
            return Response(status: .noContent)
        }
    }

    /// The vocabulary of `{"classes": ["dog", {"name": "mug", "synonyms": ["cup"]}]}`, or of examples in pictures in the form of
    /// `/v1/detect`.
    private static func vocabulary(_ request: Request, _ context: ServerContext, _ reader: RequestReader)
        async throws
        -> Vocabulary
    {
        let service = reader.service
        let client = context.record.current.client
        let model = try service.slot.model
        if request.headers[.contentType]?.lowercased().hasPrefix("multipart/form-data") != true {
            let members = try await reader.object(request, context)
            if members["examples"] == nil {
                for key in members.keys where key != "classes" {
                    throw RequestFault.bad(
                        "a vocabulary has classes, or examples and pictures, not '\(key.prefix(60))'")
                }
                let classes = try classes(members["classes"])
                try DetectionRequest.check(classes, service.options)
                return try await service.vocabularies.words(
                    classes, model.detector, service.queue, for: client
                )
                .vocabulary
            }
            var wanted = DetectionRequest()
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                if key == "pictures", case .array(let items) = value {
                    for item in items.prefix(service.options.pictureLimit + 1) {
                        wanted.pictures.append(try RequestReader.picture(item, wanted.pictures.count))
                    }
                } else {
                    try wanted.set(key, value)
                }
            }
            return try await service.exampleVocabulary(wanted, for: client)
        }
        return try await service.exampleVocabulary(try await reader.detection(request, context), for: client)
    }

    private static func classes(_ value: JSONValue?) throws -> [Vocabulary.Class] {
        guard let value, case .array(let items) = value, !items.isEmpty else {
            throw RequestFault.bad("classes must be a list of names")
        }
        var result: [Vocabulary.Class] = []
        for item in items {
            switch item {
            case .string(let name): result.append(Vocabulary.Class(name))
            case .object(let members):
                for key in members.keys where key != "name" && key != "synonyms" {
                    throw RequestFault.bad("a class has name and synonyms, not '\(key.prefix(60))'")
                }
                guard let name = members["name"] else { throw RequestFault.bad("a class needs a name") }
                let synonyms = try members["synonyms"].map { value in
                    try DetectionRequest.strings(value, "synonyms")
                }
                result.append(
                    Vocabulary.Class(try DetectionRequest.string(name, "name"), synonyms: synonyms ?? []))
            default: throw RequestFault.bad("a class is a name, or an object with name and synonyms")
            }
        }
        return result
    }
}
