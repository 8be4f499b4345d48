import CLIP
import RegionDetection

/// The parts that a detector is built of, each with all of its settings.
///
/// ``DetectorConfiguration`` makes one from a few numbers; tests set here what it cannot say.
package struct DetectorArchitecture: Sendable {
    /// How a single map, such as the tokens of a vision transformer, becomes the pyramid's input.
    package enum Adapter: Sendable, Hashable {
        /// The trunk's maps of several strides go into the pyramid as they are.
        case none
        /// A 1x1 convolution and an enlargement for each level, into the pyramid.
        case bilinear(inputs: Int, outputs: [Int], scales: [Int])
        /// ViTDet's, which takes the place of the pyramid.
        case simplePyramid(inputs: Int, width: Int, firstLevel: Int)
    }

    /// How the masks that the mask head learns are cut out of the ground truth.
    package enum MaskTargetKind: String, Sendable, Hashable, Codable {
        /// Zeros and ones, as detectron2 makes them.
        case binary
        /// Bilinear samples from 0 to 1, as the published F-VLM makes them.
        case soft
    }

    /// From the trunk to the pyramid.
    package var adapter: Adapter
    /// The pyramid; not looked at where the adapter takes its place.
    package var pyramid: FeaturePyramid.Configuration
    /// The convolutions of the region proposal network.
    package var proposalHead: RegionProposalHead.Configuration
    /// The boxes that proposals start from.
    package var anchors: AnchorGenerator
    /// How proposals are chosen and learned.
    package var proposals: RegionProposalNetwork.Configuration
    /// Where the box head's regions come from.
    package var boxPooler: RegionPooler
    /// The box head.
    package var boxHead: BoxHead.Configuration
    /// Where the mask head's regions come from.
    package var maskPooler: RegionPooler
    /// The mask head; none for a detector of boxes.
    package var maskHead: MaskHead.Configuration?
    /// The width of text embeddings.
    package var embeddingWidth: Int
    /// The detector's temperature, before the learned factor.
    package var temperatureScale: Double
    /// How the box head's deltas become boxes.
    package var regionCoder: BoxCoder
    /// How far final boxes may reach.
    package var border: Boxes.Border
    /// Suppression among final boxes; its threshold is an option at run time.
    package var includesSuppressionThreshold: Bool
    /// Where masks lie in the picture.
    package var maskPlacement: MaskPaster.Placement
    /// Which regions the heads learn from.
    package var regionSampler: RegionSampler
    /// How the class is learned.
    package var classificationLoss: ClassificationLoss
    /// How deltas are learned.
    package var regionBoxLoss: BoxLoss
    /// What the sum of box losses is divided by.
    package var regionBoxNormalizer: RegionBoxNormalizer
    /// How mask targets are made.
    package var maskTargets: MaskTargetKind
    /// Foreground regions of an image whose masks are learned, at most; nil: all.
    package var maskRegionLimit: Int?

    /// The published F-VLM's, on a trunk with maps of strides 4, 8, 16 and 32.
    /// - Parameters:
    ///   - channels: Of the trunk's maps.
    ///   - width: Of the pyramid and the heads.
    ///   - hidden: Of the fully connected layer.
    /// - Throws: `DetectionError` when the numbers are impossible.
    package static func published(channels: [Int], embeddingWidth: Int, width: Int = 256, hidden: Int = 1024)
        throws
        -> DetectorArchitecture
    {
        let levels = [4, 8, 16, 32, 64]
        return DetectorArchitecture(
            adapter: .none, pyramid: .published(inputs: channels, width: width),
            proposalHead: .published(width: width), anchors: .published(), proposals: .published(),
            boxPooler: try RegionPooler(output: 7, strides: levels, sampling: .cellCenters),
            boxHead: .published(channels: width, width: hidden),
            maskPooler: try RegionPooler(output: 14, strides: levels, sampling: .cellCenters),
            maskHead: .published(channels: width), embeddingWidth: embeddingWidth, temperatureScale: 0.01,
            regionCoder: .boxHead(extent: .inclusive), border: .lastPixel,
            includesSuppressionThreshold: true, maskPlacement: .wholePixels, regionSampler: .standard(),
            classificationLoss: .softmax(backgroundWeight: 0.9), regionBoxLoss: .huber(delta: 1),
            regionBoxNormalizer: .foregroundCoordinates, maskTargets: .soft)
    }

    /// detectron2's mask_rcnn_R_50_FPN without its classifier, on maps of the given strides or an adapter.
    /// - Parameters:
    ///   - channels: Of the maps that go into the pyramid, finest first.
    ///   - strides: Of these maps.
    ///   - anchorSizes: Square roots of the anchors' areas in pixels, for each map and the level above.
    /// - Throws: `DetectionError` when the numbers are impossible.
    package static func detectron2(
        adapter: Adapter, channels: [Int], strides: [Int] = [4, 8, 16, 32], embeddingWidth: Int,
        width: Int = 256,
        hidden: [Int] = [1024, 1024], anchorSizes: [Double] = [32, 64, 128, 256, 512]
    ) throws -> DetectorArchitecture {
        guard let coarsest = strides.last else {
            throw DetectionError("detector", "there are no maps to detect on")
        }
        return DetectorArchitecture(
            adapter: adapter,
            pyramid: FeaturePyramid.Configuration(inputs: channels, width: width),
            proposalHead: RegionProposalHead.Configuration(width: width),
            anchors: try AnchorGenerator(
                sizes: anchorSizes.map { [$0] }, ratios: [0.5, 1, 2], strides: strides + [coarsest * 2]),
            proposals: .detectron2(),
            boxPooler: try RegionPooler(output: 7, strides: strides, sampling: .aligned(ratio: 0)),
            boxHead: BoxHead.Configuration(channels: width, fullyConnected: hidden),
            maskPooler: try RegionPooler(output: 14, strides: strides, sampling: .aligned(ratio: 0)),
            maskHead: MaskHead.Configuration(
                channels: width, convolutions: [Int](repeating: width, count: 4), width: width),
            embeddingWidth: embeddingWidth, temperatureScale: 0.01,
            regionCoder: .boxHead(), border: .edge,
            includesSuppressionThreshold: false, maskPlacement: .exact, regionSampler: .standard(),
            classificationLoss: .softmax(backgroundWeight: 0.9), regionBoxLoss: .l1,
            regionBoxNormalizer: .regions, maskTargets: .binary
        )
    }
}
