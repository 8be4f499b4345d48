import CLIP
import Imaging
import RegionDetection
import Torch

extension Detector {
    /// Looks at pictures once, so that objects of any vocabulary can be found in them later without the network.
    ///
    /// ```swift
    /// let seen = try await detector.encode([Image(contentsOf: "street.jpg")])
    /// let dogs = try await seen.detections(of: detector.vocabulary(of: ["dog"]))
    /// let cars = try await seen.detections(of: detector.vocabulary(of: ["car", "lorry"]))
    /// ```
    /// - Parameters:
    ///   - images: Any pictures; they are batched together as in `detect(_:vocabulary:options:)`.
    ///   - options: How regions are seen; the configuration's by default. Thresholds, weights and temperatures can be
    ///     chosen anew for every vocabulary.
    ///   - includesMasks: Whether masks can be asked for later. Their maps take most of the memory: 89 MB for a picture of
    ///     1,024 pixels in the published family, beside 8 MB for 1,000 regions with embeddings of width 1,024.
    /// - Throws: `DetectionError`, `ImagingError`, `TorchError`; `CancellationError`.
    public func encode(
        _ images: [Image], options: ScoringOptions? = nil, includesMasks: Bool = true
    ) async throws -> EncodedImages {
        try await encode(
            prepared: StageProfile.measure(.decoding) {
                try images.map { image in
                    try Task.checkCancellation()
                    return try prepare(image)
                }
            }, options: options, includesMasks: includesMasks)
    }

    /// As `encode(_:options:includesMasks:)` for pictures prepared with ``prepare(_:)``.
    public func encode(
        prepared images: [PixelValues], options: ScoringOptions? = nil, includesMasks: Bool = true
    ) async throws -> EncodedImages {
        try await onQueue { [self] checkCancellation in
            try encodedImages(images, options, includesMasks, checkCancellation)
        }
    }

    /// Synchronous variant of `encode`, for code without tasks.
    public func encode(
        _ images: [Image], options: ScoringOptions? = nil, includesMasks: Bool = true
    ) throws -> EncodedImages {
        try encode(
            prepared: StageProfile.measure(.decoding) { try images.map(prepare) }, options: options,
            includesMasks: includesMasks)
    }

    /// Synchronous variant of the method for prepared pictures.
    public func encode(
        prepared images: [PixelValues], options: ScoringOptions? = nil, includesMasks: Bool = true
    ) throws -> EncodedImages {
        try onQueueNow { try encodedImages(images, options, includesMasks) }
    }

    /// Looks at given boxes of pictures, such as examples, annotations or another detector's boxes: they are the regions,
    /// in their order, and are not refined. Their objectness is 1.
    /// - Parameters:
    ///   - images: The pictures.
    ///   - boxes: The boxes of each picture, in its pixels; clipped to it.
    ///   - options: How regions are seen; the configuration's by default.
    ///   - includesMasks: Whether masks can be asked for later.
    /// - Throws: `DetectionError` for a box without a part in its picture; otherwise as
    ///   `encode(_:options:includesMasks:)`.
    public func encode(
        _ images: [Image], boxes: [[Box]], options: ScoringOptions? = nil, includesMasks: Bool = true
    ) throws -> EncodedImages {
        try onQueueNow {
            try encodedImages(images.map(prepare), boxes: boxes, options, includesMasks)
        }
    }

    private func encodedImages(
        _ prepared: [PixelValues], boxes: [[Box]]? = nil, _ options: ScoringOptions?, _ includesMasks: Bool,
        _ checkCancellation: () throws -> Void = {}
    ) throws -> EncodedImages {
        let boxes = try boxes.map { try Self.clipped($0, to: prepared.map(\.transform.source)) }
        let options = options ?? configuration.scoring
        try options.validate()
        let includesMasks = includesMasks && configuration.network.masks
        let batches = try groups(prepared).map { places in
            try checkCancellation()
            return EncodedImages.Batch(
                places: places,
                seen: try encoded(
                    places.map { prepared[$0] }, boxes: boxes.map { boxes in places.map { boxes[$0] } },
                    options,
                    includesMasks: includesMasks, checkCancellation))
        }
        return EncodedImages(
            detector: self, options: options, includesMasks: includesMasks, batches: batches,
            transforms: prepared.map(\.transform))
    }
}

/// What is found in pictures.
package struct Findings: Sendable {
    /// The detections in each picture, best first.
    package let detections: [[Detection]]

    /// How likely each picture has each class of the vocabulary at all; nil where `includesPresence` is off.
    package let presences: [[Float]]?

    /// Joins what was found.
    package init(detections: [[Detection]], presences: [[Float]]?) {
        self.detections = detections
        self.presences = presences
    }
}

extension Detector {
    /// Finds objects in prepared pictures and, where the options ask for it, how likely each picture has each class at all.
    /// - Parameters:
    ///   - images: Pictures prepared with ``prepare(_:)``.
    ///   - vocabulary: The classes.
    ///   - options: Scoring options.
    ///   - includesEmbeddings: Whether detections carry ``Detection/embedding``.
    /// - Throws: As `detect` and `EncodedImages.presences(of:options:)`.
    package func findings(
        in images: [PixelValues], vocabulary: Vocabulary, options: ScoringOptions,
        includesEmbeddings: Bool = false
    ) async throws -> Findings {
        guard options.includesPresence else {
            return Findings(
                detections: try await detect(
                    prepared: images, vocabulary: vocabulary, options: options,
                    includesEmbeddings: includesEmbeddings), presences: nil)
        }
        let seen = try await encode(
            prepared: images, options: options, includesMasks: options.includesMasks)
        return Findings(
            detections: try await seen.detections(of: vocabulary, includesEmbeddings: includesEmbeddings),
            presences: try await seen.presences(of: vocabulary))
    }
}

extension Detector {
    /// Given boxes within their pictures.
    private static func clipped(_ boxes: [[Box]], to sizes: [ImageSize]) throws -> [[Box]] {
        guard boxes.count == sizes.count else {
            throw DetectionError("encode", "\(sizes.count) pictures have \(boxes.count) lists of boxes")
        }
        return try zip(boxes, sizes).map { boxes, size in
            try boxes.map { box in
                let inside = box.clipped(to: size)
                guard [box.x1, box.y1, box.x2, box.y2].allSatisfy(\.isFinite), inside.width > 0,
                    inside.height > 0
                else {
                    throw DetectionError(
                        "encode",
                        "the box \(box.x1), \(box.y1) to \(box.x2), \(box.y2) has no part in its picture of "
                            + "\(size) pixels")
                }
                return inside
            }
        }
    }
}

// MARK: Steps

extension Detector {
    /// The regions of pictures of one size, with the transforms of the pictures.
    struct SeenBatch: Sendable {
        let regions: EncodedRegions
        let transforms: [SpatialTransform]
    }

    /// Runs the network on pictures that are padded to the same size.
    func encoded(
        _ group: [PixelValues], boxes: [[Box]]? = nil, _ options: ScoringOptions, includesMasks: Bool,
        _ checkCancellation: () throws -> Void = {}
    ) throws -> SeenBatch {
        let given = try boxes.map { boxes in
            try zip(group, boxes).map { picture, boxes in
                let boxes = boxes.map { picture.transform.apply(to: $0) }
                return boxes.isEmpty
                    ? try Boxes.none()
                    : try Boxes(boxes.map { [Float($0.x1), Float($0.y1), Float($0.x2), Float($0.y2)] })
            }
        }
        let batch = try ImageBatch(
            group.map { try $0.tensor(on: device) }, padding: padding,
            contents: group.map { Size2D($0.content.height, $0.content.width) })
        return SeenBatch(
            regions: try network.encoded(
                batch, trunk: trunk, given: given, options: options, includesMasks: includesMasks,
                checkCancellation: checkCancellation), transforms: group.map(\.transform))
    }

    /// A vocabulary's rows on the device of the network, the background first.
    func rows(of vocabulary: Vocabulary) throws -> ClassRows {
        let rows = try vocabulary.matrix(for: identity, withBackground: true).to(device: device)
        let own = try vocabulary.detectorMatrix(for: identity, withBackground: true)?.to(device: device)
        return ClassRows(
            texts: own ?? rows, vlm: own == nil ? nil : rows, names: vocabulary.names,
            isBase: isBase(vocabulary).map { [false] + $0 }, groups: vocabulary.exclusiveGroups,
            softmaxGroups: vocabulary.softmaxGroups.map { $0.map { $0 + 1 } })
    }

    /// The detections in each picture, in its pixels.
    func detections(
        in seen: SeenBatch, _ classes: ClassRows, _ options: ScoringOptions, includesEmbeddings: Bool = false,
        _ checkCancellation: () throws -> Void = {}
    ) throws -> [[Detection]] {
        let found = try network.detections(
            in: seen.regions, classes: classes, options: options, includesEmbeddings: includesEmbeddings,
            checkCancellation: checkCancellation)
        return zip(seen.transforms, found).map { transform, detections in
            let back = transform.inverse
            return detections.compactMap { detection in
                let box = back.apply(to: detection.box).clipped(to: back.target)
                // Entirely outside the picture; detectron2's post-processing drops such boxes too.
                return box.width > 0 && box.height > 0 ? detection.moved(to: box) : nil
            }
        }
    }
}
