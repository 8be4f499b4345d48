import CLIP
import RegionDetection
import Dispatch
import Imaging
import Support
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
/// encoded once and used as often as wanted; changing it costs nothing.
public final class Detector: Sendable {
    /// How the detector is built.
    public let configuration: DetectorConfiguration

    /// The frozen CLIP.
    public let clip: CLIPModel

    /// The network.
    public let model: FVLMModel

    /// The CLIP's identity, which vocabularies must have been made by.
    public let identity: CLIPIdentity

    /// The names of the classes that the heads were trained on, in lower case, as far as they are known: they are base
    /// classes wherever a vocabulary does not say which ones are.
    public let trainedNames: Set<String>

    private let preprocessor: ImagePreprocessor
    private let sizeMultiple: Int
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
        self.configuration = configuration
        self.clip = clip
        model = FVLMModel(trunk: try configuration.trunk(of: clip), network: network)
        identity = try clip.identity()
        preprocessor = configuration.preprocessor
        sizeMultiple = configuration.sizeMultiple(for: clip.configuration)
    }

    /// Finds objects in pictures.
    /// - Parameters:
    ///   - images: Any pictures; they go through the network together.
    ///   - vocabulary: What is looked for; made by this detector's CLIP, with a background row.
    ///   - options: The configuration's when left out.
    ///   - profile: Adds up where the time goes.
    /// - Returns: What was found in each picture, the best first.
    /// - Throws: `CLIPError` for another CLIP's vocabulary, `DetectionError`, `ImagingError`, `TorchError`;
    ///   `CancellationError`.
    public func detect(
        _ images: [Image], vocabulary: Vocabulary, options: DetectionOptions? = nil,
        profile: StageProfile? = nil
    ) async throws -> [[Detection]] {
        try await detect(
            prepared: StageProfile.measure(profile, .decoding) { try images.map(prepare) },
            vocabulary: vocabulary, options: options, profile: profile)
    }

    /// Finds objects in pictures that were prepared, ahead and by other tasks, with ``prepare(_:)``.
    ///
    /// Otherwise as the method that takes pictures.
    public func detect(
        prepared images: [PreparedImage], vocabulary: Vocabulary, options: DetectionOptions? = nil,
        profile: StageProfile? = nil
    ) async throws -> [[Detection]] {
        guard !images.isEmpty else { return [] }
        return try await onQueue { [self] in
            try foundBySize(images, vocabulary, options ?? configuration.options, profile)
        }
    }

    /// As the other method of this name, on the calling thread; for programs without tasks.
    public func detect(
        _ images: [Image], vocabulary: Vocabulary, options: DetectionOptions? = nil,
        profile: StageProfile? = nil
    ) throws -> [[Detection]] {
        guard !images.isEmpty else { return [] }
        return try detect(
            prepared: StageProfile.measure(profile, .decoding) { try images.map(prepare) },
            vocabulary: vocabulary, options: options, profile: profile)
    }

    /// Synchronous variant of the method that takes prepared pictures.
    public func detect(
        prepared images: [PreparedImage], vocabulary: Vocabulary, options: DetectionOptions? = nil,
        profile: StageProfile? = nil
    ) throws -> [[Detection]] {
        guard !images.isEmpty else { return [] }
        return try queue.sync {
            try foundBySize(images, vocabulary, options ?? configuration.options, profile)
        }
    }

    /// Brings a picture to the form that the network takes; safe to call from several tasks.
    /// - Throws: `ImagingError`, `TorchError`.
    public func prepare(_ image: Image) throws -> PreparedImage { try PreparedImage(image, preprocessor) }

    /// Encodes names, to be looked for.
    /// - Parameters:
    ///   - names: The classes' names; lists are never split.
    ///   - templates: The sentences that names are put into.
    /// - Throws: `CLIPError` when there is no tokenizer beside CLIP's weights.
    public func vocabulary(of names: [String], templates: PromptTemplates = .imageNet) async throws
        -> Vocabulary
    {
        try await onQueue { [self] in
            try Vocabulary(
                encoding: names.map { Vocabulary.Class($0) }, templates: templates, with: clip,
                tokenizer: clip.tokenizer())
        }
    }

    /// Off the tasks' threads, which must not be blocked.
    private func onQueue<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws
        -> Value
    {
        try Task.checkCancellation()
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try body() }) }
        }
    }

    /// What the vocabulary says, and otherwise whether the heads were trained on a class of this name.
    private func isBase(_ vocabulary: Vocabulary) -> [Bool]? {
        if let isBase = vocabulary.isBase { return isBase }
        return trainedNames.isEmpty ? nil : vocabulary.names.map { trainedNames.contains(ClassName.key($0)) }
    }

    /// Pictures of one size go through the network together. Others would add padding, which changes what the network
    /// sees: results must not depend on the company.
    private func foundBySize(
        _ prepared: [PreparedImage], _ vocabulary: Vocabulary, _ options: DetectionOptions,
        _ profile: StageProfile?
    ) throws -> [[Detection]] {
        var results = [[Detection]](repeating: [], count: prepared.count)
        let groups = Dictionary(grouping: prepared.indices) { index in
            let size = prepared[index].pixels.size
            func padded(_ side: Int) -> Int { (side + sizeMultiple - 1) / sizeMultiple * sizeMultiple }
            return ImageSize(width: padded(size.width), height: padded(size.height))
        }
        for places in groups.values.sorted(by: { $0[0] < $1[0] }) {
            let group = try found(places.map { prepared[$0] }, vocabulary, options, profile)
            for (place, detections) in zip(places, group) { results[place] = detections }
        }
        return results
    }

    private func found(
        _ prepared: [PreparedImage], _ vocabulary: Vocabulary, _ options: DetectionOptions,
        _ profile: StageProfile?
    ) throws -> [[Detection]] {
        let texts = try vocabulary.matrix(for: identity, withBackground: true)
        let isBase = isBase(vocabulary).map { [false] + $0 }
        let padded = try ImageBatch(
            prepared.map(\.pixels.tensor), multiple: sizeMultiple)
        let batch = ImageBatch(pixels: padded.pixels, sizes: prepared.map(\.content))
        let results = try model(batch, texts: texts, isBase: isBase, options: options, profile: profile)
        return try zip(results, prepared).map { result, image in
            let corners = try result.boxes.tensor.array(of: Float.self).map { Double($0) }
            let masks = try result.masks.map { try $0.contiguous() }
            let back = image.pixels.transform.inverse
            return try result.scores.indices.compactMap { row in
                let box = Box(
                    x1: corners[4 * row], y1: corners[4 * row + 1], x2: corners[4 * row + 2],
                    y2: corners[4 * row + 3])
                let placed = back.apply(to: box).clipped(to: back.target)
                // Nothing of it is in the picture; detectron2's post-processing drops such boxes too.
                guard placed.width > 0, placed.height > 0 else { return nil }
                let classIndex = result.classes[row] - 1
                return Detection(
                    box: placed, score: result.scores[row],
                    detectorScore: result.detectorScores[row], vlmScore: result.vlmScores[row],
                    label: vocabulary.classes[classIndex].name, classIndex: classIndex,
                    mask: try masks.map {
                        MaskPatch(side: $0.shape[1], probabilities: try $0[row].array(of: Float.self))
                    })
            }
        }
    }
}

extension DetectorConfiguration {
    /// How pictures are prepared.
    public var preprocessor: ImagePreprocessor {
        let fitting: ImagePreprocessor.Fitting =
            switch input.fitting {
            case .square: .square(side: input.size)
            case .longestSide: .shortestSide(input.size, longestSide: input.size, multiple: 1)
            case .shortestSide: .shortestSide(input.size, longestSide: input.longestSide, multiple: 1)
            }
        return ImagePreprocessor(fitting: fitting, filter: .bilinear, padding: .zero)
    }

    /// The frozen trunk that the configuration makes of a CLIP.
    /// - Throws: ``ConfigurationError`` when it does not suit the CLIP.
    public func trunk(of clip: CLIPModel) throws -> FrozenTrunk {
        try FrozenTrunk(
            clip.vision, scorer: scorer(for: clip.configuration),
            featureBlock: trunk.featureBlock,
            cropSampling: family == .published ? .cellCenters : .aligned(ratio: 2),
            resolution: RegionResolution(
                scales: scoring.vlmScales, objectSize: scoring.vlmObjectSize,
                scalesPerRegion: scoring.vlmScalesPerRegion, isDense: scoring.vlmDense))
    }
}
