import CLIP
import COCO
import DatasetFormats
import Evaluation
import FVLM
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import NIOCore
import Support
import Synchronization

/// The routes of a Label Studio ML backend: the labels of a project's interface are what is looked for.
struct LabelStudioRoutes {
    /// Where a project's pictures are fetched from.
    private struct Project: Sendable {
        let host: String
        let token: String?
    }

    /// Projects that were set up, the last ones.
    private final class Projects: Sendable {
        private let projects = Mutex(RecentlyUsed<String, Project>(limit: 256))

        subscript(_ id: String) -> Project? {
            get { projects.withLock { $0.use(id) } }
            set { projects.withLock { if let newValue { $0.insert(newValue, for: id) } } }
        }
    }

    static func add(to endpoints: Endpoints) {
        let service = endpoints.service
        let reader = RequestReader(service: service)
        let projects = Projects()
        endpoints.on(.get, "/health", isOpen: true, needsModel: false) { _, _ in
            Answers.text("{\"model_class\":\"fvlm\",\"status\":\"UP\"}\n")
        }
        endpoints.on(.post, "/setup", needsModel: false) { request, context in
            let members = try await reader.object(request, context)
            if case .string(let schema)? = members["schema"], !schema.isEmpty {
                _ = try LabelingInterface(schema)
            }
            if case .string(let host)? = members["hostname"], !host.isEmpty {
                let id = key(members["project"], context)
                let token: String? =
                    if case .string(let token)? = members["access_token"] { token } else { nil }
                projects[id] = Project(host: host, token: token)
            }
            let name = (try? service.slot.model.name) ?? "fvlm"
            return Answers.text("{\"model_version\":\(JSONText.quoted(name))}\n")
        }
        endpoints.on(.get, "/versions", needsModel: false) { _, _ in
            let name = (try? service.slot.model.name) ?? "fvlm"
            return Answers.text("{\"versions\":[\(JSONText.quoted(name))]}\n")
        }
        endpoints.on(.post, "/predict") { request, context in
            let members = try await reader.object(request, context)
            return try await predict(members, context, service, projects)
        }
        // Label Studio has no token for it. Nothing is read, so that nobody can make the server work.
        endpoints.on(.post, "/webhook", isOpen: true, needsModel: false) { _, _ in
            Answers.text("{\"status\":\"nothing to do\"}\n", status: 201)
        }
        // What clients may ask for, without need.
        for path in ["/validate", "/train", "/job_status", "/delete", "/duplicate_model"] {
            endpoints.on(.post, path, needsModel: false) { request, context in
                _ = try await reader.body(request, context)
                return Answers.text("{\"status\":\"ok\"}\n")
            }
        }
    }

    /// The id of a project; after a point there is a time. A client's projects are its own.
    private static func key(_ value: JSONValue?, _ context: ServerContext) -> String {
        let client = context.record.current.client
        switch value {
        case .string(let text): return client + "/" + text.prefix { $0 != "." }
        case .integer(let number): return client + "/\(number)"
        default: return client + "/"
        }
    }

    private static func predict(
        _ members: [String: JSONValue], _ context: ServerContext, _ service: DetectionService,
        _ projects: Projects
    ) async throws -> Response {
        guard case .array(let tasks)? = members["tasks"] else {
            throw RequestFault.bad("tasks must be a list")
        }
        guard case .string(let schema)? = members["label_config"] else {
            throw RequestFault.bad("label_config, the project's labeling interface, is needed")
        }
        let interface = try LabelingInterface(schema)
        let project = projects[key(members["project"], context)]
        guard tasks.count <= service.options.pictureLimit else {
            throw RequestFault(
                413, "\(tasks.count) tasks exceed the limit of \(service.options.pictureLimit)")
        }
        let model = try service.slot.model
        let client = context.record.current.client
        let name = model.name
        var addresses: [String] = []
        for (place, task) in tasks.enumerated() {
            guard case .object(let task) = task, case .object(let data)? = task["data"],
                case .string(let address)? = data[interface.pictureField]
            else { throw RequestFault.bad("task \(place + 1) has no data.\(interface.pictureField)") }
            addresses.append(address)
        }
        // A picture that cannot be had is an error of the whole, in words: the client takes one prediction for each task.
        let options = service.options
        var wanted = DetectionRequest()
        wanted.pictures = try await withThrowingTaskGroup(of: (Int, ByteBuffer).self) { group in
            for (place, address) in addresses.enumerated() {
                group.addTask { (place, try await picture(address, project, options)) }
            }
            var found: [(Int, ByteBuffer)] = []
            for try await picture in group { found.append(picture) }
            return found.sorted { $0.0 < $1.0 }.map { SentPicture(name: "task \($0.0 + 1)", bytes: $0.1) }
        }
        guard !wanted.pictures.isEmpty else { return Answers.text("{\"results\":[]}\n") }
        wanted.classes = interface.classes
        wanted.scoreThreshold = interface.threshold
        wanted.includesMasks = interface.kind != .rectangle
        let (answers, times) = try await service.answer(wanted, for: client)
        context.record.update { $0.times = times }
        let results = try await service.offload {
            try answers.map { try interface.prediction($0, model: name) }
        }
        return Answers.text("{\"results\":[" + results.joined(separator: ",") + "]}\n")
    }

    /// The bytes of a task's picture: in the address itself, or fetched.
    private static func picture(_ address: String, _ project: Project?, _ options: ServerOptions) async throws
        -> ByteBuffer
    {
        if address.hasPrefix("data:") { return try RequestReader.base64(address) }
        let authorization = project?.token.map { "Token \($0)" }
        let fetcher = PictureFetcher(options: options)
        if address.hasPrefix("/") {
            guard let project else {
                throw RequestFault.fetching(
                    424,
                    "the picture is on Label Studio's own host, which it has not said: connect the model again"
                )
            }
            let host = project.host.hasSuffix("/") ? String(project.host.dropLast()) : project.host
            return try await fetcher.fetch(host + address, authorization: authorization)
        }
        let isOwn = project.flatMap { URL(string: $0.host)?.host() } == URL(string: address)?.host()
        return try await fetcher.fetch(address, authorization: isOwn ? authorization : nil)
    }
}

/// What of a labeling interface concerns detections.
struct LabelingInterface: Sendable {
    /// The form of regions.
    enum Kind: String {
        case rectangle = "rectanglelabels"
        case polygon = "polygonlabels"
        case brush = "brushlabels"
    }

    private(set) var kind = Kind.rectangle
    /// The name of the tag with the labels.
    private(set) var control = ""
    /// The name of the tag of the picture.
    private(set) var picture = ""
    /// The member of a task's data with the picture's address.
    private(set) var pictureField = ""
    private(set) var classes: [Vocabulary.Class] = []
    private(set) var threshold: Double?

    /// Reads an interface.
    /// - Throws: ``RequestFault`` where it has no picture, or no labels of boxes, polygons or brushes.
    init(_ schema: String) throws {
        var found:
            [(kind: Kind, name: String, picture: String, threshold: Double?, labels: [Vocabulary.Class])] = []
        var pictures: [String: String] = [:]
        do {
            try Array(schema.utf8).withUnsafeBytes { bytes in
                var scanner = try XMLScanner(bytes)
                var level = Int.max
                while true {
                    switch try scanner.next() {
                    case .start:
                        let tag = scanner.elementName.lowercased()
                        if tag == "image" {
                            if let name = try scanner.attribute("name"),
                                let value = try scanner.attribute("value")
                            {
                                pictures[name] = value.hasPrefix("$") ? String(value.dropFirst()) : value
                            }
                        } else if let kind = Kind(rawValue: tag) {
                            level = scanner.depth
                            let threshold =
                                try scanner.attribute("model_score_threshold")
                                ?? scanner.attribute("score_threshold")
                            found.append(
                                (
                                    kind, try scanner.attribute("name") ?? "",
                                    try scanner.attribute("toName") ?? "",
                                    threshold.flatMap { Double($0) }, []
                                ))
                        } else if tag == "label", scanner.depth > level,
                            let label = try scanner.attribute("value")
                        {
                            // What a model may call it: other names for the same thing.
                            let synonyms = (try scanner.attribute("predicted_values") ?? "").split(
                                separator: ","
                            ).map {
                                $0.trimmingCharacters(in: .whitespaces)
                            }.filter { !$0.isEmpty && ClassNames.form($0) != ClassNames.form(label) }
                            found[found.count - 1].labels.append(Vocabulary.Class(label, synonyms: synonyms))
                        }
                    case .end: if scanner.depth < level { level = Int.max }
                    case .text: break
                    case .finish: return
                    }
                }
            }
        } catch let failure as XMLScanner.Failure {
            throw RequestFault.bad(
                "the labeling interface is not XML: \(failure.reason) at byte \(failure.position)")
        }
        // Boxes first: brushes and polygons are often there beside them, to be drawn by hand.
        let order: [Kind] = [.rectangle, .polygon, .brush]
        for wanted in order {
            guard let tag = found.first(where: { $0.kind == wanted && !$0.labels.isEmpty }),
                let field = pictures[tag.picture]
            else { continue }
            (kind, control, picture, pictureField) = (wanted, tag.name, tag.picture, field)
            classes = tag.labels
            threshold = tag.threshold.flatMap { (0...1).contains($0) ? $0 : nil }
            return
        }
        throw RequestFault.bad(
            "the labeling interface has no RectangleLabels, PolygonLabels or BrushLabels with labels for an Image"
        )
    }

    /// The prediction of a task.
    func prediction(_ answer: DetectionService.Answer, model: String) throws -> String {
        var regions: [String] = []
        for (place, detection) in answer.detections.enumerated() {
            guard let value = try value(detection, answer.size) else { continue }
            var region = JSONObject()
            region.add("id", "r\(place + 1)")
            region.add("from_name", control)
            region.add("to_name", picture)
            region.add("type", kind.rawValue)
            region.add("original_width", answer.size.width)
            region.add("original_height", answer.size.height)
            region.add("image_rotation", 0)
            region.add("score", Double(detection.score))
            region.add("value", text: value)
            regions.append(region.text)
        }
        var result = JSONObject()
        result.add("result", text: "[" + regions.joined(separator: ",") + "]")
        result.add("score", Double(answer.detections.map(\.score).max() ?? 0))
        result.add("model_version", model)
        return result.text
    }

    private func value(_ detection: FVLM.Detection, _ size: ImageSize) throws -> String? {
        var value = JSONObject()
        let (width, height) = (Double(size.width) / 100, Double(size.height) / 100)
        switch kind {
        case .rectangle:
            value.add("x", detection.box.x1 / width)
            value.add("y", detection.box.y1 / height)
            value.add("width", detection.box.width / width)
            value.add("height", detection.box.height / height)
            value.add("rotation", 0)
        case .polygon:
            guard let mask = try detection.mask(in: size).map({ try RunLengthMask($0) }), mask.area > 0,
                let outline = try mask.polygons().max(by: { $0.count < $1.count }), outline.count >= 6
            else { return nil }
            let points = stride(from: 0, to: outline.count - 1, by: 2).map {
                "[\(JSONText.number(outline[$0] / width)),\(JSONText.number(outline[$0 + 1] / height))]"
            }
            value.add("points", text: "[" + points.joined(separator: ",") + "]")
        case .brush:
            guard let mask = try detection.mask(in: size).map({ try RunLengthMask($0) }), mask.area > 0 else {
                return nil
            }
            value.add("format", "rle")
            value.add(
                "rle", text: "[" + (try BrushRuns.bytes(mask)).map { String($0) }.joined(separator: ",") + "]"
            )
        }
        value.add(kind.rawValue, [detection.label])
        return value.text
    }
}
