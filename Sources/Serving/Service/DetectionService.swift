import CLIP
import DetectionResults
import Evaluation
import FVLM
import Imaging
import NIOCore
import NIOPosix
import Support
import Synchronization

/// What all routes work with: pictures and words come in, detections go out.
final class DetectionService: Sendable {
    let options: ServerOptions
    let slot = ModelSlot()
    let metrics = ServerMetrics()
    let queue: NetworkQueue
    let vocabularies: Vocabularies
    let encoded: EncodedPictures
    /// The pictures that are decoded, waiting or looked at.
    let pictures: Budget
    /// The bytes of requests.
    let memory: Budget
    /// Decodes pictures beside the network and encodes answers.
    private let pool: NIOThreadPool

    /// - Throws: `ConfigurationError`; `FileFailure` when the folder of vocabularies cannot be used.
    init(_ options: ServerOptions) throws {
        try options.validate()
        self.options = options
        queue = NetworkQueue(
            batchLimit: options.batchLimit, batchSeconds: options.batchSeconds, metrics: metrics)
        vocabularies = try Vocabularies(
            folder: options.vocabularyFolder, limit: options.vocabularyLimit, metrics: metrics)
        encoded = EncodedPictures(limit: options.encodedLimit, seconds: options.encodedSeconds)
        pictures = Budget(limit: options.queueLimit)
        memory = Budget(limit: options.bodyMemory)
        pool = NIOThreadPool(numberOfThreads: max(2, System.coreCount))
        pool.start()
    }

    deinit { pool.shutdownGracefully { _ in } }

    /// Takes the model, and looks at a picture once, so that the first request is as fast as the others.
    func fill(_ model: LoadedModel, note: @Sendable (String) -> Void) async throws {
        try await vocabularies.fill(model, note: note)
        let image = try Image(width: 64, height: 64, pixels: [UInt8](repeating: 128, count: 64 * 64 * 3))
        let vocabulary =
            if let own = model.vocabulary { own } else { try await model.detector.vocabulary(of: ["thing"]) }
        _ = try await model.detector.detect([image], vocabulary: vocabulary, options: model.options)
        slot.fill(model)
    }

    /// Runs work on a thread of its own.
    func offload<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try Task.checkCancellation()
        return try await pool.runIfActive(body)
    }

    /// A place for pictures in the queue.
    /// - Throws: ``RequestFault`` when it is full.
    func admit(_ count: Int) throws(RequestFault) -> Budget.Part {
        guard let part = pictures.take(count) else {
            let seconds = Int((Double(pictures.used) * metrics.pictureSeconds).rounded(.up))
            throw RequestFault(
                429, "\(pictures.used) pictures are waiting already; ask again later",
                retrySeconds: max(seconds, 1), refusal: .queue)
        }
        return part
    }

    /// Where the time of a request went, in seconds.
    struct Times: Sendable {
        var decoding = 0.0
        var waited = 0.0
        var network = 0.0
    }

    /// A picture with what was found in it.
    struct Answer: Sendable {
        let name: String
        let size: ImageSize
        let detections: [FVLM.Detection]
        /// How likely the picture has each class, by the class's name; nil if it was not asked for.
        let presence: [String: Float]?
        /// The picture, if it is drawn on.
        let image: Image?
    }

    /// A picture, decoded.
    struct Decoded: Sendable {
        let name: String
        let image: Image?
        let prepared: PixelValues
        var size: ImageSize { prepared.transform.source }
    }

    /// Decodes a picture.
    func decode(_ picture: SentPicture, _ detector: Detector, keepsImage: Bool) async throws -> Decoded {
        let start = ContinuousClock.now
        let limits = DecodingLimits(bytes: options.bodyLimit, pixels: options.pixelLimit)
        defer { metrics.add(stage: "decoding", seconds: (ContinuousClock.now - start).seconds) }
        return try await offload {
            let image = try picture.bytes.withUnsafeReadableBytes {
                try Image(encoded: $0, source: picture.name, options: DecodingOptions(limits: limits))
            }
            return Decoded(
                name: picture.name, image: keepsImage ? image : nil, prepared: try detector.prepare(image))
        }
    }

    /// Answers a request.
    func answer(_ request: DetectionRequest, for client: String) async throws -> (
        answers: [Answer], times: Times
    ) {
        let model = try slot.model
        try request.check(options)
        let (scoring, calibration) = try scoring(request, model)
        if let handle = request.encoded {
            return try await answer(request, handle, model, scoring, calibration, client)
        }
        guard !request.pictures.isEmpty else { throw RequestFault.bad("there is no picture in the request") }
        let place = try admit(request.pictures.count)
        defer { withExtendedLifetime(place) {} }
        let detector = model.detector
        let start = ContinuousClock.now
        // Words are encoded, if they are new, while pictures are decoded.
        let keeps = request.keepsPictures || !request.examples.isEmpty
        async let words = vocabulary(request, model, client)
        let decoded = try await concurrently(request.pictures) {
            try await self.decode($0, detector, keepsImage: keeps)
        }
        let decoding = (ContinuousClock.now - start).seconds
        var vocabulary = try await words
        if !request.examples.isEmpty {
            vocabulary = try await exampleVocabulary(request, decoded, vocabulary, model, client)
        }
        let known = vocabulary
        let found = try await concurrently(decoded) {
            try await self.queue.detect($0.prepared, known, scoring, with: detector, for: client)
        }
        var answers: [Answer] = []
        for (picture, found) in zip(decoded, found) {
            let detections =
                calibration?.applied(to: found.detections, of: detector, known.vocabulary) ?? found.detections
            metrics.addObjects(detections.count)
            answers.append(
                Answer(
                    name: picture.name, size: picture.size, detections: detections,
                    presence: found.presences.map {
                        PictureResult.presence($0, of: known.vocabulary.names)
                    }, image: request.keepsPictures ? picture.image : nil))
        }
        return (
            answers,
            Times(
                decoding: decoding, waited: found.map(\.waited).max() ?? 0,
                network: found.map(\.network).max() ?? 0)
        )
    }

    /// Looks at a picture that can be asked again.
    /// - Returns: The handle.
    func encode(_ picture: SentPicture, includesMasks: Bool, for client: String) async throws -> (
        handle: String, size: ImageSize
    ) {
        let model = try slot.model
        guard options.encodedLimit > 0 else {
            throw RequestFault(403, "this server keeps no encoded pictures")
        }
        let place = try admit(1)
        defer { withExtendedLifetime(place) {} }
        let decoded = try await decode(picture, model.detector, keepsImage: false)
        var options = model.options
        // Presences can be asked for later.
        options.includesPresence = true
        let scoring = options
        let seen = try await queue.turn(for: client) {
            try await model.detector.encode(
                prepared: [decoded.prepared], options: scoring,
                includesMasks: includesMasks && scoring.includesMasks)
        }.value
        let handle = encoded.insert(
            .init(picture: seen, name: decoded.name, size: decoded.size, owner: client))
        return (handle, decoded.size)
    }

    private func answer(
        _ request: DetectionRequest, _ handle: String, _ model: LoadedModel, _ scoring: ScoringOptions,
        _ calibration: AppliedCalibration?, _ client: String
    ) async throws -> (answers: [Answer], times: Times) {
        guard !request.keepsPictures else {
            throw RequestFault(406, "an encoded picture cannot be drawn on: send the picture")
        }
        guard request.examples.isEmpty else { throw RequestFault.bad("examples need their picture") }
        let entry = try encoded.entry(handle, for: client)
        let place = try admit(1)
        defer { withExtendedLifetime(place) {} }
        let known = try await vocabulary(request, model, client)
        let start = ContinuousClock.now
        let ((found, presences), waited) = try await queue.turn(for: client) {
            (
                try await entry.picture.detections(of: known.vocabulary, options: scoring),
                scoring.includesPresence
                    ? try await entry.picture.presences(of: known.vocabulary, options: scoring) : nil
            )
        }
        let detections =
            calibration?.applied(to: found[0], of: model.detector, known.vocabulary) ?? found[0]
        metrics.addObjects(detections.count)
        let network = (ContinuousClock.now - start).seconds - waited
        return (
            [
                Answer(
                    name: entry.name, size: entry.size, detections: detections,
                    presence: presences.map { PictureResult.presence($0[0], of: known.vocabulary.names) },
                    image: nil)
            ],
            Times(waited: waited, network: network)
        )
    }

    /// How regions are scored for a request.
    private func scoring(_ request: DetectionRequest, _ model: LoadedModel) throws -> (
        ScoringOptions, AppliedCalibration?
    ) {
        var scoring = model.options
        if let threshold = request.scoreThreshold { scoring.scoreThreshold = threshold }
        if let limit = request.limit { scoring.limit = limit }
        scoring.includesPresence = request.includesPresence
        scoring.includesMasks = scoring.includesMasks && (request.includesMasks || request.keepsPictures)
        guard request.isCalibrated || request.keepsBest else { return (scoring, nil) }
        guard let calibration = model.calibration else {
            throw RequestFault.bad("the detector has no calibration (fvlm calibrate makes one)")
        }
        let applied = AppliedCalibration(
            calibration: calibration, maps: request.isCalibrated, keeps: request.keepsBest)
        return (applied.options(scoring), applied)
    }

    /// The classes that a request names; without examples' classes.
    fileprivate func vocabulary(_ request: DetectionRequest, _ model: LoadedModel, _ client: String)
        async throws
        -> KnownVocabulary
    {
        if let name = request.vocabulary { return try await vocabularies.named(name).known }
        if let classes = request.classes {
            guard !classes.isEmpty else { throw RequestFault.bad("classes is empty") }
            return try await vocabularies.words(classes, model.detector, queue, for: client)
        }
        if !request.examples.isEmpty, model.vocabulary == nil {
            let names = request.examples.map { Vocabulary.Class($0.box.className) }
            var seen: Set<String> = []
            let unique = names.filter { seen.insert(ClassNames.form($0.name)).inserted }
            return try await vocabularies.words(unique, model.detector, queue, for: client)
        }
        return try await vocabularies.ownVocabulary()
    }

    /// The classes of a request's examples, beside its words if it names some.
    func exampleVocabulary(
        _ request: DetectionRequest, _ pictures: [Decoded], _ words: KnownVocabulary, _ model: LoadedModel,
        _ client: String
    ) async throws -> KnownVocabulary {
        var exampleOptions = ExampleOptions()
        if let mix = request.mix { exampleOptions.mix = mix }
        let how = exampleOptions
        let made = try await queue.turn(for: client) {
            try await self.offload {
                var collector = ExampleCollector(model.detector, options: model.options)
                for (place, picture) in pictures.enumerated() {
                    guard let image = picture.image else { continue }
                    let boxes = request.examples.filter { $0.picture == place }.map(\.box)
                    try collector.add(image, named: picture.name, boxes)
                }
                return try collector.vocabulary(beside: words.vocabulary, options: how)
            }
        }.value
        let isNamed = request.classes != nil || request.vocabulary != nil
        return KnownVocabulary(isNamed ? try words.vocabulary.replacing(with: made) : made)
    }

    private func concurrently<Item: Sendable, Value: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Value
    ) async throws -> [Value] {
        if items.count == 1 { return [try await body(items[0])] }
        return try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            for (place, item) in items.enumerated() {
                group.addTask { (place, try await body(item)) }
            }
            var values: [(Int, Value)] = []
            for try await value in group { values.append(value) }
            return values.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

extension DetectionService {
    /// The classes that a request's examples show.
    func exampleVocabulary(_ request: DetectionRequest, for client: String) async throws -> Vocabulary {
        let model = try slot.model
        try request.check(options)
        guard !request.examples.isEmpty, !request.pictures.isEmpty else {
            throw RequestFault.bad("examples and the pictures that they are in are needed")
        }
        let place = try admit(request.pictures.count)
        defer { withExtendedLifetime(place) {} }
        let words = try await vocabulary(request, model, client)
        var decoded: [Decoded] = []
        for picture in request.pictures {
            decoded.append(try await decode(picture, model.detector, keepsImage: true))
        }
        return try await exampleVocabulary(request, decoded, words, model, client).vocabulary
    }
}
