import FVLM
import Hummingbird

// SmallServer MODEL [PORT]; then: curl --data-binary @street.jpg 'localhost:8080/detect?classes=dog,traffic+light'
let words = Array(CommandLine.arguments.dropFirst())
let detector = try Detector.load(words[0])
let vocabularies = Vocabularies(detector)

struct Found: ResponseCodable {
    let label: String
    let score: Float
    let box: [Double]
}

/// Vocabularies by their names: encoding words takes longer than finding objects in a small picture.
actor Vocabularies {
    private let detector: Detector
    private var kept: [[String]: Vocabulary] = [:]

    init(_ detector: Detector) { self.detector = detector }

    func vocabulary(of names: [String]) async throws -> Vocabulary {
        if let vocabulary = kept[names] { return vocabulary }
        if kept.count >= 100 { kept.removeAll() }
        let vocabulary = try await detector.vocabulary(of: names)
        kept[names] = vocabulary
        return vocabulary
    }
}

let router = Router()
router.post("detect") { request, _ -> [Found] in
    let names = request.uri.queryParameters["classes"]?.split(separator: ",").map(String.init) ?? []
    guard !names.isEmpty else { throw HTTPError(.badRequest, message: "?classes=... names what to look for") }
    let body = try await request.body.collect(upTo: 16 << 20)
    guard let image = try? Image(encoded: Array(body.readableBytesView)) else {
        throw HTTPError(.unsupportedMediaType, message: "the body is not a picture that can be read")
    }
    let vocabulary = try await vocabularies.vocabulary(of: names)
    let found = try await detector.detect([image], vocabulary: vocabulary)[0]
    return found.map {
        Found(label: $0.label, score: $0.score, box: [$0.box.x1, $0.box.y1, $0.box.x2, $0.box.y2])
    }
}

let port = words.dropFirst().first.flatMap { Int($0) } ?? 8080
try await Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)))
    .runService()
