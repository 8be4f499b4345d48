import COCO
import Evaluation
import Imaging

/// A detection as `fvlm detect --json` and `fvlm track` write it.
struct DetectedObject: Encodable {
    /// The number of the object in a film; absent for pictures and for objects without a number yet.
    let id: Int?
    let box: [Double]
    let score: Float
    let detector_score: Float
    let vlm_score: Float
    let label: String
    let segmentation: CompressedMask?

    /// - Parameter label: The class's name in place of the detection's own.
    init(_ detection: FVLMDetection, id: Int? = nil, label: String? = nil, mask: CompressedMask?) {
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
struct CompressedMask: Encodable {
    let size: [Int]
    let counts: String

    init(_ mask: Imaging.Mask) throws {
        let runs = try RunLengthMask(mask)
        size = [runs.height, runs.width]
        counts = String(decoding: runs.compressed, as: UTF8.self)
    }

    /// The mask of a detection in a picture of this size; nil if it has none.
    init?(_ detection: FVLMDetection, in size: ImageSize) throws {
        guard let mask = try detection.mask(in: size) else { return nil }
        try self.init(mask)
    }
}

extension Imaging.Box {
    /// x, y, width, height, to a hundredth of a pixel.
    var rounded: [Double] { [x1, y1, width, height].map { ($0 * 100).rounded() / 100 } }
}
