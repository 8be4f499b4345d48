import FVLM
import Imaging
import Support

/// What was found in a picture, as `fvlm detect --json` and `fvlm serve` write it.
package struct PictureResult: Encodable {
    /// The picture's name.
    package let file: String
    /// The picture's width in pixels.
    package let width: Int
    /// The picture's height in pixels.
    package let height: Int
    /// The objects, best first.
    package let detections: [DetectedObject]
    /// How likely the picture has each class at all, by the class's name; nil if it was not asked for.
    package let presence: [String: Float]?

    /// Describes the detections of a picture.
    /// - Parameters:
    ///   - file: The picture's name; bytes that are not text are replaced.
    ///   - size: The picture's size.
    ///   - detections: What was found in it.
    ///   - includesMasks: Whether masks are computed and included.
    ///   - presence: How likely the picture has each class, by the class's name.
    /// - Throws: `DetectionError`, `ImagingError` where masks cannot be made.
    package init(
        _ file: String, _ size: ImageSize, _ detections: [FVLM.Detection], includesMasks: Bool,
        presence: [String: Float]? = nil
    ) throws {
        self.presence = presence
        self.file = file.displayedPath
        (width, height) = (size.width, size.height)
        self.detections = try detections.map {
            DetectedObject($0, mask: includesMasks ? try CompressedMask($0, in: size) : nil)
        }
    }

    /// Presences by the names of their classes.
    package static func presence(_ values: [Float], of names: [String]) -> [String: Float] {
        Dictionary(zip(names, values), uniquingKeysWith: { first, _ in first })
    }

    /// The JSON text, on one line.
    package func line() throws -> String { try JSONText.line(self) }
}
