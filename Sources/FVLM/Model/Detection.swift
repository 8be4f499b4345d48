import Foundation
import Imaging
import RegionDetection

/// A detected object.
public struct Detection: Sendable, Hashable {
    /// The box in pixels of the upright picture: x from 0 to width, y from 0 to height.
    public private(set) var box: Box

    /// The confidence, from 0 to 1: the fused score.
    public let score: Float

    /// The trained detector's own probability of the class.
    public let detectorScore: Float

    /// CLIP's probability of the class; the detector's if CLIP is not used.
    public let vlmScore: Float

    /// The name of the class.
    public let label: String

    /// The index of the class in the vocabulary.
    public let classIndex: Int

    /// The index of its proposal among the image's.
    package let proposal: Int

    /// The trained box head's embedding of the region, [E] of length 1; nil unless it was asked for.
    public let embedding: [Float]?

    /// The mask within the box; nil if masks are off.
    public let mask: MaskPatch?

    /// The same detection at another position, such as in the picture that a batch was made from.
    func moved(to box: Box) -> Detection {
        var detection = self
        detection.box = box
        return detection
    }
}

/// The probability of each cell of a box to belong to the object.
public struct MaskPatch: Sendable, Hashable {
    /// Cells per row and column.
    public let side: Int

    /// Row by row, [side * side].
    public let probabilities: [Float]

    /// How the mask is placed in the picture.
    let placement: MaskPaster.Placement

    /// The threshold on a pixel's probability.
    let threshold: Double
}

extension MaskPatch {
    /// The mask of a box in a picture.
    func mask(of box: Box, in size: ImageSize) throws -> Mask {
        let paster = try MaskPaster(
            size: Size2D(size.height, size.width), threshold: threshold, placement: placement)
        let crop = try paster.crop(
            probabilities, side: side, box: [Float(box.x1), Float(box.y1), Float(box.x2), Float(box.y2)])
        return try Mask(size: size, columns: crop.columns, rows: crop.rows, crop: crop.pixels)
    }
}

extension Detection {
    /// The mask in its picture, computed on demand; nil for a detector without masks.
    ///
    /// Takes memory only for the pixels around the box.
    /// - Parameter size: The size of the picture.
    /// - Throws: `DetectionError` if the size is impossible, `ImagingError`.
    public func mask(in size: ImageSize) throws -> Mask? { try mask?.mask(of: box, in: size) }
}

extension Annotator {
    /// The picture with detections drawn on it, each in its class's colour, the first one on top.
    /// - Parameter label: The text at a box; by default the class and the score.
    /// - Throws: `DetectionError`, `ImagingError`.
    public func draw(
        _ detections: [Detection], on image: Image,
        label: (Detection) -> String = { "\($0.label) \(String(format: "%.2f", $0.score))" }
    ) throws -> Image {
        var result = image
        try draw(detections, onto: &result, label: label)
        return result
    }

    /// As ``draw(_:on:label:)``, in place: it takes memory for one mask at a time beside the picture's own.
    public func draw(
        _ detections: [Detection], onto image: inout Image,
        label: (Detection) -> String = { "\($0.label) \(String(format: "%.2f", $0.score))" }
    ) throws {
        // Masks below everything else.
        for detection in detections.reversed() {
            if let mask = try detection.mask(in: image.size) {
                try image.blend(
                    mask, with: Palette.color(at: detection.classIndex), opacity: maskOpacity)
            }
        }
        let annotations = detections.map {
            Annotation(box: $0.box, label: label($0), color: Palette.color(at: $0.classIndex))
        }
        try draw(annotations, onto: &image)
    }
}
