import Foundation
import Imaging
import RegionDetection
import Torch

/// A detected object.
///
/// ```swift
/// for detection in found[0] where detection.score > 0.5 {
///     print(detection.label, detection.score, detection.box.x1, detection.box.y1)
///     if let mask = try detection.mask(in: image.size) { print(mask.columns, mask.rows) }
/// }
/// ```
public struct Detection: Sendable, Hashable {
    /// The box in pixels of the upright picture: x from 0 to width, y from 0 to height.
    public private(set) var box: Box

    /// The confidence, from 0 to 1: the fused score.
    public private(set) var score: Float

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
    public private(set) var mask: MaskPatch?

    /// The same detection with another score, such as a calibrated one.
    public func rescored(_ score: Float) -> Detection {
        var detection = self
        detection.score = score
        return detection
    }

    /// The same detection at another position, such as in the picture that a batch was made from.
    package func moved(to box: Box) -> Detection {
        var detection = self
        detection.box = box
        return detection
    }

    /// The same object with another box and mask.
    func moved(to box: Box, mask: MaskPatch?) -> Detection {
        var detection = moved(to: box)
        detection.mask = mask
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
    fileprivate func paster(_ size: ImageSize) throws -> MaskPaster {
        try MaskPaster(size: Size2D(size.height, size.width), threshold: threshold, placement: placement)
    }

    /// The mask of a box in a picture.
    func mask(of box: Box, in size: ImageSize) throws -> Mask {
        let crop = try paster(size).crop(probabilities, side: side, box: box.corners)
        return try Mask(size: size, columns: crop.columns, rows: crop.rows, crop: crop.pixels)
    }

    /// How a mask is placed, and the threshold of its pixels.
    typealias Pasting = (placement: MaskPaster.Placement, threshold: Double)

    /// Creates a patch from probabilities [side, side].
    init(_ probabilities: Tensor, _ pasting: Pasting) throws {
        self.init(
            side: probabilities.shape[0], probabilities: try probabilities.array(of: Float.self),
            placement: pasting.placement, threshold: pasting.threshold)
    }

    /// The union of masks as one mask of a box that contains theirs, with cells about as small as the smallest of theirs.
    /// - Parameters:
    ///   - parts: Masks with their boxes; at least one.
    ///   - box: The box of the result.
    static func union(_ parts: [(mask: MaskPatch, box: Box)], in box: Box) -> MaskPatch? {
        guard let first = parts.first?.mask else { return nil }
        let finest =
            parts.map { part in
                Double(part.mask.side)
                    * max(box.width / max(part.box.width, 1e-6), box.height / max(part.box.height, 1e-6))
            }.max() ?? 1
        let side = Int(min(max(finest.rounded(.up), 1), 256))
        var probabilities = [Float](repeating: 0, count: side * side)
        for row in 0..<side {
            let y = box.y1 + (Double(row) + 0.5) / Double(side) * box.height
            for column in 0..<side {
                let x = box.x1 + (Double(column) + 0.5) / Double(side) * box.width
                probabilities[row * side + column] =
                    parts.map { $0.mask.probability(x: x, y: y, in: $0.box) }.max() ?? 0
            }
        }
        return MaskPatch(
            side: side, probabilities: probabilities, placement: first.placement, threshold: first.threshold)
    }

    /// The bilinear value at a point of the picture; 0 outside the box.
    private func probability(x: Double, y: Double, in box: Box) -> Float {
        guard x >= box.x1, x < box.x2, y >= box.y1, y < box.y2 else { return 0 }
        func place(_ position: Double, _ start: Double, _ length: Double) -> (Int, Int, Float) {
            let cell = (position - start) / length * Double(side) - 0.5
            let lower = min(max(Int(cell.rounded(.down)), 0), side - 1)
            return (lower, min(lower + 1, side - 1), Float(min(max(cell - Double(lower), 0), 1)))
        }
        let (left, right, u) = place(x, box.x1, box.width)
        let (top, bottom, v) = place(y, box.y1, box.height)
        func mixed(_ row: Int) -> Float {
            probabilities[row * side + left] * (1 - u) + probabilities[row * side + right] * u
        }
        return mixed(top) * (1 - v) + mixed(bottom) * v
    }
}

extension Detection {
    /// The mask in its picture, computed on demand; nil for a detector without masks.
    ///
    /// Takes memory only for the pixels around the box.
    /// - Parameter size: The size of the picture.
    /// - Throws: `DetectionError` if the size is impossible, `ImagingError`.
    public func mask(in size: ImageSize) throws -> Mask? { try mask?.mask(of: box, in: size) }

    /// Calls `body` with bands of the mask in its picture, from the top: however large the picture is, they take the memory
    /// of a few hundred rows. Nothing for a detector without masks.
    ///
    /// - Parameters:
    ///   - size: The size of the picture.
    ///   - height: The number of rows in a band.
    ///   - body: Takes the band's rows, and a mask of them and of the rows next to them.
    /// - Throws: `DetectionError` if the size is impossible, `ImagingError`; errors of `body`.
    package func forEachBandOfMask(
        in size: ImageSize, height: Int = 256, _ body: (Range<Int>, Mask) throws -> Void
    ) throws {
        guard let mask else { return }
        let paster = try mask.paster(size)
        let rows = try paster.bounds(mask.probabilities, side: mask.side, box: box.corners).rows
        for top in stride(from: rows.lowerBound, to: rows.upperBound, by: max(height, 1)) {
            let band = top..<min(top + max(height, 1), rows.upperBound)
            let crop = try paster.crop(
                mask.probabilities, side: mask.side, box: box.corners,
                rows: band.lowerBound - 1..<band.upperBound + 1)
            try body(band, Mask(size: size, columns: crop.columns, rows: crop.rows, crop: crop.pixels))
        }
    }

}

extension Box {
    fileprivate var corners: [Float] { [Float(x1), Float(y1), Float(x2), Float(y2)] }
}

extension Annotator {
    /// The picture with detections drawn on it, each in its class's color, the first one on top.
    /// - Parameters:
    ///   - detections: What was found in the picture.
    ///   - image: The picture; it stays as it is.
    ///   - label: The text at a box; by default the class and the score.
    /// - Throws: `DetectionError`, `ImagingError`.
    public func draw(
        _ detections: [Detection], on image: Image,
        label: (Detection) -> String = { "\($0.label) \(String(format: "%.2f", $0.score))" }
    ) throws -> Image {
        var result = image
        try draw(detections, onto: &result, label: label)
        return result
    }

    /// As ``draw(_:on:label:)``, in place: it takes memory for a band of one mask at a time beside the picture's own.
    public func draw(
        _ detections: [Detection], onto image: inout Image,
        label: (Detection) -> String = { "\($0.label) \(String(format: "%.2f", $0.score))" }
    ) throws {
        // Masks below everything else.
        for detection in detections.reversed() {
            let color = Palette.color(of: detection.label)
            try detection.forEachBandOfMask(in: image.size) { rows, mask in
                try image.blend(mask, rows: rows, with: color, opacity: maskOpacity)
            }
        }
        let annotations = detections.map {
            Annotation(box: $0.box, label: label($0), color: Palette.color(of: $0.label))
        }
        try draw(annotations, onto: &image)
    }
}
