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
        content = Size2D(pixels.content.height, pixels.content.width)
    }
}
