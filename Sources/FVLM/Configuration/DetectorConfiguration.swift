import CLIP
import Support
import RegionDetection

/// The architecture and use of a detector: the file `detector.yaml` in a model's folder.
///
/// ```yaml
/// clip: clip                 # a folder or file next to this one, or a model's name in the Hugging Face cache
/// family: published
/// input: {size: 1024}
/// scoring: {scoreThreshold: 0.2}
/// ```
public struct DetectorConfiguration: Codable, Sendable, Hashable {
    /// The ways of building a detector on CLIP.
    public enum Family: String, Codable, Sendable, CaseIterable {
        /// The published F-VLM's: batch norms, one-sample crops, P6 by convolution, boxes with inclusive corners.
        case published
        /// detectron2's mask_rcnn_R_50_FPN, whose weights fit everything except the trunk.
        case detectron2
        /// F-ViT's, on four blocks of a vision transformer: transposed convolutions, batch norms, patches of any size.
        case fvit
    }

    /// How a vision transformer's maps are converted to a pyramid.
    public enum AdapterKind: String, Codable, Sendable, CaseIterable {
        /// 1x1 convolutions and bilinear upsampling, into a feature pyramid.
        case bilinear
        /// ViTDet's transposed convolutions.
        case simplePyramid
    }

    /// The part of the trunk that feeds the pyramid.
    public struct TrunkSettings: Codable, Sendable, Hashable {
        /// The block of a vision transformer whose tokens feed the pyramid, counted from 1; null: at two thirds of the
        /// depth.
        public var featureBlock: Int?
        /// The four blocks whose tokens the family fvit makes the pyramid of, finest first, counted from 1; null: spread as in
        /// F-ViT, [4, 6, 8, 12] of 12 and [7, 11, 15, 24] of 24.
        public var pyramidBlocks: [Int]?
        /// How the tokens of featureBlock are converted to a pyramid.
        public var adapter = AdapterKind.bilinear
        /// Channels of the bilinear adapter's maps, finest first.
        public var adapterChannels = [256, 256, 256, 256]
        /// The resolution of the adapter's maps relative to the tokens, finest first, each twice the next.
        public var adapterScales = [8, 4, 2, 1]
    }

    /// How pictures are resized to the network's input.
    public struct Input: Codable, Sendable, Hashable {
        /// Resizing methods.
        public enum Fitting: String, Codable, Sendable, CaseIterable {
            /// Resizes the longest side to `size` and pads to a square: the published method.
            case square
            /// Resizes the longest side to `size` and pads only to the multiple that the pyramid needs, which costs
            /// less.
            case longestSide
            /// Resizes the shortest side to `size` unless the longest would exceed `longestSide`.
            case shortestSide
        }
        /// How colors become numbers.
        public enum Normalization: String, Codable, Sendable, CaseIterable {
            /// By the means and deviations of CLIP's pictures.
            case clip
            /// By those of ImageNet: F-ViT's detectors.
            case imageNet
            /// To numbers from -1 to 1: Perception Encoder.
            case half
        }
        /// How pixels are sampled.
        public enum Resampling: String, Codable, Sendable, CaseIterable {
            /// Bilinear, over all pixels that a pixel of a smaller picture is made of.
            case antialiased
            /// Bilinear, between the four nearest pixels whatever the sizes: F-ViT's.
            case interpolated
        }
        /// The target side in pixels.
        public var size = 1024
        /// Which side is resized to `size`.
        public var fitting = Fitting.square
        /// The maximum longest side, for `shortestSide`.
        public var longestSide = 1333
        /// How colors become numbers; must be what the trunk was trained with.
        public var normalization = Normalization.clip
        /// How pixels are sampled.
        public var resampling = Resampling.antialiased
    }

    /// Sizes of the trained part.
    public struct Network: Codable, Sendable, Hashable {
        /// Channels of the pyramid and of the heads' convolutions.
        public var width = 256
        /// The width of the box head's fully connected layers.
        public var hidden = 1024
        /// Whether the convolutions of the proposal network are normalized, in the family fvit.
        public var normalizesProposals = false
        /// Whether there is a mask head.
        public var masks = true
        /// Sides of the anchors in pixels, level by level; null: 8 times the stride.
        public var anchorSizes: [Double]?
        /// The side in pixels of boxes whose class and deltas are pooled from the map of stride 16; boxes of half the
        /// side use the next finer map (Lin et al., 2017, section 4.2: the size of the trunk's pretraining pictures,
        /// 224).
        public var canonicalSide = 224.0
        /// The same for masks.
        public var maskCanonicalSide = 224.0
        /// Boxes per level that take part in suppression, during training and otherwise.
        public var proposalCandidates = [2000, 1000]
        /// Proposals per image, during training and otherwise.
        public var proposalCount = [1000, 1000]
    }

    /// What is learned, and how.
    public struct Learning: Codable, Sendable, Hashable {
        /// Classification losses.
        public enum Classification: String, Codable, Sendable, CaseIterable {
            /// Softmax cross-entropy with a weight for the background.
            case softmax
            /// Contrastive loss with a fixed temperature of 0.07.
            case contrastive
            /// Binary cross-entropy of every class.
            case sigmoid
            /// Focal loss of every class.
            case focal
        }
        /// The classification loss.
        public var classification = Classification.softmax
        /// The weight of background regions: 0.9 for LVIS, 0.2 for COCO.
        public var backgroundWeight = 0.9
        /// The detector's temperature before the learned factor.
        public var temperature = 0.01
        /// Anchors per image to learn from.
        public var anchorsPerImage = 256
        /// Regions per image to learn from.
        public var regionsPerImage = 512
        /// The maximum fraction of foreground regions.
        public var foregroundFraction = 0.25
        /// The maximum number of foreground regions per image whose masks are learned; null: all. Masks dominate the
        /// cost of a step.
        public var masksPerImage: Int?
    }

    /// The CLIP: a folder, a file, or a name in the Hugging Face cache. A relative path is resolved against the
    /// configuration's folder.
    public var clip = "clip"
    /// The family of detectors.
    public var family = Family.published
    /// The part of the trunk that feeds the pyramid.
    public var trunk = TrunkSettings()
    /// How pictures are resized to the network's input.
    public var input = Input()
    /// Sizes of the trained part.
    public var network = Network()
    /// How regions are scored and which detections are kept; can be changed without retraining.
    public var scoring = ScoringOptions()
    /// What is learned, and how.
    public var learning = Learning()

    /// Creates the published family at its usual sizes.
    public init() {}
}

// Values that older files use for null, and settings that are paths.

extension DetectorConfiguration: SettingsDescription {
    package static let pathSettings = ["clip": PathSetting.pathOrName]
}

extension DetectorConfiguration.TrunkSettings: SettingsDescription {
    package static let formerNulls: [String: Set<String>] = ["featureBlock": ["0"]]
}

extension DetectorConfiguration.Network: SettingsDescription {
    package static let formerNulls: [String: Set<String>] = ["anchorSizes": ["[]"]]
}

extension DetectorConfiguration.Learning: SettingsDescription {
    package static let formerNulls: [String: Set<String>] = ["masksPerImage": ["0"]]
}
