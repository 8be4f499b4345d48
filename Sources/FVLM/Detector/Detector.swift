import CLIP
import RegionDetection
import Dispatch
import Imaging
import Support
import Synchronization
import Torch

/// Finds objects of any named classes in pictures.
///
/// ```swift
/// let detector = try Detector.load("model")
/// let vocabulary = try await detector.vocabulary(of: ["dog", "traffic light"])
/// let found = try await detector.detect([Image(contentsOf: "street.jpg")], vocabulary: vocabulary)
/// for detection in found[0] { print(detection.label, detection.score, detection.box) }
/// ```
///
/// Safe to use from several tasks: their calls are worked on one after another, each with all threads. A vocabulary is
/// encoded once and used as often as wanted; changing it costs nothing. What is found in a picture does not depend on the
/// pictures that it is given with.
public final class Detector: Sendable {
    /// How the detector is built, and how it scores where a call does not say otherwise.
    public let configuration: DetectorConfiguration

    /// The frozen CLIP.
    public let clip: CLIPModel

    /// CLIP's image tower, as the network uses it.
    public let trunk: any Trunk

    /// The trained part.
    public let network: DetectorNetwork

    /// The CLIP's identity, which vocabularies must have been made by.
    public let identity: CLIPIdentity

    /// The names of the classes that the heads were trained on, if they are known, in the form that the text tower sees:
    /// they are base classes wherever a vocabulary does not say which ones are.
    public let trainedNames: Set<String>

    private let preprocessor: ImagePreprocessor
    private let padding: ImageBatch.Padding
    private let queue = DispatchQueue(label: "fvlm.detector", qos: .userInitiated)

    /// A detector of its parts, whose weights are set.
    /// - Parameter trainedNames: Of the classes that the heads were trained on, in any case of letters. With none, every
    ///   class of a vocabulary that does not say otherwise counts as novel.
    /// - Throws: ``ConfigurationError`` when the configuration does not suit the CLIP, `TorchError` when CLIP has no
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
        trunk = try configuration.trunk(of: clip)
        // An impossible scorer is an error now, not at the first picture.
        _ = try trunk.scorer(for: configuration.scoring)
        identity = try clip.identity()
        preprocessor = configuration.preprocessor
        padding = .init(multiple: configuration.sizeMultiple(for: clip.configuration))
    }

    /// Finds objects in pictures.
    /// - Parameters:
    ///   - images: Any pictures; they go through the network together.
    ///   - vocabulary: What is looked for; made by this detector's CLIP, with a background row.
    ///   - options: The configuration's when left out.
    /// - Returns: What was found in each picture, the best first.
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

    /// Finds objects in pictures that were prepared, ahead and by other tasks, with ``prepare(_:)``.
    ///
    /// Otherwise as the method that takes pictures.
    public func detect(
        prepared images: [PixelValues], vocabulary: Vocabulary, options: ScoringOptions? = nil
    ) async throws -> [[Detection]] {
        guard !images.isEmpty else { return [] }
        // The queue's threads have no task of their own.
        let profile = StageProfile.current
        return try await onQueue { [self] checkCancellation in
            try StageProfile.$current.withValue(profile) {
                try found(images, vocabulary, options ?? configuration.scoring, checkCancellation)
            }
        }
    }

    /// Synchronous variant of `detect`, for programs without tasks.
    public func detect(
        _ images: [Image], vocabulary: Vocabulary, options: ScoringOptions? = nil
    ) throws -> [[Detection]] {
        try detect(
            prepared: StageProfile.measure(.decoding) { try images.map(prepare) },
            vocabulary: vocabulary, options: options)
    }

    /// Synchronous variant of the method that takes prepared pictures.
    public func detect(
        prepared images: [PixelValues], vocabulary: Vocabulary, options: ScoringOptions? = nil
    ) throws -> [[Detection]] {
        guard !images.isEmpty else { return [] }
        let profile = StageProfile.current
        return try queue.sync {
            try StageProfile.$current.withValue(profile) {
                try found(images, vocabulary, options ?? configuration.scoring)
            }
        }
    }

    /// Brings a picture to the form that the network takes; safe to call from several tasks.
    /// - Throws: `ImagingError`, `TorchError`.
    public func prepare(_ image: Image) throws -> PixelValues { try preprocessor(image) }

    /// Encodes names, to be looked for.
    /// - Parameters:
    ///   - names: The classes' names; lists are never split.
    ///   - templates: The sentences that names are put into.
    /// - Throws: `CLIPError` when there is no tokenizer beside CLIP's weights.
    public func vocabulary(of names: [String], templates: PromptTemplates = .imageNet) async throws
        -> Vocabulary
    {
        try await onQueue { [self] _ in
            try Vocabulary(
                encoding: names.map { Vocabulary.Class($0) }, templates: templates, with: clip,
                tokenizer: clip.tokenizer())
        }
    }

    /// Off the tasks' threads, which must not be blocked. A task that is cancelled waits no longer.
    private func onQueue<Value: Sendable>(
        _ body: @escaping @Sendable (_ checkCancellation: () throws -> Void) throws -> Value
    ) async throws -> Value {
        let turn = Turn<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard turn.wait(continuation) else { return }
                queue.async {
                    guard turn.begin() else { return }
                    turn.end(Result { try body(turn.checkCancellation) })
                }
            }
        } onCancel: {
            turn.cancel()
        }
    }

    /// Whether the heads were trained on a class of this name, however it is spelled: `polar_bear` and
    /// `Polar bear` are one class.
    public func wasTrained(on name: String) -> Bool { trainedNames.contains(ClassName.key(name)) }

    /// What the vocabulary says, and otherwise whether the heads were trained on a class of this name.
    private func isBase(_ vocabulary: Vocabulary) -> [Bool]? {
        if let isBase = vocabulary.isBase { return isBase }
        return trainedNames.isEmpty ? nil : vocabulary.names.map(wasTrained)
    }

    private func found(
        _ prepared: [PixelValues], _ vocabulary: Vocabulary, _ options: ScoringOptions,
        _ checkCancellation: () throws -> Void = {}
    ) throws -> [[Detection]] {
        try options.validate()
        let texts = try vocabulary.matrix(for: identity, withBackground: true)
        let isBase = isBase(vocabulary).map { [false] + $0 }
        var results = [[Detection]](repeating: [], count: prepared.count)
        for places in groups(prepared) {
            try checkCancellation()
            let group = places.map { prepared[$0] }
            let batch = try ImageBatch(
                group.map(\.tensor), padding: padding,
                contents: group.map { Size2D($0.content.height, $0.content.width) })
            let found = try network.detections(
                in: batch, trunk: trunk, texts: texts, names: vocabulary.names, isBase: isBase,
                options: options, checkCancellation: checkCancellation)
            for (place, detections) in zip(places, found) {
                let back = prepared[place].transform.inverse
                results[place] = detections.compactMap { detection in
                    let box = back.apply(to: detection.box).clipped(to: back.target)
                    // Nothing of it is in the picture; detectron2's post-processing drops such boxes too.
                    return box.width > 0 && box.height > 0 ? detection.moved(to: box) : nil
                }
            }
        }
        return results
    }

    /// Places of pictures that go through the network together: those that are padded to the same size. What is found in
    /// a picture would otherwise depend on its company, since the network sees where padding ends.
    private func groups(_ prepared: [PixelValues]) -> [[Int]] {
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

/// A task's turn on a detector's queue: waiting, working, or over.
private final class Turn<Value: Sendable>: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Value, any Error>?
        var isCancelled = false
        var hasBegun = false
    }

    private let state = Mutex(State())

    /// Begins to wait.
    /// - Returns: Whether there is something to wait for: a task that was cancelled before ends at once.
    func wait(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let isCancelled = state.withLock { state in
            if !state.isCancelled { state.continuation = continuation }
            return state.isCancelled
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
        return !isCancelled
    }

    /// The turn has come.
    /// - Returns: Whether somebody still waits for it.
    func begin() -> Bool {
        state.withLock { state in
            state.hasBegun = true
            return state.continuation != nil
        }
    }

    func end(_ result: Result<Value, any Error>) { taken()?.resume(with: result) }

    /// Ends the wait; work that has begun ends at its next step.
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
