import Foundation
import Imaging

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

    /// As ``draw(_:on:label:)``, in place: it takes memory for a band of one mask at a time beside the picture's own.
    public func draw(
        _ detections: [Detection], onto image: inout Image,
        label: (Detection) -> String = { "\($0.label) \(String(format: "%.2f", $0.score))" }
    ) throws {
        // Masks below everything else.
        for detection in detections.reversed() {
            let color = Palette.color(at: detection.classIndex)
            try detection.forEachBandOfMask(in: image.size) { rows, mask in
                try image.blend(mask, rows: rows, with: color, opacity: maskOpacity)
            }
        }
        let annotations = detections.map {
            Annotation(box: $0.box, label: label($0), color: Palette.color(at: $0.classIndex))
        }
        try draw(annotations, onto: &image)
    }
}
