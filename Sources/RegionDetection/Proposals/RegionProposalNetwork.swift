// Letters for shapes in this folder: N images, A anchors per cell, C channels, H and W rows and columns of a map, R
// anchors of all levels, P proposals of an image.
//
// Names: `logits` are objectness before the sigmoid, `deltas` are for a `BoxCoder`; both are predictions unless called
// targets. Ground truth is the data set's annotation. Labels are 1 positive, 0 negative, -1 excluded from learning.

/// Proposes class-agnostic boxes of possible objects, with scores (Ren et al., 2015).
public struct RegionProposalNetwork: Sendable {
    /// The proposals of a batch.
    public struct Proposals: Sendable {
        /// The boxes of each image, best first, clipped to it, [P]; in main memory.
        public let boxes: [Boxes]

        /// The objectness of each image's boxes before the sigmoid, descending, [P]; in main memory.
        public let logits: [Tensor]

        /// The head's predictions, which ``losses(_:groundTruth:ignored:generator:seeds:)`` uses.
        package let predictions: RegionProposalHead.Predictions
    }

    /// The settings of the network.
    package let configuration: Configuration

    /// The boxes that deltas refer to.
    package let anchors: AnchorGenerator

    package let head: RegionProposalHead

    private let mode: LayerMode

    /// Declares a network.
    /// - Throws: ``DetectionError`` if head and anchors differ in the number of anchors; `TorchError`.
    public init(
        _ scope: ParameterScope, head: RegionProposalHead.Configuration, anchors: AnchorGenerator,
        _ configuration: Configuration
    ) throws {
        guard head.anchorsPerCell == anchors.anchorsPerCell else {
            throw DetectionError(
                "RegionProposalNetwork",
                "the head predicts \(head.anchorsPerCell) boxes per cell, but there are \(anchors.anchorsPerCell) anchors"
            )
        }
        self.head = try RegionProposalHead(scope, head)
        self.anchors = anchors
        self.configuration = configuration
        mode = scope.mode()
    }

    /// The proposals of every image, best first; no gradient flows through the boxes.
    /// - Parameters:
    ///   - levels: The maps of a pyramid, [N, C, H, W] each.
    ///   - sizes: Height and width of each image of the batch without its padding.
    /// - Throws: ``DetectionError`` if predictions are not finite during training (otherwise boxes that are not finite
    ///   are dropped) or the numbers of sizes and images differ; `TorchError`.
    public func callAsFunction(_ levels: [Tensor], sizes: [Size2D]) throws -> Proposals {
        try proposals(from: head(levels), sizes: sizes)
    }

    /// The proposals for given predictions.
    ///
    /// Equal logits are ordered by level, finer first, then by anchor.
    package func proposals(from predictions: RegionProposalHead.Predictions, sizes: [Size2D]) throws
        -> Proposals
    {
        try predictions.validate(anchorsPerCell: anchors.anchorsPerCell, batch: sizes.count)
        return try withoutGradients {
            // 1. The best boxes of every level of every image.
            let device = predictions.logits.first?.device ?? .cpu
            let candidates =
                device.isProcessor
                ? try candidatesInMemory(predictions, sizes) : try candidates(predictions, sizes, on: device)
            // 2. Of these the boxes that survive suppression, the best of each image.
            let best = try best(of: candidates)
            return Proposals(boxes: best.map(\.boxes), logits: best.map(\.logits), predictions: predictions)
        }
    }

    var counts: Counts { mode.isTraining ? configuration.training : configuration.evaluation }

    /// The best boxes of a level of an image, before suppression.
    struct Candidates {
        let boxes: Boxes
        let logits: Tensor
    }

    /// The best boxes by image, then by level.
    private func candidatesInMemory(_ predictions: RegionProposalHead.Predictions, _ sizes: [Size2D]) throws
        -> [[Candidates]]
    {
        let anchors = try anchors(grids: predictions.grids)
        var candidates = [[Candidates]](repeating: [], count: sizes.count)
        for level in anchors.indices {
            let logits = try predictions.flatLogits(level).detached()
            let deltas = try predictions.flatDeltas(level).detached()
            if mode.isTraining {
                try require(
                    logits.isFinite().all().item() != 0 && deltas.isFinite().all().item() != 0, level: level)
            }
            for (image, size) in sizes.enumerated() {
                candidates[image].append(
                    try self.candidates(
                        logits: logits[image], deltas: deltas[image], anchors: anchors[level], size: size))
            }
        }
        return candidates
    }

    var isTraining: Bool { mode.isTraining }

    /// Throws unless the predictions on a level are finite.
    func require(_ areFinite: Bool, level: Int) throws {
        guard !areFinite else { return }
        throw DetectionError(
            "RegionProposalNetwork",
            "predictions on level \(level) are infinite or NaN: training has diverged; lower the learning rate"
        )
    }

    /// The best boxes of one level of one image.
    private func candidates(logits: Tensor, deltas: Tensor, anchors: Boxes, size: Size2D) throws -> Candidates
    {
        // 1. The best anchors by logit.
        let rows = try Self.bestRows(logits, count: counts.beforeSuppression)
        let logits = try logits.indexSelected(0, rows)
        // 2. Their boxes, clipped to the image.
        let decoded = try configuration.coder.boxes(
            deltas.indexSelected(0, rows), from: Boxes(anchors.tensor.indexSelected(0, rows)))
        let boxes = try decoded.clipped(to: size, border: configuration.border)
        // 3. Without broken or empty ones.
        return try kept(boxes, logits, areFinite: decoded.areFinite() .&& logits.isFinite())
    }

    /// The candidates without broken or empty ones.
    func kept(_ boxes: Boxes, _ logits: Tensor, areFinite: Tensor) throws -> Candidates {
        let isBox: Tensor
        switch configuration.emptyBoxes {
        case .sides(let least): isBox = try boxes.areNonEmpty(above: least)
        case .allZero: isBox = try (boxes.tensor .!= 0).any([1])
        }
        let kept = try (areFinite .&& isBox).nonzeroIndices().flattened()
        return Candidates(
            boxes: Boxes(unchecked: try boxes.tensor.indexSelected(0, kept)),
            logits: try logits.indexSelected(0, kept))
    }

    /// Rows of the largest numbers, descending, equal ones in input order; fewer if some are NaN.
    static func bestRows(_ numbers: Tensor, count: Int) throws -> Tensor {
        guard numbers.count > count else { return try numbers.argsorted(0, descending: true) }
        guard count > 0 else { return try Tensor.zeros([0], dtype: .int64, device: numbers.device) }
        // The selection alone does not specify which of equal numbers it takes.
        let least = try numbers.topk(count, sorted: true).values[count - 1]
        let rows = try (numbers .>= least).nonzeroIndices().flattened()
        let order = try numbers.indexSelected(0, rows).argsorted(0, descending: true)
        return try rows.indexSelected(0, order[0..<min(count, order.count)])
    }

    /// Suppression within each level of each image, then the best of each image.
    /// - Parameter candidates: By image, then by level.
    private func best(of candidates: [[Candidates]]) throws -> [Candidates] {
        let all = candidates.flatMap(\.self)
        let boxes = try Boxes.cat(all.map(\.boxes))
        let logits = try Tensor.cat(all.map(\.logits))
        // Boxes of different groups do not affect each other: each level of each image is a group.
        let groups = all.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element.boxes.count) }
        let kept = try configuration.suppression.rows(
            boxes, scores: logits, groups: groups, limit: counts.afterSuppression)
        var rows = [[Int64]](repeating: [], count: candidates.count)
        for row in kept {
            let image = groups[Int(row)] / anchors.strides.count
            if rows[image].count < counts.afterSuppression { rows[image].append(row) }
        }
        return try rows.map { rows in
            let rows = try Tensor(rows)
            return Candidates(
                boxes: Boxes(unchecked: try boxes.tensor.indexSelected(0, rows)),
                logits: try logits.indexSelected(0, rows))
        }
    }
}
