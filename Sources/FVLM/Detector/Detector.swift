import CLIP
import RegionDetection
import Dispatch
import Imaging
import Support
import Synchronization
import Torch

/// Detects objects of arbitrary named classes in pictures.
///
/// ```swift
/// let detector = try Detector.load("model")
/// let vocabulary = try await detector.vocabulary(of: ["dog", "traffic light"])
/// let found = try await detector.detect(
///     [Image(contentsOf: "street.jpg")], vocabulary: vocabulary)
/// for detection in found[0] {
///     print(detection.label, detection.score, detection.box)
/// }
/// ```
///
/// Safe to use from several tasks: calls run one after another, each with all threads. A vocabulary is encoded once and
/// can be reused; switching vocabularies costs nothing. The detections in a picture do not depend on the other pictures
/// in a call.
public final class Detector: Sendable {
    /// The architecture of the detector, and its default scoring.
    public let configuration: DetectorConfiguration

    /// The frozen CLIP.
    public let clip: CLIPModel

    /// CLIP's image tower as used by the network.
    public let trunk: any Trunk

    /// The trained part.
    public let network: DetectorNetwork

    /// The device of the networks.
    public let device: Device

    /// The CLIP's identity, which vocabularies must match.
    public let identity: CLIPIdentity

    /// The names of the classes that the heads were trained on, if known, in the form that the text tower sees: they
    /// are base classes unless a vocabulary states its own.
    public let trainedNames: Set<String>

    private let preprocessor: ImagePreprocessor
    let padding: ImageBatch.Padding
    private let queue = DispatchQueue(label: "fvlm.detector", qos: .userInitiated)

    /// Creates a detector from its parts, with loaded weights.
    /// - Parameters:
    ///   - configuration: The architecture and use of the detector.
    ///   - clip: The frozen model that gives features and embeds texts.
    ///   - network: The trained part.
    ///   - trainedNames: The names of the classes that the heads were trained on, in any letter case. If empty, every
    ///     class of a vocabulary counts as novel unless the vocabulary states otherwise.
    /// - Throws: `ConfigurationError` if the configuration does not fit the CLIP, `TorchError` if CLIP has no
    ///   weights.
    public init(
        configuration: DetectorConfiguration, clip: CLIPModel, network: DetectorNetwork,
        trainedNames: some Sequence<String> = []
    ) throws {
        self.trainedNames = Set(trainedNames.map(ClassName.key))
        var configuration = configuration
        configuration.scoring.includesMasks =
            configuration.scoring.includesMasks && configuration.network.masks
        self.configuration = configuration
        self.clip = clip
        self.network = network
        device = try clip.device
        guard network.store.device == device else {
            throw TorchError(
                "Detector",
                reason: "the CLIP is on \(device), the detector's network on \(network.store.device)")
        }
        trunk = try configuration.trunk(of: clip)
        // An impossible scorer is an error now, not at the first picture.
        _ = try trunk.scorer(for: configuration.scoring)
        identity = try clip.identity()
        preprocessor = configuration.preprocessor
        padding = .init(multiple: configuration.sizeMultiple(for: clip.configuration))
    }

    /// Detects objects in pictures.
    /// - Parameters:
    ///   - images: Any pictures; they are batched together.
    ///   - vocabulary: The classes to detect; made by this detector's CLIP, with a background row.
    ///   - options: Scoring options; the configuration's by default.
    /// - Returns: The detections in each picture, best first.
    /// - Throws: `CLIPError` for another CLIP's vocabulary, `DetectionError`, `ImagingError`, `TorchError`;
    ///   `CancellationError`.
    public func detect(
        _ images: [Image], vocabulary: Vocabulary, options: ScoringOptions? = nil
    ) async throws -> [[Detection]] {
        try await detect(
            prepared: StageProfile.measure(.decoding) {
                try images.map { image in
                    try Task.checkCancellation()
                    return try prepare(image)
                }
            },
            vocabulary: vocabulary, options: options)
    }

    /// Detects objects in pictures prepared with ``prepare(_:)``, possibly ahead of time and by other tasks.
    ///
    /// Otherwise the same as the method for unprepared pictures.
    /// - Parameters:
    ///   - images: The prepared pictures.
    ///   - vocabulary: The classes to find.
    ///   - options: How regions are scored; the configuration's by default.
    ///   - includesEmbeddings: Whether detections carry ``Detection/embedding``.
    public func detect(
        prepared images: [PixelValues], vocabulary: Vocabulary, options: ScoringOptions? = nil,
        includesEmbeddings: Bool = false
    ) async throws -> [[Detection]] {
        guard !images.isEmpty else { return [] }
        return try await onQueue { [self] checkCancellation in
            try found(
                images, vocabulary, options ?? configuration.scoring,
                includesEmbeddings: includesEmbeddings, checkCancellation)
        }
    }

    /// Synchronous variant of `detect`, for code without tasks.
    public func detect(
        _ images: [Image], vocabulary: Vocabulary, options: ScoringOptions? = nil
    ) throws -> [[Detection]] {
        try detect(
            prepared: StageProfile.measure(.decoding) { try images.map(prepare) },
            vocabulary: vocabulary, options: options)
    }

    /// Synchronous variant of the method for prepared pictures.
    public func detect(
        prepared images: [PixelValues], vocabulary: Vocabulary, options: ScoringOptions? = nil
    ) throws -> [[Detection]] {
        guard !images.isEmpty else { return [] }
        return try onQueueNow { try found(images, vocabulary, options ?? configuration.scoring) }
    }

    /// Converts a picture to the network's input form; safe to call from several tasks.
    ///
    /// On NVIDIA's GPUs the picture's bytes are sent to the device, beside what it computes.
    /// - Throws: `ImagingError`, `TorchError`.
    public func prepare(_ image: Image) throws -> PixelValues {
        try device.copiesAsynchronously ? preprocessor.bytes(image, sentTo: device) : preprocessor(image)
    }

    /// Encodes class names for detection.
    /// - Parameters:
    ///   - names: The names of the classes; lists are never split.
    ///   - templates: The prompt templates.
    /// - Throws: `CLIPError` if there is no tokenizer next to CLIP's weights.
    public func vocabulary(of names: [String], templates: PromptTemplates = .imageNet) async throws
        -> Vocabulary
    {
        try await vocabulary(of: names.map { Vocabulary.Class($0) }, templates: templates)
    }

    /// Encodes classes for detection, with their synonyms.
    /// - Parameters:
    ///   - classes: The classes.
    ///   - templates: The prompt templates.
    ///   - article: The treatment of an `a` right before a name.
    /// - Throws: As `vocabulary(of:templates:)` for names.
    public func vocabulary(
        of classes: [Vocabulary.Class], templates: PromptTemplates = .imageNet, article: Article = .asWritten
    ) async throws -> Vocabulary {
        try await onQueue { [self] _ in
            try Vocabulary(
                encoding: classes, templates: templates, article: article, with: clip,
                tokenizer: clip.tokenizer())
        }
    }

    /// Runs work in its turn, on this thread.
    func onQueueNow<Value>(_ body: () throws -> Value) throws -> Value {
        let profile = StageProfile.current
        return try queue.sync { try StageProfile.$current.withValue(profile) { try body() } }
    }

    /// Runs work outside the threads of tasks, which must not block. A canceled task stops waiting.
    func onQueue<Value: Sendable>(
        _ body: @escaping @Sendable (_ checkCancellation: () throws -> Void) throws -> Value
    ) async throws -> Value {
        let turn = Turn<Value>()
        // The queue's threads have no task of their own.
        let profile = StageProfile.current
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard turn.wait(continuation) else { return }
                queue.async {
                    guard turn.begin() else { return }
                    turn.end(
                        Result {
                            try StageProfile.$current.withValue(profile) { try body(turn.checkCancellation) }
                        })
                }
            }
        } onCancel: {
            turn.cancel()
        }
    }

    /// Whether the heads were trained on a class of this name, in any spelling: `polar_bear` and `Polar bear` are one
    /// class.
    public func wasTrained(on name: String) -> Bool { trainedNames.contains(ClassName.key(name)) }

    /// The vocabulary's base classes if it states them, otherwise the classes that the heads were trained on.
    package func isBase(_ vocabulary: Vocabulary) -> [Bool]? {
        if let isBase = vocabulary.isBase { return isBase }
        return trainedNames.isEmpty ? nil : vocabulary.names.map(wasTrained)
    }

    private func found(
        _ prepared: [PixelValues], _ vocabulary: Vocabulary, _ options: ScoringOptions,
        includesEmbeddings: Bool = false, _ checkCancellation: () throws -> Void = {}
    ) throws -> [[Detection]] {
        try options.validate()
        let classes = try rows(of: vocabulary)
        var results = [[Detection]](repeating: [], count: prepared.count)
        // A group at a time, so that the maps of one are in memory.
        for places in groups(prepared) {
            try checkCancellation()
            let seen = try encoded(
                places.map { prepared[$0] }, options, includesMasks: options.includesMasks, checkCancellation)
            let found = try detections(
                in: seen, classes, options, includesEmbeddings: includesEmbeddings, checkCancellation)
            for (place, detections) in zip(places, found) { results[place] = detections }
        }
        return results
    }

    /// Indices of pictures that are batched together: those padded to the same size. Otherwise the detections in a
    /// picture would depend on the rest of the batch, since the network sees where padding ends.
    func groups(_ prepared: [PixelValues]) -> [[Int]] {
        let sizes = prepared.map { padding.size($0.size.height, $0.size.width) }
        var groups: [[Int]] = []
        for place in prepared.indices {
            if let group = groups.firstIndex(where: { sizes[$0[0]] == sizes[place] }) {
                groups[group].append(place)
            } else {
                groups.append([place])
            }
        }
        return groups
    }
}

/// A task's turn in a detector's queue: waiting, running, or finished.
private final class Turn<Value: Sendable>: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Value, any Error>?
        var isCancelled = false
        var hasBegun = false
    }

    private let state = Mutex(State())

    /// Starts waiting.
    /// - Returns: Whether there is a turn to wait for: a task canceled before ends at once.
    func wait(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let isCancelled = state.withLock { state in
            if !state.isCancelled { state.continuation = continuation }
            return state.isCancelled
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
        return !isCancelled
    }

    /// Starts the turn.
    /// - Returns: Whether the task is still waiting for it.
    func begin() -> Bool {
        state.withLock { state in
            state.hasBegun = true
            return state.continuation != nil
        }
    }

    func end(_ result: Result<Value, any Error>) { taken()?.resume(with: result) }

    /// Stops waiting; work that has begun stops at its next step.
    func cancel() {
        let waiting = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            state.isCancelled = true
            guard !state.hasBegun else { return nil }
            defer { state.continuation = nil }
            return state.continuation
        }
        waiting?.resume(throwing: CancellationError())
    }

    func checkCancellation() throws {
        if state.withLock({ $0.isCancelled }) { throw CancellationError() }
    }

    private func taken() -> CheckedContinuation<Value, any Error>? {
        state.withLock { state in
            defer { state.continuation = nil }
            return state.continuation
        }
    }
}
