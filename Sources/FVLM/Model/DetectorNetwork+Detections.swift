import CLIP
import Imaging
import RegionDetection
import Support
import Torch

extension DetectorNetwork {
    /// Detects objects in one pass through the trunk and this network.
    /// - Parameters:
    ///   - batch: The images.
    ///   - texts: [K, E], row 0 the background.
    ///   - names: The names of the classes, [K - 1].
    ///   - isBase: Which classes were trained on, [K]; nil: all count as novel.
    ///   - includesEmbeddings: Whether detections carry the box head's embeddings of their regions.
    ///   - checkCancellation: Called between the steps; throwing stops the detection.
    /// - Returns: The detections in each image, best first, with boxes in pixels of the batch.
    /// - Throws: `ConfigurationError` for a scorer that does not fit the trunk, `CLIPError`, `DetectionError`,
    ///   `TorchError`.
    package func detections<Tower: Trunk>(
        in batch: ImageBatch, trunk: Tower, texts: Tensor, names: [String], isBase: [Bool]?,
        options: ScoringOptions, includesEmbeddings: Bool = false,
        checkCancellation: () throws -> Void = {}
    ) throws -> [[Detection]] {
        try withoutGradients {
            let scorer = try trunk.scorer(for: options)
            // 1. The frozen trunk's features, and the pyramid on top.
            let features = try StageProfile.measure(.trunk) { try trunk.features(of: batch.pixels) }
            let pyramid = try StageProfile.measure(.pyramid) {
                try self.pyramid(trunk.levels(of: features))
            }
            try checkCancellation()
            // 2. Proposals of possible objects.
            let proposals = try StageProfile.measure(.proposals) {
                try proposalNetwork(pyramid, sizes: batch.sizes)
            }
            let regions = proposals.boxes
            try checkCancellation()
            // 3. The box head's outputs for these regions: embeddings and box corrections.
            let output = try StageProfile.measure(.boxHead) {
                try self.regions(pyramid, boxes: regions).withReadableDeltas()
            }
            try checkCancellation()
            // 4. Scores of the classes: texts compared with the embeddings of both models, fused.
            let scores = try StageProfile.measure(.scoring) {
                let seen =
                    options.vlmRegions == .refined
                    ? try self.boxes(output, from: regions, sizes: batch.sizes) : regions
                let embeddings = try scorer?.embeddings(of: seen, features: features, pixels: batch.pixels)
                return try self.scores(
                    output.embeddings, vlmEmbeddings: embeddings, texts: texts, isBase: isBase,
                    objectness: proposals.logits.map { try $0.sigmoid() }, options: options)
            }
            try checkCancellation()
            // 5. The best boxes of every class.
            let boxes = try StageProfile.measure(.suppression) {
                try self.boxes(output, from: regions, sizes: batch.sizes)
            }
            let kept = try StageProfile.measure(.suppression) {
                try zip(boxes, scores).map { try suppressed($0, $1, options: options) }
            }
            let found = try zip(boxes, kept).map { boxes, kept in
                kept.rows.isEmpty ? try Boxes.none() : try boxes.selected(Tensor(kept.rows.map { Int64($0) }))
            }
            try checkCancellation()
            // 6. Masks within these boxes.
            let masks =
                try options.includesMasks
                ? StageProfile.measure(.masks) { try self.masks(pyramid, boxes: found) } : nil
            let embeddings =
                try includesEmbeddings ? output.embeddings.split(by: regions.map(\.count)) : nil
            return try found.indices.map { image in
                try Self.detections(
                    kept[image], found[image], scores[image], masks?[image], embeddings?[image], names: names,
                    pasting: (architecture.maskPlacement, options.maskThreshold))
            }
        }
    }

    // MARK: Steps

    /// The regions of each image corrected by the box head's deltas and clipped to the image.
    package func boxes(_ output: RegionOutput, from regions: [Boxes], sizes: [Size2D]) throws -> [Boxes] {
        let deltas = try output.deltas.split(by: regions.map(\.count))
        return try regions.indices.map { image in
            try decoded(deltas[image], from: regions[image])
                .clipped(to: sizes[image], border: architecture.border)
        }
    }

    /// Scores regions against texts, image by image.
    /// - Parameters:
    ///   - embeddings: The box head's embeddings, [R, E].
    ///   - vlmEmbeddings: The vision-language model's embeddings, [R, E].
    ///   - texts: [K, E], row 0 the background.
    ///   - isBase: [K]; nil: all classes count as novel.
    ///   - objectness: The proposal network's probability that a region is an object, [R] per image.
    /// - Returns: The scores above the threshold except the background's, in `float32` regardless of the network's
    ///   precision.
    /// - Throws: `DetectionError`, `TorchError`.
    package func scores(
        _ embeddings: Tensor, vlmEmbeddings: Tensor?, texts: Tensor, isBase: [Bool]?, objectness: [Tensor],
        options: ScoringOptions
    ) throws -> [FusedScores] {
        try withAutocast(nil, device: embeddings.device.kind) {
            let texts = try TextClassifier.unit(texts)
            let counts = objectness.map { $0.shape[0] }
            let classifier =
                try options.detectorTemperature.map { try TextClassifier(fixedTemperature: $0) }
                ?? self.classifier
            // Brought to main memory for the whole batch: every copy waits for the device.
            let detector = try classifier(embeddings, unitTexts: texts).to(device: .cpu).split(by: counts)
            let vlm = try vlmEmbeddings.map {
                try TextClassifier(fixedTemperature: options.vlmTemperature)($0, unitTexts: texts)
                    .to(device: .cpu).split(by: counts)
            }
            return try objectness.indices.map { image in
                try FusedScores(
                    detectorLogits: detector[image], vlmLogits: vlm?[image], isBase: isBase,
                    objectness: objectness[image], options: options)
            }
        }
    }

    /// The detections of an image after suppression within each class, best first.
    package func suppressed(_ boxes: Boxes, _ scores: FusedScores, options: ScoringOptions) throws
        -> ScoredPairs
    {
        try NonMaximumSuppression(
            threshold: options.suppressionThreshold,
            includesThreshold: architecture.includesSuppressionThreshold
        ).perClass(
            boxes, pairs: scores.pairs, candidates: options.candidatesPerClass, limit: options.limit)
    }

    /// Mask probabilities within the boxes of each image, [D, S, S] `float32` in main memory; nil for a detector of boxes
    /// only.
    private func masks(_ pyramid: [Tensor], boxes: [Boxes]) throws -> [Tensor]? {
        try maskLogits(pyramid, boxes: boxes)?.to(.float32).sigmoid().squeezed(1).to(device: .cpu)
            .split(by: boxes.map(\.count))
    }

    /// The detections in one image.
    private static func detections(
        _ kept: ScoredPairs, _ boxes: Boxes, _ scores: FusedScores, _ masks: Tensor?, _ embeddings: Tensor?,
        names: [String],
        pasting: (placement: MaskPaster.Placement, threshold: Double)
    ) throws -> [Detection] {
        let corners = try boxes.tensor.array(of: Float.self).map { Double($0) }
        let (detectorScores, vlmScores) = try scores.probabilities(of: kept)
        let masks = try masks?.contiguous()
        let unitEmbeddings = try embeddings.map { embeddings in
            try TextClassifier.unit(embeddings.to(.float32)).array(of: Float.self)
        }
        let width = embeddings?.shape[1] ?? 0
        return try kept.rows.indices.map { row in
            let classIndex = Int(kept.classes[row]) - 1
            return Detection(
                box: Box(
                    x1: corners[4 * row], y1: corners[4 * row + 1], x2: corners[4 * row + 2],
                    y2: corners[4 * row + 3]),
                score: kept.scores[row], detectorScore: detectorScores[row], vlmScore: vlmScores[row],
                label: names[classIndex], classIndex: classIndex, proposal: Int(kept.rows[row]),
                embedding: unitEmbeddings.map { values in
                    let start = Int(kept.rows[row]) * width
                    return Array(values[start..<start + width])
                },
                mask: try masks.map {
                    MaskPatch(
                        side: $0.shape[1], probabilities: try $0[row].array(of: Float.self),
                        placement: pasting.placement, threshold: pasting.threshold)
                })
        }
    }
}

extension Tensor {
    /// The rows split into parts of these counts, such as those of each image of a batch.
    func split(by counts: [Int]) throws -> [Tensor] {
        var start = 0
        return try counts.map { count in
            defer { start += count }
            return try self[start..<start + count]
        }
    }
}
