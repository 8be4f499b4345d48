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
        let seen = try encoded(
            batch, trunk: trunk, options: options, includesMasks: options.includesMasks,
            checkCancellation: checkCancellation)
        return try detections(
            in: seen, classes: ClassRows(texts: texts, names: names, isBase: isBase), options: options,
            includesEmbeddings: includesEmbeddings, checkCancellation: checkCancellation)
    }

    /// Everything that is seen in images before any word is known: one pass through the trunk and this network.
    /// - Parameters:
    ///   - given: The regions of each image, taken as they are; nil: the proposal network's, refined by the box head.
    ///   - includesMasks: Whether the maps that masks are made from are kept.
    ///   - checkCancellation: Called between the steps; throwing stops the work.
    /// - Throws: ``ConfigurationError`` for a scorer that does not fit the trunk, `CLIPError`, `DetectionError`,
    ///   `TorchError`.
    package func encoded<Tower: Trunk>(
        _ batch: ImageBatch, trunk: Tower, given: [Boxes]? = nil, options: ScoringOptions,
        includesMasks: Bool, checkCancellation: () throws -> Void = {}
    ) throws -> EncodedRegions {
        try withoutGradients {
            let scorer = try trunk.scorer(for: options)
            // 1. The frozen trunk's features, and the pyramid on top.
            let features = try StageProfile.measure(.trunk) { try trunk.features(of: batch.pixels) }
            let pyramid = try StageProfile.measure(.pyramid) {
                try self.pyramid(trunk.levels(of: features))
            }
            try checkCancellation()
            // 2. Proposals of possible objects.
            let proposals =
                given == nil
                ? try StageProfile.measure(.proposals) { try proposalNetwork(pyramid, sizes: batch.sizes) }
                : nil
            let regions = given ?? proposals?.boxes ?? []
            try checkCancellation()
            // 3. The box head's outputs for these regions: embeddings and box corrections.
            let output = try StageProfile.measure(.boxHead) {
                try self.regions(pyramid, boxes: regions).withReadableDeltas()
            }
            let boxes =
                try given
                ?? StageProfile.measure(.boxHead) {
                    try self.boxes(output, from: regions, sizes: batch.sizes)
                }
            try checkCancellation()
            // 4. The vision-language model's embeddings of the same regions.
            let vlmEmbeddings = try StageProfile.measure(.scoring) {
                try scorer?.embeddings(
                    of: options.vlmRegions == .refined ? boxes : regions, features: features,
                    pixels: batch.pixels)
            }
            let pictureEmbeddings =
                try options.looksAtPictures
                ? StageProfile.measure(.scoring) {
                    try scorer?.embeddings(
                        of: batch.sizes.map {
                            try Boxes([[0, 0, Float($0.width), Float($0.height)]])
                        }, features: features, pixels: batch.pixels)
                } : nil
            return EncodedRegions(
                boxes: boxes,
                objectness: try proposals?.logits.map { try $0.sigmoid() }
                    ?? regions.map { try Tensor.ones([$0.count]) },
                embeddings: output.embeddings, vlmEmbeddings: vlmEmbeddings,
                pictureEmbeddings: pictureEmbeddings,
                maskLevels: includesMasks
                    ? Array(pyramid.prefix(architecture.maskPooler.strides.count)) : nil)
        }
    }

    /// Detects objects among regions that were seen before; the network is used for masks only.
    /// - Parameters:
    ///   - classes: The classes, the background first.
    ///   - includesEmbeddings: Whether detections carry the box head's embeddings of their regions.
    ///   - checkCancellation: Called between the steps; throwing stops the detection.
    /// - Returns: The detections in each image, best first, with boxes in pixels of the batch; masks if the options ask for
    ///   them and their maps were kept.
    /// - Throws: `DetectionError`, `TorchError`.
    package func detections(
        in seen: EncodedRegions, classes: ClassRows, options: ScoringOptions,
        includesEmbeddings: Bool = false, checkCancellation: () throws -> Void = {}
    ) throws -> [[Detection]] {
        try withoutGradients {
            try checkCancellation()
            // 5. Scores of the classes: their rows compared with the embeddings of both models, fused.
            let scores = try StageProfile.measure(.scoring) {
                try weighted(
                    self.scores(seen, classes: classes, options: options), byPresenceIn: seen,
                    classes: classes, options: options)
            }
            try checkCancellation()
            // 6. The best boxes of every class.
            let kept = try StageProfile.measure(.suppression) {
                try zip(seen.boxes, scores).map { boxes, scores in
                    let kept = try suppressed(boxes, scores.pairs, options: options)
                    return try classes.groups.map { try exclusive(kept, boxes, $0, options) } ?? kept
                }
            }
            let found = try zip(seen.boxes, kept).map { boxes, kept in
                kept.rows.isEmpty ? try Boxes.none() : try boxes.selected(Tensor(kept.rows.map { Int64($0) }))
            }
            try checkCancellation()
            // 7. Masks within these boxes.
            let masks =
                try options.includesMasks
                ? StageProfile.measure(.masks) {
                    try seen.maskLevels.flatMap { try self.masks($0, boxes: found) }
                } : nil
            let embeddings =
                try includesEmbeddings ? seen.embeddings.split(by: seen.boxes.map(\.count)) : nil
            return try found.indices.map { image in
                try Self.detections(
                    kept[image], found[image], scores[image], masks?[image], embeddings?[image],
                    names: classes.names, pasting: pasting(options))
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

    /// Scores what was seen against classes, image by image.
    func scores(_ seen: EncodedRegions, classes: ClassRows, options: ScoringOptions) throws -> [FusedScores] {
        try scores(
            seen.embeddings,
            vlmEmbeddings: options.scorer == ScoringOptions.Scorer.none ? nil : seen.vlmEmbeddings,
            classes: classes, objectness: seen.objectness, options: options)
    }

    /// Scores regions against classes, image by image.
    /// - Parameters:
    ///   - embeddings: The box head's embeddings, [R, E].
    ///   - vlmEmbeddings: The vision-language model's embeddings, [R, E].
    ///   - classes: The classes, the background first.
    ///   - objectness: The proposal network's probability that a region is an object, [R] per image.
    /// - Returns: The scores above the threshold except the background's, in `float32` regardless of the network's
    ///   precision.
    /// - Throws: `DetectionError`, `TorchError`.
    package func scores(
        _ embeddings: Tensor, vlmEmbeddings: Tensor?, classes: ClassRows, objectness: [Tensor],
        options: ScoringOptions
    ) throws -> [FusedScores] {
        try withAutocast(nil, device: embeddings.device.kind) {
            let texts = try TextClassifier.unit(classes.detector)
            let counts = objectness.map { $0.shape[0] }
            let classifier =
                try options.detectorTemperature.map { try TextClassifier(fixedTemperature: $0) }
                ?? self.classifier
            // Brought to main memory for the whole batch: every copy waits for the device.
            let detector = try classifier(embeddings, unitTexts: texts).to(device: .cpu).split(by: counts)
            let vlm = try vlmEmbeddings.map {
                try TextClassifier(fixedTemperature: options.vlmTemperature)(
                    $0, unitTexts: classes.vlm.map(TextClassifier.unit) ?? texts
                )
                .to(device: .cpu).split(by: counts)
            }
            return try objectness.indices.map { image in
                let scores = try FusedScores(
                    detectorLogits: detector[image], vlmLogits: vlm?[image], isBase: classes.isBase,
                    objectness: objectness[image], options: options)
                guard !classes.softmaxGroups.isEmpty else { return scores }
                return try scores.replacing(
                    classes.softmaxGroups.map { group in
                        let columns = [0] + group
                        let places = try Tensor(columns)
                        return (
                            columns,
                            try FusedScores(
                                detectorLogits: detector[image].indexSelected(1, places),
                                vlmLogits: vlm?[image].indexSelected(1, places),
                                isBase: classes.isBase.map { isBase in columns.map { isBase[$0] } },
                                objectness: objectness[image], options: options)
                        )
                    })
            }
        }
    }

    /// As ``scores(_:vlmEmbeddings:classes:objectness:options:)``, with the same rows for both models.
    package func scores(
        _ embeddings: Tensor, vlmEmbeddings: Tensor?, texts: Tensor, isBase: [Bool]?, objectness: [Tensor],
        options: ScoringOptions
    ) throws -> [FusedScores] {
        try scores(
            embeddings, vlmEmbeddings: vlmEmbeddings,
            classes: ClassRows(texts: texts, names: [], isBase: isBase), objectness: objectness,
            options: options)
    }

    /// The pairs of an image that are left after suppression within each class, best first.
    package func suppressed(_ boxes: Boxes, _ pairs: ScoredPairs, options: ScoringOptions) throws
        -> ScoredPairs
    {
        try NonMaximumSuppression(
            threshold: options.suppressionThreshold,
            includesThreshold: architecture.includesSuppressionThreshold
        ).perClass(
            boxes, pairs: pairs, candidates: options.candidatesPerClass, limit: options.limit)
    }

    /// The detections without those whose object a better one of the same exclusive group has.
    private func exclusive(
        _ kept: ScoredPairs, _ boxes: Boxes, _ groups: [Int?], _ options: ScoringOptions
    ) throws -> ScoredPairs {
        let corners = try boxes.tensor.array(of: Float.self).map { Double($0) }
        let places = Self.exclusive(
            kept.rows.map { row in
                let start = 4 * Int(row)
                return Box(
                    x1: corners[start], y1: corners[start + 1], x2: corners[start + 2], y2: corners[start + 3]
                )
            }, groups: kept.classes.map { groups[Int($0) - 1] }, threshold: options.suppressionThreshold)
        return ScoredPairs(
            rows: places.map { kept.rows[$0] }, classes: places.map { kept.classes[$0] },
            scores: places.map { kept.scores[$0] }, rowCount: kept.rowCount, classCount: kept.classCount)
    }

    /// The places of boxes that no better one of the same exclusive group overlaps.
    /// - Parameters:
    ///   - boxes: Best first.
    ///   - groups: The group of each box's class; nil: it excludes none.
    ///   - threshold: The IoU above which two boxes are the same object.
    static func exclusive(_ boxes: [Box], groups: [Int?], threshold: Double) -> [Int] {
        var better: [Int: [Box]] = [:]
        return boxes.indices.filter { place in
            guard let group = groups[place] else { return true }
            let isTaken = better[group, default: []].contains {
                // A box without area has no overlap, not even with itself.
                $0 == boxes[place] || $0.intersectionOverUnion(with: boxes[place]) > threshold
            }
            if !isTaken { better[group, default: []].append(boxes[place]) }
            return !isTaken
        }
    }

    /// Mask probabilities within the boxes of each image, [D, S, S] `float32` in main memory; nil for a detector of boxes
    /// only.
    func masks(_ pyramid: [Tensor], boxes: [Boxes]) throws -> [Tensor]? {
        try maskLogits(pyramid, boxes: boxes)?.to(.float32).sigmoid().squeezed(1).to(device: .cpu)
            .split(by: boxes.map(\.count))
    }

    /// How masks are placed in pictures.
    func pasting(_ options: ScoringOptions) -> MaskPatch.Pasting {
        (architecture.maskPlacement, options.maskThreshold)
    }

    /// The detections in one image.
    private static func detections(
        _ kept: ScoredPairs, _ boxes: Boxes, _ scores: FusedScores, _ masks: Tensor?, _ embeddings: Tensor?,
        names: [String],
        pasting: MaskPatch.Pasting
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
                mask: try masks.map { try MaskPatch($0[row], pasting) })
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
