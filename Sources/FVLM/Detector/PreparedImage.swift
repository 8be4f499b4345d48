import CLIP
import RegionDetection
import Imaging

/// A picture as a detector's network sees it; ``Detector/prepare(_:)`` makes it.
public struct PreparedImage: Sendable {
    /// The size of the picture that it was made of.
    public let size: ImageSize

    let pixels: PixelValues

    /// Height and width of the picture inside of its padding.
    let content: Size2D

    init(_ image: Image, _ preprocessor: ImagePreprocessor) throws {
        size = image.size
        pixels = try preprocessor(image)
        let transform = pixels.transform
        let whole = Box(x1: 0, y1: 0, x2: Double(image.width), y2: Double(image.height))
        let seen = transform.apply(to: whole).clipped(to: transform.target)
        content = Size2D(Int(seen.y2.rounded()), Int(seen.x2.rounded()))
    }
}
