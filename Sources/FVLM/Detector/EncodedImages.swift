import CLIP
import Imaging
import RegionDetection
import Torch

/// Pictures that a detector has seen once: boxes of possible objects, and the embeddings of both models for each.
///
/// ```swift
/// let seen = try await detector.encode([image])
/// let dogs = try await seen.detections(of: detector.vocabulary(of: ["dog"]))
/// let cars = try await seen.detections(of: detector.vocabulary(of: ["car", "lorry"]))
/// ```
///
/// Made by `Detector.encode`. Detections for any vocabulary follow without the network and equal those of
/// `Detector.detect` with the same pictures, to the bit; only masks, of what was found, use their head again. Safe to use
/// from several tasks.
public struct EncodedImages: Sendable {
    /// Pictures of one size.
    struct Batch: Sendable {
        /// Their places among all.
        let places: [Int]
        let seen: Detector.SeenBatch
    }

    /// The detector that has seen them.
    public let detector: Detector

    /// How regions were seen.
    public let options: ScoringOptions

    /// Whether masks can be asked for.
    public let includesMasks: Bool

    let batches: [Batch]
    let transforms: [SpatialTransform]

    /// The number of pictures.
    public var count: Int { transforms.count }

    /// The sizes of the pictures.
    public var sizes: [ImageSize] { transforms.map(\.source) }

    /// Finds objects of a vocabulary.
    /// - Parameters:
    ///   - vocabulary: The classes to find; made by this detector's CLIP, with a background row.
    ///   - options: Scoring options; by default those of the encoding, with masks if their maps were kept. Settings that
    ///     say how regions are seen must be those of the encoding; `scorer: none` uses the detector alone.
    ///   - includesEmbeddings: Whether detections carry ``Detection/embedding``.
    /// - Returns: The detections in each picture, best first.
    /// - Throws: `ConfigurationError` for other settings of regions and for masks without maps; `CLIPError` for another
    ///   CLIP's vocabulary; `DetectionError`, `TorchError`; `CancellationError`.
    public func detections(
        of vocabulary: Vocabulary, options: ScoringOptions? = nil, includesEmbeddings: Bool = false
    ) async throws -> [[Detection]] {
        try await detector.onQueue { checkCancellation in
            try found(vocabulary, options, includesEmbeddings, checkCancellation)
        }
    }

    /// Synchronous variant of `detections`, for code without tasks.
    public func detections(
        of vocabulary: Vocabulary, options: ScoringOptions? = nil, includesEmbeddings: Bool = false
    ) throws -> [[Detection]] {
        try detector.onQueueNow { try found(vocabulary, options, includesEmbeddings) }
    }

    /// Possible objects of a picture, whatever they are.
    public struct Regions: Sendable {
        /// The boxes, refined, in pixels of the picture and clipped to it, [P].
        public let boxes: [Box]

        /// The proposal network's probability that a box holds an object, [P].
        public let objectness: [Float]

        /// The box head's embeddings, [P, E] `float32` of length 1.
        public let embeddings: Tensor

        /// CLIP's embeddings, [P, E] `float32` of length 1; nil if CLIP does not look at regions.
        public let vlmEmbeddings: Tensor?

        /// Creates regions from their parts, for tests and benchmarks of what is made of them.
        package init(boxes: [Box], objectness: [Float], embeddings: Tensor, vlmEmbeddings: Tensor?) {
            self.boxes = boxes
            self.objectness = objectness
            self.embeddings = embeddings
            self.vlmEmbeddings = vlmEmbeddings
        }
    }

    /// The regions of the picture at a place, in the order of `Detection`'s proposals.
    /// - Throws: `TorchError`.
    public func regions(ofPicture place: Int) throws -> Regions {
        for batch in batches {
            guard let row = batch.places.firstIndex(of: place) else { continue }
            let seen = batch.seen.regions
            let counts = seen.boxes.map(\.count)
            let rows = counts[..<row].reduce(0, +)..<counts[...row].reduce(0, +)
            func unit(_ embeddings: Tensor) throws -> Tensor {
                try TextClassifier.unit(embeddings[rows]).to(device: .cpu)
            }
            let back = transforms[place].inverse
            let corners = try seen.boxes[row].tensor.array(of: Float.self).map { Double($0) }
            return Regions(
                boxes: (0..<counts[row]).map { index in
                    let box = Box(
                        x1: corners[4 * index], y1: corners[4 * index + 1], x2: corners[4 * index + 2],
                        y2: corners[4 * index + 3])
                    return back.apply(to: box).clipped(to: back.target)
                },
                objectness: try seen.objectness[row].to(.float32).array(of: Float.self),
                embeddings: try unit(seen.embeddings), vlmEmbeddings: try seen.vlmEmbeddings.map(unit))
        }
        throw DetectionError("EncodedImages", "there are \(count) pictures, none at the place \(place)")
    }

    /// The masks of the regions of the picture at a place, in their order; nil without the maps of masks.
    /// - Throws: `DetectionError`, `TorchError`.
    public func masks(ofPicture place: Int) throws -> [Mask]? {
        let regions = try regions(ofPicture: place)
        guard let batch = batches.first(where: { $0.places.contains(place) }),
            let row = batch.places.firstIndex(of: place), let levels = batch.seen.regions.maskLevels
        else { return nil }
        let (network, size) = (detector.network, transforms[place].source)
        let probabilities = try detector.onQueueNow {
            try withoutGradients { try network.masks(levels, boxes: batch.seen.regions.boxes)?[row] }
        }
        guard let probabilities = try probabilities?.contiguous() else { return nil }
        return try regions.boxes.indices.map { index in
            try MaskPatch(
                side: probabilities.shape[1], probabilities: probabilities[index].array(of: Float.self),
                placement: network.architecture.maskPlacement, threshold: options.maskThreshold
            ).mask(of: regions.boxes[index], in: size)
        }
    }

    /// How likely each class of a vocabulary is in each picture at all, from 0 to 1; see
    /// ``ScoringOptions/presenceWeight``.
    /// - Parameters:
    ///   - vocabulary: As for `detections(of:options:includesEmbeddings:)`.
    ///   - options: Scoring options; those of the encoding by default.
    /// - Returns: The presences of each picture, in the order of the vocabulary's classes.
    /// - Throws: `ConfigurationError` for pictures that were encoded without ``ScoringOptions/includesPresence``; otherwise as
    ///   `detections(of:options:includesEmbeddings:)`.
    public func presences(of vocabulary: Vocabulary, options: ScoringOptions? = nil) throws -> [[Float]] {
        let options = options ?? self.options
        return try presenceEvidence(of: vocabulary, options: options).map { $0.map(options.presence) }
    }

    /// As the synchronous `presences`, without holding a task's thread.
    public func presences(of vocabulary: Vocabulary, options: ScoringOptions? = nil) async throws -> [[Float]]
    {
        let options = options ?? self.options
        return try await detector.onQueue { _ in try evidence(of: vocabulary, options) }
            .map { $0.map(options.presence) }
    }

    /// What the presences rest on.
    public func presenceEvidence(
        of vocabulary: Vocabulary, options: ScoringOptions? = nil
    ) throws -> [[PresenceEvidence]] {
        try detector.onQueueNow { try evidence(of: vocabulary, options ?? self.options) }
    }

    private func evidence(of vocabulary: Vocabulary, _ given: ScoringOptions) throws -> [[PresenceEvidence]] {
        var wanted = given
        wanted.includesPresence = true
        wanted.includesMasks = false
        try wanted.validate()
        try check(wanted)
        let network = detector.network
        let classes = try detector.rows(of: vocabulary)
        var results = [[PresenceEvidence]](repeating: [], count: count)
        for batch in batches {
            let seen = batch.seen.regions
            let found = try withoutGradients {
                try network.presenceEvidence(
                    in: seen, network.scores(seen, classes: classes, options: wanted), classes: classes,
                    options: wanted)
            }
            for (place, evidence) in zip(batch.places, found) {
                results[place] = Array(evidence.dropFirst())
            }
        }
        return results
    }

    private func found(
        _ vocabulary: Vocabulary, _ given: ScoringOptions?, _ includesEmbeddings: Bool,
        _ checkCancellation: () throws -> Void = {}
    ) throws -> [[Detection]] {
        var options = given ?? self.options
        if given == nil { options.includesMasks = options.includesMasks && includesMasks }
        try options.validate()
        try check(options)
        let classes = try detector.rows(of: vocabulary)
        var results = [[Detection]](repeating: [], count: count)
        for batch in batches {
            let found = try detector.detections(
                in: batch.seen, classes, options, includesEmbeddings: includesEmbeddings, checkCancellation)
            for (place, detections) in zip(batch.places, found) { results[place] = detections }
        }
        return results
    }

    /// Refuses what the encoding cannot answer.
    private func check(_ wanted: ScoringOptions) throws {
        if wanted.scorer != ScoringOptions.Scorer.none,
            let key = wanted.regionSetting(differingFrom: options)
        {
            throw ConfigurationError(
                key: "scoring.\(key)",
                reason:
                    "says how regions are seen, and these pictures were encoded with another value: encode "
                    + "them again with these options")
        }
        if wanted.looksAtPictures, !options.looksAtPictures {
            throw ConfigurationError(
                key: "scoring.includesPresence",
                reason:
                    "these pictures were encoded without a look at them as a whole: encode them with includesPresence"
            )
        }
        if wanted.includesMasks, !includesMasks, detector.configuration.network.masks {
            throw ConfigurationError(
                key: "scoring.includesMasks",
                reason:
                    "these pictures were encoded without the maps of masks: encode them with includesMasks, "
                    + "or turn masks off")
        }
    }
}

extension ScoringOptions {
    /// The first setting of how regions are seen that differs from another's; the others only weigh what was seen.
    func regionSetting(differingFrom other: ScoringOptions) -> String? {
        let settings: [(String, Bool)] = [
            ("scorer", scorer == other.scorer), ("vlmRegions", vlmRegions == other.vlmRegions),
            ("vlmScales", vlmScales == other.vlmScales),
            ("vlmScalesPerRegion", vlmScalesPerRegion == other.vlmScalesPerRegion),
            ("vlmObjectSize", vlmObjectSize == other.vlmObjectSize), ("vlmDense", vlmDense == other.vlmDense),
        ]
        return settings.first { !$0.1 }?.0
    }
}
