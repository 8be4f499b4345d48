extension RegionProposalNetwork {
    /// The targets of anchors, in main memory.
    package struct Targets: Sendable {
        /// 1 positive, 0 negative, -1 excluded from learning: [N, R] `int64`, levels one after another.
        package let labels: Tensor

        /// The rows of the anchors whose deltas are learned, per image, `int64`.
        let rows: [Tensor]

        /// The target deltas of these anchors, [rows, 4] per image.
        let deltas: [Tensor]

        /// The anchors of all levels, [R].
        let anchors: Boxes

        /// The range of each level's anchors.
        let levels: [Range<Int>]
    }

    /// The two terms of the loss.
    public struct Losses: Sendable {
        /// Binary cross-entropy of the sampled anchors' logits, summed and divided by the requested sample count.
        public let objectness: Tensor

        /// The loss of the deltas, normalized according to ``ProposalBoxNormalizer``.
        public let boxes: Tensor
    }

    /// The losses of a batch. Both terms are zero, not absent, if there is nothing to learn.
    /// - Parameters:
    ///   - proposals: This network's proposals for the batch.
    ///   - groundTruth: The boxes of every image; empty for an image without objects.
    ///   - ignored: Regions in every image, such as crowds, in which anchors are not learned as negative.
    ///   - generator: The source of random numbers for sampling anchors.
    ///   - seeds: What the generator is started with for each image, so that its samples do not depend on the others; nil: the
    ///     generator goes on.
    /// - Throws: ``DetectionError`` if a box is not finite or the numbers of images differ; `TorchError`.
    public func losses(
        _ proposals: Proposals, groundTruth: [Boxes], ignored: [Boxes]? = nil, generator: Generator,
        seeds: [UInt64]? = nil
    ) throws -> Losses {
        let targets = try targets(
            grids: proposals.predictions.grids, groundTruth: groundTruth, ignored: ignored,
            generator: generator, seeds: seeds)
        return try losses(proposals.predictions, targets)
    }

    /// Labels anchors and samples them.
    /// - Parameters:
    ///   - grids: Rows and columns of every map.
    ///   - groundTruth: The boxes of every image; empty for an image without objects.
    ///   - ignored: Regions in every image, such as crowds, in which anchors are not learned as negative.
    ///   - generator: The source of random numbers for sampling.
    ///   - seeds: As of ``losses(_:groundTruth:ignored:generator:seeds:)``.
    /// - Throws: ``DetectionError`` if a box is not finite.
    package func targets(
        grids: [Size2D], groundTruth: [Boxes], ignored: [Boxes]? = nil, generator: Generator,
        seeds: [UInt64]? = nil
    ) throws -> Targets {
        try withoutGradients {
            let perLevel = try anchors(grids: grids)
            let all = try Boxes.cat(perLevel)
            var levels: [Range<Int>] = []
            for boxes in perLevel {
                let start = levels.last?.upperBound ?? 0
                levels.append(start..<(start + boxes.count))
            }
            var (labels, rows, deltas): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
            for (image, truth) in groundTruth.enumerated() {
                var matches = try configuration.matcher(all, groundTruth: truth)
                if let ignored {
                    matches = try configuration.matcher.ignoring(ignored[image], of: matches, boxes: all)
                }
                if let seeds { try generator.seed(seeds[image]) }
                let sampled = try configuration.sampler.sampledLabels(matches.labels, generator: generator)
                let learned = configuration.boxNormalizer == .sampledAnchors ? sampled : matches.labels
                let positive = try (learned .== 1).nonzeroIndices().flattened()
                let targets = try truth.tensor.indexSelected(0, matches.indices.indexSelected(0, positive))
                labels.append(sampled)
                rows.append(positive)
                deltas.append(
                    try configuration.coder.encode(
                        Boxes(targets), from: Boxes(all.tensor.indexSelected(0, positive))))
            }
            return Targets(
                labels: try Tensor.stack(labels), rows: rows, deltas: deltas, anchors: all, levels: levels)
        }
    }

    /// The losses of predictions.
    package func losses(_ predictions: RegionProposalHead.Predictions, _ targets: Targets) throws -> Losses {
        let images = targets.rows.count
        try predictions.validate(anchorsPerCell: anchors.anchorsPerCell, batch: images)
        let levels = predictions.logits.indices
        let logits = try Tensor.cat(levels.map { try predictions.flatLogits($0) }, dimension: 1)
        let deltas = try Tensor.cat(levels.map { try predictions.flatDeltas($0) }, dimension: 1)
        let normalizer = Double(configuration.sampler.count * max(try SharedBatch.total(images), 1))
        let device = logits.device
        let labels = try device.isProcessor ? targets.labels : targets.labels.to(.int8).to(device: device)
        let objectness = try objectnessLoss(logits, labels: labels, normalizer: normalizer)
        let predicted = try predicted(deltas, targets.rows)
        let wanted = try Tensor.cat(targets.deltas).to(device: device)
        switch configuration.boxNormalizer {
        case .sampledAnchors:
            let sources = try targets.rows.map { try targets.anchors.tensor.indexSelected(0, $0) }
            let sum = try configuration.boxLoss.sum(
                predicted, wanted, sources: Boxes(Tensor.cat(sources).to(device: device)),
                coder: configuration.coder)
            return Losses(objectness: objectness, boxes: try sum / normalizer)
        case .nonZeroCoordinatesOfLevel:
            let rows = try Tensor.cat(targets.rows)
            var sum = try predicted.sum() * 0
            for level in targets.levels {
                let here = try ((rows .>= level.lowerBound) .&& (rows .< level.upperBound))
                    .nonzeroIndices().flattened().to(device: device)
                sum =
                    try sum
                    + configuration.boxLoss.meanOfNonZeroTargets(
                        predicted.indexSelected(0, here), wanted.indexSelected(0, here))
            }
            return Losses(objectness: objectness, boxes: sum)
        }
    }

    /// The rows of each image's deltas, [N, R, 4], one image after another.
    private func predicted(_ deltas: Tensor, _ rows: [Tensor]) throws -> Tensor {
        if deltas.device.isProcessor {
            return try Tensor.cat(zip(deltas.unbound(0), rows).map { try $0.indexSelected(0, $1) })
        }
        let count = deltas.shape[1]
        let all = try Tensor.cat(rows.enumerated().map { try $1 + $0 * count })
        return try deltas.reshaped([-1, 4]).indexSelected(0, all.to(device: deltas.device))
    }
}

/// Binary cross-entropy of objectness, summed over anchors labeled 0 or 1 and divided by `normalizer`.
///
/// detectron2 and the published F-VLM divide by the requested sample count, 256 per image, regardless of the actual
/// one.
/// - Parameters:
///   - logits: Any shape, computed in `float32`.
///   - labels: The same shape, integers; values other than 0 and 1 are ignored.
package func objectnessLoss(_ logits: Tensor, labels: Tensor, normalizer: Double) throws -> Tensor {
    let counts = try (labels .>= 0).to(.float32)
    let target = try (labels .== 1).to(.float32)
    return try logits.to(.float32).binaryCrossEntropyWithLogits(target, weight: counts, reduction: .sum)
        / max(normalizer, 1)
}
