import CLIP
import Support
import RegionDetection

/// What a detector is built of and how it is used: the file `detector.yaml` of a model's folder.
///
/// ```yaml
/// clip: clip                 # a folder or file beside this one, or a model's name in the Hugging Face cache
/// family: published
/// input: {size: 1024}
/// scoring: {scoreThreshold: 0.2}
/// ```
public struct DetectorConfiguration: Codable, Sendable, Hashable {
    /// The two ways of building a detector on CLIP.
    public enum Family: String, Codable, Sendable, CaseIterable {
        /// The published F-VLM's: batch norms, one-sample crops, P6 by convolution, boxes with inclusive corners.
        case published
        /// detectron2's mask_rcnn_R_50_FPN, whose weights fit everything but the trunk.
        case detectron2
    }

    /// How the maps of a vision transformer become a pyramid.
    public enum AdapterKind: String, Codable, Sendable, CaseIterable {
        /// 1x1 convolutions and enlargement, into a feature pyramid.
        case bilinear
        /// ViTDet's transposed convolutions.
        case simplePyramid
    }

    /// What of the trunk is used.
    public struct TrunkSettings: Codable, Sendable, Hashable {
        /// The block of a vision transformer whose tokens the pyramid is made of, counted from 1; null: two thirds of the way.
        public var featureBlock: Int?
        /// How its tokens become a pyramid.
        public var adapter = AdapterKind.bilinear
        /// Channels of the bilinear adapter's maps, finest first.
        public var adapterChannels = [256, 256, 256, 256]
        /// How many times finer than the tokens the adapter's maps are, finest first, each twice the next.
        public var adapterScales = [8, 4, 2, 1]
    }

    /// How pictures are brought to the network's size.
    public struct Input: Codable, Sendable, Hashable {
        /// Ways of resizing.
        public enum Fitting: String, Codable, Sendable, CaseIterable {
            /// The longest side becomes `size`, the rest of the square is padded: the published way.
            case square
            /// The longest side becomes `size`; nothing is padded but to what the pyramid needs, which costs less.
            case longestSide
            /// The shortest side becomes `size` unless the longest one passes `longestSide`.
            case shortestSide
        }
        /// The wanted side in pixels.
        public var size = 1024
        /// Which side it is.
        public var fitting = Fitting.square
        /// The bound of the longest side, for `shortestSide`.
        public var longestSide = 1333
    }

    /// Sizes of the trained part.
    public struct Network: Codable, Sendable, Hashable {
        /// Channels of the pyramid and of the heads' convolutions.
        public var width = 256
        /// The width of the box head's fully connected layers.
        public var hidden = 1024
        /// Whether there is a mask head.
        public var masks = true
        /// Sides of the anchors in pixels, level by level; null: 8 times the stride.
        public var anchorSizes: [Double]?
        /// The side in pixels of boxes whose class and deltas are read from the map of stride 16; boxes of half the side
        /// take the next finer map (Lin et al., 2017, section 4.2: the size of the trunk's pretraining pictures, 224).
        public var canonicalSide = 224.0
        /// The same for masks.
        public var maskCanonicalSide = 224.0
        /// Boxes of a level that take part in suppression, while training and otherwise.
        public var proposalCandidates = [2000, 1000]
        /// Proposals of an image, while training and otherwise.
        public var proposalCount = [1000, 1000]
    }

    /// What is learned from, and how.
    public struct Learning: Codable, Sendable, Hashable {
        /// Ways of learning the class.
        public enum Classification: String, Codable, Sendable, CaseIterable {
            /// Softmax cross-entropy with a weight for the background.
            case softmax
            /// A contrastive loss with a fixed temperature of 0.07.
            case contrastive
            /// Binary cross-entropy of every class.
            case sigmoid
            /// Focal loss of every class.
            case focal
        }
        /// How the class is learned.
        public var classification = Classification.softmax
        /// The weight of background regions: 0.9 for LVIS, 0.2 for COCO.
        public var backgroundWeight = 0.9
        /// The detector's temperature before its learned factor.
        public var temperature = 0.01
        /// Anchors of an image that are learned from.
        public var anchorsPerImage = 256
        /// Regions of an image that are learned from.
        public var regionsPerImage = 512
        /// The largest share of foreground regions.
        public var foregroundFraction = 0.25
        /// Foreground regions of an image whose masks are learned, at most; null: all. Masks dominate the cost of a step.
        public var masksPerImage: Int?
    }

    /// The CLIP: a folder, a file, or a name in the Hugging Face cache. A relative path starts from the folder of the
    /// configuration.
    public var clip = "clip"
    /// The way of building.
    public var family = Family.published
    /// What of the trunk is used.
    public var trunk = TrunkSettings()
    /// How pictures are brought to size.
    public var input = Input()
    /// Sizes of the trained part.
    public var network = Network()
    /// How regions are scored and which detections are kept; all of it can be changed without other weights.
    public var scoring = ScoringOptions()
    /// What is learned from.
    public var learning = Learning()

    /// The published family at its usual sizes.
    public init() {}
}

// What files that were written before have for null, and which settings are paths.

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
