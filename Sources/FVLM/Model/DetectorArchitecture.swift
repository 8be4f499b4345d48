import CLIP
import RegionDetection

/// The parts of a detector, each with all of its settings.
///
/// ``DetectorConfiguration`` creates one from a few numbers; tests set values here that it cannot express.
package struct DetectorArchitecture: Sendable {
    /// How a single map, such as the tokens of a vision transformer, is converted to the pyramid's input.
    package enum Adapter: Sendable, Hashable {
        /// The trunk's maps of several strides feed the pyramid directly.
        case none
        /// A 1x1 convolution and bilinear upsampling for each level, before the pyramid.
        case bilinear(inputs: Int, outputs: [Int], scales: [Int])
        /// F-ViT's transposed convolutions of four maps of one stride, into the pyramid.
        case deconvolution(width: Int)
        /// ViTDet's simple pyramid, which replaces the feature pyramid.
        case simplePyramid(inputs: Int, width: Int, firstLevel: Int)
    }

    /// How the mask head's targets are cropped from the ground truth.
    package enum MaskTargetKind: String, Sendable, Hashable, Codable {
        /// Zeros and ones, as in detectron2.
        case binary
        /// Bilinear samples from 0 to 1, as in the published F-VLM.
        case soft
    }

    /// The adapter from the trunk to the pyramid.
    package var adapter: Adapter
    /// The pyramid; unused if the adapter replaces it.
    package var pyramid: FeaturePyramid.Configuration
    /// The convolutions of the region proposal network.
    package var proposalHead: RegionProposalHead.Configuration
    /// The reference boxes of proposals.
    package var anchors: AnchorGenerator
    /// How proposals are selected and learned.
    package var proposals: RegionProposalNetwork.Configuration
    /// The pooling of the box head's regions.
    package var boxPooler: RegionPooler
    /// The box head.
    package var boxHead: BoxHead.Configuration
    /// What stands between the box head's vectors and what is predicted from them.
    package var predictor = RegionPredictor.Design.linear
    /// The pooling of the mask head's regions.
    package var maskPooler: RegionPooler
    /// The mask head; nil for a detector of boxes only.
    package var maskHead: MaskHead.Configuration?
    /// The width of text embeddings.
    package var embeddingWidth: Int
    /// The detector's temperature, before the learned factor.
    package var temperatureScale: Double
    /// The conversion of the box head's deltas to boxes.
    package var regionCoder: BoxCoder
    /// Where final boxes are clipped.
    package var border: Boxes.Border
    /// Whether suppression of final boxes includes the threshold, which is a run-time option.
    package var includesSuppressionThreshold: Bool
    /// How masks are placed in the picture.
    package var maskPlacement: MaskPaster.Placement
    /// The sampler of the regions that the heads learn from.
    package var regionSampler: RegionSampler
    /// The classification loss.
    package var classificationLoss: ClassificationLoss
    /// The loss of the deltas.
    package var regionBoxLoss: BoxLoss
    /// The divisor of the summed box loss.
    package var regionBoxNormalizer: RegionBoxNormalizer
    /// The kind of mask targets.
    package var maskTargets: MaskTargetKind
    /// The maximum number of foreground regions per image whose masks are learned; nil: all.
    package var maskRegionLimit: Int?

    /// The published F-VLM's architecture, on a trunk with maps of strides 4, 8, 16 and 32.
    /// - Parameters:
    ///   - channels: The channels of the trunk's maps.
    ///   - width: The width of the pyramid and the heads.
    ///   - hidden: The width of the fully connected layer.
    /// - Throws: `DetectionError` if a number is impossible.
    package static func published(channels: [Int], embeddingWidth: Int, width: Int = 256, hidden: Int = 1024)
        throws
        -> DetectorArchitecture
    {
        let levels: [Double] = [4, 8, 16, 32, 64]
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
    ///   - channels: The channels of the pyramid's input maps, finest first.
    ///   - strides: The strides of these maps.
    ///   - anchorSizes: Square roots of the anchors' areas in pixels, for each map and the level above.
    /// - Throws: `DetectionError` if a number is impossible.
    package static func detectron2(
        adapter: Adapter, channels: [Int], strides: [Double] = [4, 8, 16, 32], embeddingWidth: Int,
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

    /// F-ViT's, on four maps of a transformer whose patches have `patchSize` pixels; what its files do not say is learned
    /// as in ``detectron2(adapter:channels:strides:embeddingWidth:width:hidden:anchorSizes:)``.
    /// - Parameters:
    ///   - inputs: Channels of the transformer's maps.
    ///   - normalizesProposals: Whether the proposal network's convolutions are normalized.
    /// - Throws: `DetectionError` when the numbers are impossible.
    package static func fvit(
        inputs: Int, patchSize: Int, embeddingWidth: Int, width: Int = 256, hidden: Int = 512,
        normalizesProposals: Bool
    ) throws -> DetectorArchitecture {
        let strides = [0.25, 0.5, 1, 2].map { $0 * Double(patchSize) }
        var architecture = try detectron2(
            adapter: .deconvolution(width: inputs), channels: [Int](repeating: inputs, count: 4),
            strides: strides, embeddingWidth: embeddingWidth, width: width,
            anchorSizes: (strides + [4 * Double(patchSize)]).map { 8 * $0 })
        architecture.pyramid = FeaturePyramid.Configuration(
            inputs: [Int](repeating: inputs, count: 4), width: width, normalization: .batch())
        architecture.proposalHead = RegionProposalHead.Configuration(
            width: width, convolutions: 2, normalization: normalizesProposals ? .batch() : .none,
            hasBias: !normalizesProposals)
        architecture.proposals = .fvit()
        architecture.boxPooler.levelEpsilon = 1e-6
        architecture.maskPooler.levelEpsilon = 1e-6
        architecture.boxHead = .fvit(channels: width, width: hidden)
        architecture.predictor = .layers
        architecture.maskHead = .fvit(channels: width)
        architecture.regionCoder.clampsBothWays = true
        return architecture
    }
}
