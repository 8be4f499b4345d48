/// Finds where objects may be: boxes with a score, whatever the class.
public struct RegionProposalNetwork: Sendable {
    /// How many proposals are made.
    public struct Counts: Sendable, Hashable, Codable {
        /// The best boxes of a level that take part in suppression.
        public var beforeSuppression: Int

        /// The best boxes of an image that are left.
        public var afterSuppression: Int

        /// A number of boxes before and after suppression.
        public init(beforeSuppression: Int, afterSuppression: Int) {
            self.beforeSuppression = beforeSuppression
            self.afterSuppression = afterSuppression
        }
    }

    /// Which boxes are no proposals.
    public enum EmptyBoxes: Sendable, Hashable, Codable {
        /// Those that are not wider and higher than so many pixels, after clipping.
        case sides(upTo: Double)

        /// Those whose four coordinates are all zero after clipping: the published F-VLM keeps others without area.
        case allZero
    }

    /// What a network does.
    public struct Configuration: Sendable, Hashable, Codable {
        /// Proposals while training.
        public var training: Counts

        /// Proposals otherwise.
        public var evaluation: Counts

        /// Suppression within each level of each image.
        public var suppression: NonMaximumSuppression

        /// Which boxes are no proposals.
        public var emptyBoxes: EmptyBoxes

        /// Where boxes are cut.
        public var border: Boxes.Border

        /// How deltas become boxes.
        public var coder: BoxCoder

        /// How anchors find their ground truth.
        public var matcher: Matcher

        /// Which anchors are learned from.
        public var sampler: BalancedSampler

        /// How deltas are learned.
        public var boxLoss: BoxLoss

        /// What the sum of box losses is divided by.
        public var boxNormalizer: ProposalBoxNormalizer

        /// - Throws: Nothing by itself; parts are checked when they are made.
        public init(
            training: Counts, evaluation: Counts, suppression: NonMaximumSuppression, emptyBoxes: EmptyBoxes,
            border: Boxes.Border, coder: BoxCoder, matcher: Matcher, sampler: BalancedSampler,
            boxLoss: BoxLoss, boxNormalizer: ProposalBoxNormalizer
        ) {
            self.training = training
            self.evaluation = evaluation
            self.suppression = suppression
            self.emptyBoxes = emptyBoxes
            self.border = border
            self.coder = coder
            self.matcher = matcher
            self.sampler = sampler
            self.boxLoss = boxLoss
            self.boxNormalizer = boxNormalizer
        }

        /// detectron2's for mask_rcnn_R_50_FPN.
        public static func detectron2() throws -> Configuration {
            Configuration(
                training: Counts(beforeSuppression: 2000, afterSuppression: 1000),
                evaluation: Counts(beforeSuppression: 1000, afterSuppression: 1000),
                suppression: try NonMaximumSuppression(threshold: 0.7), emptyBoxes: .sides(upTo: 0),
                border: .edge, coder: try BoxCoder(), matcher: try .anchors(),
                sampler: try BalancedSampler(count: 256, positiveFraction: 0.5), boxLoss: .l1,
                boxNormalizer: .sampledAnchors)
        }

        /// The published F-VLM's.
        public static func published() throws -> Configuration {
            let counts = Counts(beforeSuppression: 2000, afterSuppression: 1000)
            return Configuration(
                training: counts, evaluation: counts,
                suppression: try NonMaximumSuppression(threshold: 0.7, includesThreshold: true),
                emptyBoxes: .allZero, border: .lastPixel, coder: try BoxCoder(extent: .inclusive),
                matcher: try .anchors(), sampler: try BalancedSampler(count: 256, positiveFraction: 0.5),
                boxLoss: .huber(delta: 0.111), boxNormalizer: .nonZeroCoordinatesOfLevel)
        }
    }

    /// Proposals of an image, best first.
    public struct Proposals: Sendable {
        /// [P], cut at the borders of the image.
        public let boxes: Boxes

        /// [P], objectness before the sigmoid, falling.
        public let logits: Tensor

        /// Boxes and their logits.
        public init(boxes: Boxes, logits: Tensor) {
            self.boxes = boxes
            self.logits = logits
        }
    }

    /// What the network does.
    public let configuration: Configuration

    /// The convolutions.
    public let head: RegionProposalHead

    /// The boxes that deltas refer to.
    public let anchors: AnchorGenerator

    private let mode: LayerMode

    /// Declares a network.
    /// - Throws: ``DetectionError`` when head and anchors differ in the number of anchors; ``TorchError``.
    public init(
        _ scope: ParameterScope, head: RegionProposalHead.Configuration, anchors: AnchorGenerator,
        _ configuration: Configuration
    ) throws {
        guard head.anchorsPerCell == anchors.anchorsPerCell else {
            throw DetectionError(
                "RegionProposalNetwork",
                "the head predicts \(head.anchorsPerCell) boxes a cell, there are \(anchors.anchorsPerCell) anchors"
            )
        }
        self.head = try RegionProposalHead(scope, head)
        self.anchors = anchors
        self.configuration = configuration
        mode = scope.mode()
    }

    /// Predicts for the maps [N, C, H, W] of a pyramid.
    public func callAsFunction(_ features: [Tensor]) throws -> RegionProposalHead.Predictions {
        try head(features)
    }

    /// The proposals of every image, best first; no gradient flows through them.
    ///
    /// Per level the best boxes by logit are decoded, cut at the image's borders, and suppressed; then the best of all
    /// levels are taken. Equal logits: the finer level, then the earlier anchor first.
    /// - Parameter imageSizes: Height and width of each image of the batch without its padding.
    /// - Throws: ``DetectionError`` when predictions are not finite while training. Otherwise boxes that are not finite
    ///   are left out.
    public func proposals(
        _ predictions: RegionProposalHead.Predictions, imageSizes: [Size2D]
    ) throws -> [Proposals] {
        try predictions.validate(anchorsPerCell: anchors.anchorsPerCell, batch: imageSizes.count)
        return try withoutGradients {
            let device = predictions.logits.first?.device ?? .cpu
            let anchors = try anchors(grids: predictions.grids, device: device)
            var candidates: [Candidates] = []
            for level in anchors.indices {
                let logits = try predictions.flatLogits(level).detached()
                let deltas = try predictions.flatDeltas(level).detached()
                if mode.isTraining { try requireFinite(logits, deltas, level: level) }
                for (image, size) in imageSizes.enumerated() {
                    candidates.append(
                        try self.candidates(
                            logits: logits[image], deltas: deltas[image], anchors: anchors[level], size: size,
                            group: image * anchors.count + level))
                }
            }
            return try best(of: candidates, images: imageSizes.count, levels: anchors.count)
        }
    }

    private var counts: Counts { mode.isTraining ? configuration.training : configuration.evaluation }

    private struct Candidates {
        let boxes: Boxes
        let logits: Tensor
        let group: Int
    }

    private func requireFinite(_ logits: Tensor, _ deltas: Tensor, level: Int) throws {
        let isFinite = try logits.isFinite().all().item() != 0 && deltas.isFinite().all().item() != 0
        guard !isFinite else { return }
        throw DetectionError(
            "RegionProposalNetwork",
            "predictions on level \(level) are infinite or not numbers: training has diverged; lower the learning rate"
        )
    }

    /// The best boxes of one level of one image.
    private func candidates(logits: Tensor, deltas: Tensor, anchors: Boxes, size: Size2D, group: Int) throws
        -> Candidates
    {
        let rows = try Self.bestRows(logits, count: counts.beforeSuppression)
        let logits = try logits.indexSelected(0, rows)
        let decoded = try configuration.coder.boxes(
            deltas.indexSelected(0, rows), from: Boxes(anchors.tensor.indexSelected(0, rows)))
        let isFinite = try decoded.areFinite() .&& logits.isFinite()
        let boxes = try decoded.clipped(to: size, border: configuration.border)
        let isBox: Tensor
        switch configuration.emptyBoxes {
        case .sides(let least): isBox = try boxes.areNonEmpty(above: least)
        case .allZero: isBox = try (boxes.tensor .!= 0).any([1])
        }
        let kept = try (isFinite .&& isBox).nonzeroIndices().flattened()
        return Candidates(
            boxes: Boxes(checked: try boxes.tensor.indexSelected(0, kept)),
            logits: try logits.indexSelected(0, kept), group: group)
    }

    /// Rows of the largest numbers, falling, equal ones in their order; fewer when some are NaN.
    static func bestRows(_ numbers: Tensor, count: Int) throws -> Tensor {
        guard numbers.count > count else { return try numbers.argsorted(0, descending: true) }
        guard count > 0 else { return try Tensor.zeros([0], dtype: .int64, device: numbers.device) }
        // The selection alone does not say which of equal numbers it takes.
        let least = try numbers.topk(count, sorted: true).values[count - 1]
        let rows = try (numbers .>= least).nonzeroIndices().flattened()
        let order = try numbers.indexSelected(0, rows).argsorted(0, descending: true)
        return try rows.indexSelected(0, order[0..<min(count, order.count)])
    }

    /// Suppression in each level of each image, then the best of each image.
    private func best(of candidates: [Candidates], images: Int, levels: Int) throws -> [Proposals] {
        let ordered = candidates.sorted { $0.group < $1.group }
        let boxes = try Boxes.cat(ordered.map(\.boxes))
        let logits = try Tensor.cat(ordered.map(\.logits))
        let groups = ordered.flatMap { [Int](repeating: $0.group, count: $0.boxes.count) }
        let kept = try configuration.suppression.rows(
            boxes, scores: logits, groups: groups, limit: counts.afterSuppression)
        var rows = [[Int64]](repeating: [], count: images)
        for row in kept {
            let image = groups[Int(row)] / levels
            if rows[image].count < counts.afterSuppression { rows[image].append(row) }
        }
        return try rows.map { rows in
            let rows = try Tensor(rows).to(device: boxes.device)
            return Proposals(
                boxes: Boxes(checked: try boxes.tensor.indexSelected(0, rows)),
                logits: try logits.indexSelected(0, rows))
        }
    }
}
