import RegionDetection
import Imaging

/// One object that was found.
public struct Detection: Sendable, Hashable {
    /// Its box in pixels of the picture, upright: x from 0 to width, y from 0 to height.
    public let box: Box

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

    /// Its mask inside the box; nil when no masks are made.
    public let mask: MaskPatch?
}

/// The probability that a cell of a box belongs to the object.
public struct MaskPatch: Sendable, Hashable {
    /// Cells of a row and of a column.
    public let side: Int

    /// Row by row, [side * side].
    public let probabilities: [Float]
}

extension Detection {
    /// The masks of detections in their picture, by the order of the detections; nil for those without.
    ///
    /// Made when they are asked for: a hundred masks of a large picture take more memory than everything else.
    /// - Parameters:
    ///   - size: The picture's.
    ///   - options: Those of the detector: how probable a pixel must be, and how masks are pasted.
    /// - Throws: `DetectionError` when the threshold or the size is impossible, `ImagingError`.
    public static func masks(of detections: [Detection], size: ImageSize, options: DetectionOptions) throws
        -> [Mask?]
    {
        let paster = try MaskPaster(
            size: Size2D(size.height, size.width), threshold: options.maskThreshold,
            placement: options.maskPlacement)
        return try detections.map { detection in
            guard let patch = detection.mask else { return nil }
            let box = detection.box
            let pasted = try paster(
                Tensor(patch.probabilities, shape: [1, patch.side, patch.side]),
                boxes: Boxes([[Float(box.x1), Float(box.y1), Float(box.x2), Float(box.y2)]]))
            return try Mask(
                width: size.width, height: size.height, bytes: pasted.to(.uint8).array(of: UInt8.self))
        }
    }
}
