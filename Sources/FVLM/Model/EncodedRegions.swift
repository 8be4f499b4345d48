import RegionDetection
import Torch

/// What a detector sees in a batch of images before any word is known: enough to find objects of any classes without the
/// trunk and the box head.
package struct EncodedRegions: Sendable {
    /// The boxes of each image, refined by the box head and clipped to the image, [P]; in main memory, in pixels of the
    /// batch.
    package let boxes: [Boxes]

    /// The proposal network's probability that a region is an object, [P] per image; in main memory.
    package let objectness: [Tensor]

    /// The box head's embeddings of all regions, [R, E], not of length 1.
    package let embeddings: Tensor

    /// The vision-language model's embeddings of all regions, [R, E], not of length 1; nil if it does not look.
    package let vlmEmbeddings: Tensor?

    /// The vision-language model's embeddings of the images as a whole, [N, E], not of length 1; nil if it did not look.
    package let pictureEmbeddings: Tensor?

    /// The pyramid's maps that masks are made from; nil if they were not kept.
    package let maskLevels: [Tensor]?

    /// Creates regions from their parts, such as those of several pictures brought into one frame.
    package init(
        boxes: [Boxes], objectness: [Tensor], embeddings: Tensor, vlmEmbeddings: Tensor?,
        pictureEmbeddings: Tensor? = nil, maskLevels: [Tensor]?
    ) {
        self.boxes = boxes
        self.objectness = objectness
        self.embeddings = embeddings
        self.vlmEmbeddings = vlmEmbeddings
        self.pictureEmbeddings = pictureEmbeddings
        self.maskLevels = maskLevels
    }
}

/// The rows that the embeddings of regions are compared with, the background first.
package struct ClassRows: Sendable {
    /// For the box head's embeddings, [K, E]; row 0 is the background.
    package let detector: Tensor

    /// For the vision-language model's embeddings, [K, E]; nil: the same rows.
    package let vlm: Tensor?

    /// The names of the classes, [K - 1].
    package let names: [String]

    /// Which classes were trained on, [K]; nil: all count as novel.
    package let isBase: [Bool]?

    /// The exclusive group of each class, [K - 1], numbers of any kind; nil for classes without one, and without any group.
    package let groups: [Int?]?

    /// Columns of classes whose scores are a softmax over themselves and the background alone, for each such group.
    package let softmaxGroups: [[Int]]

    /// Creates rows, by default the same for both models.
    package init(
        texts: Tensor, vlm: Tensor? = nil, names: [String], isBase: [Bool]?, groups: [Int?]? = nil,
        softmaxGroups: [[Int]] = []
    ) {
        self.groups = groups
        self.softmaxGroups = softmaxGroups
        detector = texts
        self.vlm = vlm
        self.names = names
        self.isBase = isBase
    }
}
