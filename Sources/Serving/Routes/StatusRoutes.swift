import FVLM
import HTTPTypes
import Hummingbird
import Support

/// Health, metrics, the model, and the description of all routes.
struct StatusRoutes {
    private struct Status: Encodable {
        let status: String
    }

    private struct Model: Encodable {
        let name: String
        let clip: String
        let classes: [String]
        let vocabularies: [String]
        let input_size: Int
        let masks: Bool
        let calibrated: Bool
        let score_threshold: Double
        let limit: Int
        let limits: [String: Double]
    }

    private struct Models: Encodable {
        let models: [Model]
    }

    static func add(to endpoints: Endpoints) {
        let service = endpoints.service
        endpoints.on(.get, "/healthz", isOpen: true, needsModel: false) { _, _ in
            try Answers.json(Status(status: "up"))
        }
        endpoints.on(.get, "/readyz", isOpen: true, needsModel: false) { _, _ in
            try service.slot.checkReady()
            return try Answers.json(Status(status: "ready"))
        }
        endpoints.on(.get, "/metrics", needsModel: false) { _, _ in
            let isReady = (try? service.slot.checkReady()) != nil
            let text = service.metrics.text(
                waiting: service.pictures.used, queueLimit: service.pictures.limit, isReady: isReady,
                encoded: service.encoded.count, vocabularies: await service.vocabularies.count)
            return Answers.text(text, type: "text/plain; version=0.0.4; charset=utf-8")
        }
        endpoints.on(.get, "/openapi.json", isOpen: true, needsModel: false) { _, _ in
            Answers.bytes(PackageResources.openapi_json, type: "application/json")
        }
        endpoints.on(.get, "/v1/models") { _, _ in
            let (model, options) = (try service.slot.model, service.options)
            return try Answers.json(
                Models(models: [
                    Model(
                        name: model.name, clip: "\(model.detector.identity)",
                        classes: model.vocabulary?.names ?? [],
                        vocabularies: await service.vocabularies.all.map(\.name),
                        input_size: model.detector.configuration.input.size,
                        masks: model.options.includesMasks, calibrated: model.calibration != nil,
                        score_threshold: model.options.scoreThreshold, limit: model.options.limit,
                        limits: [
                            "bytes": Double(options.bodyLimit), "pixels": Double(options.pixelLimit),
                            "pictures": Double(options.pictureLimit), "classes": Double(options.classLimit),
                            "queue": Double(options.queueLimit), "seconds": options.requestSeconds,
                        ])
                ]))
        }
    }
}
