import CLIP
import RegionDetection
import Support
import Torch

/// The whole network: a frozen trunk, and the detector that is trained upon it.
public struct FVLMModel: Sendable {
    /// The frozen trunk.
    public let trunk: FrozenTrunk

    /// The trained part.
    public let network: DetectorNetwork

    /// A model of its two parts.
    public init(trunk: FrozenTrunk, network: DetectorNetwork) {
        self.trunk = trunk
        self.network = network
    }

    /// What was found in one image, in pixels of the batch.
    public struct Result: Sendable {
        /// [D], cut at the image's borders; the best first.
        public let boxes: Boxes

        /// [D], falling.
        public let scores: [Float]

        /// The detector's own probability of the class, [D].
        public let detectorScores: [Float]

        /// The vision-language model's probability of the class, [D]; the detector's where there is no such model.
        public let vlmScores: [Float]

        /// Rows of the text embeddings, [D], from 1 on.
        public let classes: [Int]

        /// The proposal that each detection comes from, [D].
        public let proposals: [Int]

        /// Mask probabilities inside the boxes, [D, S, S]; nil where no masks are made.
        public let masks: Tensor?
    }

    /// Scores of regions, the background in column 0.
    public struct RegionScores: Sendable {
        /// Cosines of the trained embeddings, divided by the temperature, [R, K] `float32`.
        public let detectorLogits: Tensor

        /// Cosines of the vision-language model's embeddings, divided by its temperature, [R, K] `float32`.
        public let vlmLogits: Tensor?

        /// Which classes were trained on, [K]; nil: all classes count as novel.
        public let isBase: [Bool]?

        /// How the two become one score.
        public let fusion: ScoreFusion

        /// Scores of their parts.
        public init(detectorLogits: Tensor, vlmLogits: Tensor?, isBase: [Bool]?, fusion: ScoreFusion) {
            self.detectorLogits = detectorLogits
            self.vlmLogits = vlmLogits
            self.isBase = isBase
            self.fusion = fusion
        }

        /// All fused probabilities, [R, K] `float32`, each row with sum 1; detection makes only those that count.
        /// - Throws: `TorchError`.
        public func fused() throws -> Tensor {
            guard let vlmLogits else { return try detectorLogits.softmax(-1) }
            return try fusion(detectorLogits: detectorLogits, vlmLogits: vlmLogits, isBase: isBase)
        }

        /// Scores of some regions, without those of the background, that are above the threshold.
        func scores(of rows: Range<Int>, objectness: Tensor?, options: DetectionOptions) throws -> FusedScores
        {
            let flags = try isBase ?? [Bool](repeating: false, count: detectorLogits.size(-1))
            let weights = fusion.weights(isBase: flags)
            let factors = try objectness.map {
                try $0.to(.float32).power(options.objectnessWeight).array(of: Float.self)
            }
            return try FusedScores(
                detectorLogits: detectorLogits[rows], vlmLogits: vlmLogits.map { try $0[rows] },
                settings: .init(
                    detectorWeights: weights.map { 1 - $0 }, vlmWeights: weights, firstClass: 1,
                    threshold: options.scoreThreshold,
                    exponent: factors == nil ? 1 : 1 - options.objectnessWeight), factors: factors)
        }
    }

    /// Scores regions against texts.
    /// - Parameters:
    ///   - embeddings: Of the box head, [R, E].
    ///   - vlmEmbeddings: Of the vision-language model, [R, E].
    ///   - texts: [K, E], row 0 the background.
    ///   - isBase: [K]; nil: all classes count as novel.
    /// - Throws: `DetectionError`, `TorchError`.
    public func scores(
        embeddings: Tensor, vlmEmbeddings: Tensor?, texts: Tensor, isBase: [Bool]?, options: DetectionOptions
    ) throws -> RegionScores {
        // Scores are float32 whatever the network computes in.
        try withAutocast(nil) {
            let unitTexts = try TextClassifier.unit(texts)
            return RegionScores(
                detectorLogits: try network.classifier(embeddings, unitTexts: unitTexts),
                vlmLogits: try vlmEmbeddings.map {
                    try TextClassifier(fixedTemperature: options.vlmTemperature)($0, unitTexts: unitTexts)
                },
                isBase: isBase, fusion: options.fusion)
        }
    }

    /// Finds objects.
    /// - Parameters:
    ///   - batch: The images.
    ///   - texts: [K, E], row 0 the background.
    ///   - isBase: [K]; nil: all classes count as novel.
    /// - Returns: What was found in each image.
    /// - Throws: `CLIPError`, `DetectionError`, `TorchError`.
    public func callAsFunction(
        _ batch: ImageBatch, texts: Tensor, isBase: [Bool]?, options: DetectionOptions,
        profile: StageProfile? = nil
    ) throws -> [Result] {
        try withoutGradients {
            let features = try StageProfile.measure(profile, .trunk) {
                try trunk.features(of: batch.pixels, scoresRegions: true)
            }
            let pyramid = try StageProfile.measure(profile, .pyramid) { try network.pyramid(features.levels) }
            let proposals = try StageProfile.measure(profile, .proposals) {
                try network.proposalNetwork(pyramid, sizes: batch.sizes)
            }
            let boxes = proposals.boxes
            let output = try StageProfile.measure(profile, .boxHead) {
                try network.regions(pyramid, boxes: boxes)
            }
            let (scores, fused) = try StageProfile.measure(profile, .scoring) {
                let embeddings = try trunk.regionEmbeddings(
                    features, pixels: batch.pixels,
                    boxes: regions(boxes, output, sizes: batch.sizes, options: options))
                let scores = try self.scores(
                    embeddings: output.embeddings, vlmEmbeddings: embeddings, texts: texts, isBase: isBase,
                    options: options)
                return (
                    scores,
                    try fusedScores(
                        boxes, scores, objectness: proposals.logits.map { try $0.sigmoid() }, options: options
                    )
                )
            }
            let found = try StageProfile.measure(profile, .suppression) {
                try detections(boxes, output, scores, fused, sizes: batch.sizes, options: options)
            }
            guard options.includesMasks, network.architecture.maskHead != nil else { return found }
            return try StageProfile.measure(profile, .masks) { try withMasks(found, pyramid) }
        }
    }

    // MARK: Steps

    /// The boxes that the vision-language model looks at.
    private func regions(
        _ proposals: [Boxes], _ output: DetectorNetwork.RegionOutput, sizes: [Size2D],
        options: DetectionOptions
    ) throws -> [Boxes] {
        guard options.scoredRegions == .refined else { return proposals }
        return try decoded(proposals, output, sizes: sizes)
    }

    /// Proposals moved by the box head's deltas and cut at the image's borders.
    private func decoded(_ proposals: [Boxes], _ output: DetectorNetwork.RegionOutput, sizes: [Size2D]) throws
        -> [Boxes]
    {
        var start = 0
        return try zip(proposals, sizes).map { boxes, size in
            defer { start += boxes.count }
            return try network.decoded(output.deltas[start..<start + boxes.count], from: boxes)
                .clipped(to: size, border: network.architecture.border)
        }
    }

    /// The detections of every image, without masks: proposals are moved by the box head's deltas, cut at the image's
    /// borders, and suppressed class by class.
    /// - Parameters:
    ///   - proposals: The regions of each image.
    ///   - output: What the box head says of them.
    ///   - scores: Their scores.
    ///   - objectness: The proposal network's probability that a region is an object, [R] of each image; needed where
    ///     ``DetectionOptions/objectnessWeight`` is not 0.
    ///   - sizes: Height and width of each image without its padding.
    /// - Throws: `DetectionError`, `TorchError`.
    public func detections(
        _ proposals: [Boxes], _ output: DetectorNetwork.RegionOutput, _ scores: RegionScores,
        objectness: [Tensor] = [], sizes: [Size2D], options: DetectionOptions
    ) throws -> [Result] {
        try detections(
            proposals, output, scores,
            fusedScores(proposals, scores, objectness: objectness, options: options), sizes: sizes,
            options: options)
    }

    /// The scores above the threshold, image by image.
    private func fusedScores(
        _ proposals: [Boxes], _ scores: RegionScores, objectness: [Tensor], options: DetectionOptions
    ) throws -> [FusedScores] {
        let countsObjectness = options.objectnessWeight > 0
        guard !countsObjectness || objectness.count == proposals.count else {
            throw DetectionError("detections", "a weight of objectness needs the proposals' objectness")
        }
        var start = 0
        return try proposals.enumerated().map { image, boxes in
            defer { start += boxes.count }
            return try scores.scores(
                of: start..<start + boxes.count, objectness: countsObjectness ? objectness[image] : nil,
                options: options)
        }
    }

    private func detections(
        _ proposals: [Boxes], _ output: DetectorNetwork.RegionOutput, _ scores: RegionScores,
        _ fused: [FusedScores], sizes: [Size2D], options: DetectionOptions
    ) throws -> [Result] {
        let suppression = try NonMaximumSuppression(
            threshold: options.suppressionThreshold,
            includesThreshold: network.architecture.includesSuppressionThreshold)
        var start = 0
        return try zip(decoded(proposals, output, sizes: sizes), fused).map { decoded, fused in
            let rows = start..<start + decoded.count
            start = rows.upperBound
            let kept = try suppression.perClass(
                decoded, pairs: fused.pairs, candidates: options.candidatesPerClass, limit: options.limit)
            let places = kept.rows.map { Int($0) }
            let columns = kept.classes.map { Int($0) }
            func probabilities(_ logits: Tensor, _ sums: [FusedScores.LogSum]) throws -> [Float] {
                guard !places.isEmpty else { return [] }
                // The score itself where nothing is fused: to the last digit.
                if scores.vlmLogits == nil, options.objectnessWeight <= 0 { return kept.scores }
                let values = try logits[rows][Tensor(places), Tensor(columns)].array(of: Float.self)
                return zip(places, values).map { sums[$0].probability(of: $1) }
            }
            return Result(
                boxes: places.isEmpty ? try .none() : try decoded.selected(Tensor(places)),
                scores: kept.scores,
                detectorScores: try probabilities(scores.detectorLogits, fused.detectorSums),
                vlmScores: try probabilities(scores.vlmLogits ?? scores.detectorLogits, fused.vlmSums),
                classes: columns, proposals: places, masks: nil)
        }
    }

    private func withMasks(_ found: [Result], _ pyramid: [Tensor]) throws -> [Result] {
        guard let logits = try network.maskLogits(pyramid, boxes: found.map(\.boxes)) else { return found }
        let masks = try logits.to(.float32).sigmoid().squeezed(1)
        var start = 0
        return try found.map { result in
            let rows = start..<start + result.boxes.count
            start = rows.upperBound
            return Result(
                boxes: result.boxes, scores: result.scores, detectorScores: result.detectorScores,
                vlmScores: result.vlmScores, classes: result.classes, proposals: result.proposals,
                masks: try masks[rows])
        }
    }
}
