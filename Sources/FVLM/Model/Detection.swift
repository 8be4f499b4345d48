import RegionDetection
import Imaging

/// One object that was found.
public struct Detection: Sendable, Hashable {
    /// Its box in pixels of the picture, upright: x from 0 to width, y from 0 to height.
    public private(set) var box: Box

    /// How sure it is, from 0 to 1: the fused score.
    public let score: Float

    /// The trained detector's own probability of the class.
    public let detectorScore: Float

    /// CLIP's probability of the class; the detector's where CLIP is not asked.
    public let vlmScore: Float

    /// The name of the class.
    public let label: String

    /// The place of the class in the vocabulary.
    public let classIndex: Int

    /// The place of the proposal that it was made of among the image's.
    package let proposal: Int

    /// Its mask inside the box; nil when no masks are made.
    public let mask: MaskPatch?

    /// The same at another place, as in the picture that a batch was made of.
    func moved(to box: Box) -> Detection {
        var detection = self
        detection.box = box
        return detection
    }
}

/// The probability that a cell of a box belongs to the object.
public struct MaskPatch: Sendable, Hashable {
    /// Cells of a row and of a column.
    public let side: Int

    /// Row by row, [side * side].
    public let probabilities: [Float]

    /// Where the mask lies in the picture.
    let placement: MaskPaster.Placement

    /// How probable a pixel must be.
    let threshold: Double
}

extension Detection {
    /// Its mask in its picture, made when it is asked for; nil for a detector without masks.
    ///
    /// Takes memory for the pixels about its box alone.
    /// - Parameter size: The picture's.
    /// - Throws: `DetectionError` when the size is impossible, `ImagingError`.
    public func mask(in size: ImageSize) throws -> Mask? {
        guard let mask else { return nil }
        let paster = try MaskPaster(
            size: Size2D(size.height, size.width), threshold: mask.threshold, placement: mask.placement)
        let crop = try paster.crop(
            mask.probabilities, side: mask.side,
            box: [Float(box.x1), Float(box.y1), Float(box.x2), Float(box.y2)])
        return try Mask(size: size, columns: crop.columns, rows: crop.rows, crop: crop.pixels)
    }
}
