import Testing

@testable import Imaging

/// A picture in which every pixel differs from its neighbors and every turn shows.
func patternImage(width: Int, height: Int, seed: Int = 1) throws -> Image {
    var image = try Image(width: width, height: height)
    for y in 0..<height {
        for x in 0..<width {
            image[x, y] = Color(
                red: UInt8((x * 7 + y * 3 + seed) % 256), green: UInt8((x * x + y * 11) % 256),
                blue: UInt8((x * y + seed * 31) % 256))
        }
    }
    return image
}
