import Testing

@testable import Imaging

/// A picture in which every pixel differs from its neighbours and every turn shows.
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

/// A repeatable source of numbers (splitmix64).
struct TestRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
