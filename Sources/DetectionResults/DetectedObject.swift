import COCO
import Evaluation
import FVLM
import Imaging

/// A detection as `fvlm detect --json`, `fvlm track` and `fvlm serve` write it.
package struct DetectedObject: Encodable {
    /// The number of the object in a film; absent for pictures and for objects without a number yet.
    package let id: Int?
    /// x, y, width, height in pixels of the picture, to a hundredth.
    package let box: [Double]
    /// The fused score.
    package let score: Float
    /// The detector's own score.
    package let detector_score: Float
    /// CLIP's score.
    package let vlm_score: Float
    /// The name of the class.
    package let label: String
    /// The mask; nil where none is wanted.
    package let segmentation: CompressedMask?

    /// - Parameter label: The class's name in place of the detection's own.
    package init(_ detection: FVLM.Detection, id: Int? = nil, label: String? = nil, mask: CompressedMask?) {
        self.id = id
        box = detection.box.rounded
        score = detection.score
        detector_score = detection.detectorScore
        vlm_score = detection.vlmScore
        self.label = label ?? detection.label
        segmentation = mask
    }
}

/// A mask in the compressed text form of the COCO tools.
package struct CompressedMask: Encodable {
    /// Height and width of the picture.
    package let size: [Int]
    /// The run lengths.
    package let counts: String

    /// The text form of a mask.
    package init(_ mask: Imaging.Mask) throws {
        let runs = try RunLengthMask(mask)
        size = [runs.height, runs.width]
        counts = String(decoding: runs.compressed, as: UTF8.self)
    }

    /// The mask of a detection in a picture of this size; nil if it has none.
    package init?(_ detection: FVLM.Detection, in size: ImageSize) throws {
        guard let mask = try detection.mask(in: size) else { return nil }
        try self.init(mask)
    }
}

extension Imaging.Box {
    /// x, y, width, height, to a hundredth of a pixel.
    package var rounded: [Double] { [x1, y1, width, height].map { ($0 * 100).rounded() / 100 } }
}
