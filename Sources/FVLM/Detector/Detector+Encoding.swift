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
    ///   - images: Any pictures; they are batched together as in ``detect(_:vocabulary:options:)-(_,_,_)``.
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

    /// As ``encode(_:options:includesMasks:)-(_,_,_)`` for pictures prepared with ``prepare(_:)``.
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

    private func encodedImages(
        _ prepared: [PixelValues], _ options: ScoringOptions?, _ includesMasks: Bool,
        _ checkCancellation: () throws -> Void = {}
    ) throws -> EncodedImages {
        let options = options ?? configuration.scoring
        try options.validate()
        let includesMasks = includesMasks && configuration.network.masks
        let batches = try groups(prepared).map { places in
            try checkCancellation()
            return EncodedImages.Batch(
                places: places,
                seen: try encoded(
                    places.map { prepared[$0] }, options, includesMasks: includesMasks, checkCancellation))
        }
        return EncodedImages(
            detector: self, options: options, includesMasks: includesMasks, batches: batches,
            transforms: prepared.map(\.transform))
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
        _ group: [PixelValues], _ options: ScoringOptions, includesMasks: Bool,
        _ checkCancellation: () throws -> Void = {}
    ) throws -> SeenBatch {
        let batch = try ImageBatch(
            group.map { try $0.tensor(on: device) }, padding: padding,
            contents: group.map { Size2D($0.content.height, $0.content.width) })
        return SeenBatch(
            regions: try network.encoded(
                batch, trunk: trunk, options: options, includesMasks: includesMasks,
                checkCancellation: checkCancellation), transforms: group.map(\.transform))
    }

    /// A vocabulary's rows on the device of the network, the background first.
    func rows(of vocabulary: Vocabulary) throws -> ClassRows {
        ClassRows(
            texts: try vocabulary.matrix(for: identity, withBackground: true).to(device: device),
            names: vocabulary.names, isBase: isBase(vocabulary).map { [false] + $0 })
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
