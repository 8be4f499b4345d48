import COCO
import FVLM
import Imaging

extension RunLengthMask {
    /// Encodes a mask as run lengths.
    /// - Throws: `COCOError` for a mask of 2^32 pixels or more.
    package init(_ mask: Imaging.Mask) throws {
        try self.init(
            height: mask.height, width: mask.width, columns: mask.columns, rows: mask.rows, crop: mask.crop)
    }
}

extension DetectionRecord {
    /// Creates a row of a results file from a detection, with its mask as run lengths.
    /// - Parameter size: The size of the picture.
    /// - Throws: `DetectionError`, `ImagingError`, `COCOError`.
    package init(
        _ detection: FVLM.Detection, imageID: Int64, categoryID: Int64, size: ImageSize
    ) throws {
        let runs = try detection.mask(in: size).map { try RunLengthMask($0) }
        let box = detection.box
        self.init(
            imageID: imageID, categoryID: categoryID, score: Double(detection.score),
            box: BoundingBox(x: box.x1, y: box.y1, width: box.width, height: box.height),
            segmentation: runs.map {
                .compressedRunLengths(height: $0.height, width: $0.width, counts: $0.compressed)
            })
    }
}
