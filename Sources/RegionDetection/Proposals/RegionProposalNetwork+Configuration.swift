/// The divisor of the proposals' box loss.
public enum ProposalBoxNormalizer: String, Sendable, Hashable {
    /// Counts sampled positive anchors; the sum is divided by the requested sample count of all images, regardless of
    /// labels (detectron2).
    case sampledAnchors

    /// Counts all positive anchors, sampled or not: on every level, the mean over coordinates whose target is not
    /// exactly zero, summed over levels; a level without any contributes zero (the published F-VLM).
    case nonZeroCoordinatesOfLevel
}

extension RegionProposalNetwork {
    /// The number of proposals.
    public struct Counts: Sendable, Hashable {
        /// The number of best boxes of a level that take part in suppression.
        public var beforeSuppression: Int

        /// The number of best boxes of an image that are kept.
        public var afterSuppression: Int

        /// Creates counts for before and after suppression.
        public init(beforeSuppression: Int, afterSuppression: Int) {
            self.beforeSuppression = beforeSuppression
            self.afterSuppression = afterSuppression
        }
    }

    /// Which boxes are dropped as empty.
    public enum EmptyBoxes: Sendable, Hashable {
        /// Boxes with a side of at most this many pixels after clipping.
        case sides(upTo: Double)

        /// Boxes whose four coordinates are all zero after clipping: the published F-VLM keeps other boxes without
        /// area.
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

        /// Which boxes are dropped as empty.
        public var emptyBoxes: EmptyBoxes

        /// Where boxes are clipped.
        public var border: Boxes.Border

        /// The conversion of deltas to boxes.
        public var coder: BoxCoder

        /// The matcher of anchors to ground truths.
        public var matcher: Matcher

        /// The sampler of the anchors to learn from.
        public var sampler: BalancedSampler

        /// The loss of the deltas.
        public var boxLoss: BoxLoss

        /// The divisor of the summed box loss.
        public var boxNormalizer: ProposalBoxNormalizer

        /// Creates a configuration; its parts are validated by their own initializers.
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

        /// detectron2's configuration for mask_rcnn_R_50_FPN.
        public static func detectron2() -> Configuration {
            Configuration(
                training: Counts(beforeSuppression: 2000, afterSuppression: 1000),
                evaluation: Counts(beforeSuppression: 1000, afterSuppression: 1000),
                suppression: .proposals(), emptyBoxes: .sides(upTo: 0), border: .edge, coder: BoxCoder(),
                matcher: .anchors(), sampler: .anchors(), boxLoss: .l1, boxNormalizer: .sampledAnchors)
        }

        /// F-ViT's, from mmdet: more candidates, and boxes that shrink no further than they grow.
        public static func fvit() -> Configuration {
            var configuration = detectron2()
            let counts = Counts(beforeSuppression: 2000, afterSuppression: 1000)
            configuration.training = counts
            configuration.evaluation = counts
            configuration.coder.clampsBothWays = true
            return configuration
        }

        /// The published F-VLM's configuration.
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
