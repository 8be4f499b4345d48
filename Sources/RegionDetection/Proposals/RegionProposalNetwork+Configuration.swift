/// What the box loss of proposals is divided by.
public enum ProposalBoxNormalizer: String, Sendable, Hashable {
    /// Positive anchors that were sampled count; the sum is divided by the number of anchors that are to be sampled in
    /// all images, whatever their labels (detectron2).
    case sampledAnchors

    /// All positive anchors count, sampled or not; on every level the mean over coordinates whose target is not exactly
    /// zero, levels summed; a level without any gives zero (the published F-VLM).
    case nonZeroCoordinatesOfLevel
}

extension RegionProposalNetwork {
    /// How many proposals are made.
    public struct Counts: Sendable, Hashable {
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
    public enum EmptyBoxes: Sendable, Hashable {
        /// Boxes with a side of at most this many pixels after clipping.
        case sides(upTo: Double)

        /// Those whose four coordinates are all zero after clipping: the published F-VLM keeps others without area.
        case allZero
    }

    /// The settings of a network.
    public struct Configuration: Sendable, Hashable {
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

        /// A configuration; its parts are checked where they are made.
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
        public static func detectron2() -> Configuration {
            Configuration(
                training: Counts(beforeSuppression: 2000, afterSuppression: 1000),
                evaluation: Counts(beforeSuppression: 1000, afterSuppression: 1000),
                suppression: .proposals(), emptyBoxes: .sides(upTo: 0), border: .edge, coder: BoxCoder(),
                matcher: .anchors(), sampler: .anchors(), boxLoss: .l1, boxNormalizer: .sampledAnchors)
        }

        /// The published F-VLM's.
        public static func published() -> Configuration {
            let counts = Counts(beforeSuppression: 2000, afterSuppression: 1000)
            return Configuration(
                training: counts, evaluation: counts, suppression: .proposals(includesThreshold: true),
                emptyBoxes: .allZero, border: .lastPixel, coder: BoxCoder(extent: .inclusive),
                matcher: .anchors(), sampler: .anchors(), boxLoss: .huber(delta: 0.111),
                boxNormalizer: .nonZeroCoordinatesOfLevel)
        }
    }
}
