/// A picture being composed: red, green and blue from 0 to 1, the fourth value unused.
struct Canvas: Sendable {
    let width: Int
    let height: Int
    var pixels: [SIMD4<Float>]

    /// Creates a canvas of one color.
    init(width: Int, height: Int, color: SIMD4<Float> = .zero) {
        self.width = width
        self.height = height
        pixels = Array(repeating: color, count: width * height)
    }

    /// Composites a drawing onto the canvas.
    mutating func blend(_ sprite: Sprite) {
        let width = width
        pixels.withUnsafeMutableBufferPointer { canvas in
            sprite.pixels.withUnsafeBufferPointer { source in
                for row in 0..<sprite.height {
                    let target = (sprite.y + row) * width + sprite.x
                    for column in 0..<sprite.width {
                        let color = source[row * sprite.width + column]
                        canvas[target + column] = color + canvas[target + column] * (1 - color.w)
                    }
                }
            }
        }
    }

    /// Adds grain and changes brightness and contrast, as a camera might.
    mutating func develop(grain: Float, contrast: Float, brightness: Float, _ random: inout RandomStream) {
        let offset = SIMD4<Float>(repeating: 0.5 + brightness - 0.5 * contrast)
        let unit: Float = 0x1p-20
        pixels.withUnsafeMutableBufferPointer { canvas in
            for index in canvas.indices {
                var color = canvas[index] * contrast + offset
                if grain > 0 {
                    let bits = random.next()
                    let noise = SIMD4<Float>(
                        Float(UInt32(truncatingIfNeeded: bits) & 0xFFFFF),
                        Float(UInt32(truncatingIfNeeded: bits >> 21) & 0xFFFFF),
                        Float(UInt32(truncatingIfNeeded: bits >> 42) & 0xFFFFF), 0)
                    color += (noise * unit - 0.5) * (2 * grain)
                }
                canvas[index] = color.clamped(lowerBound: .zero, upperBound: .one)
            }
        }
    }

    /// Averages every pixel with its neighbors.
    mutating func soften() {
        for (step, count, other, lines) in [(1, width, width, height), (width, height, 1, width)]
        where count > 2 {
            pixels.withUnsafeMutableBufferPointer { canvas in
                for line in 0..<lines {
                    var place = line * other
                    var before = canvas[place]
                    for _ in 0..<(count - 2) {
                        place += step
                        let here = canvas[place]
                        canvas[place] = before * 0.25 + here * 0.5 + canvas[place + step] * 0.25
                        before = here
                    }
                }
            }
        }
    }

    /// Enlarges the picture by linear interpolation between pixel centers.
    func enlarged(width newWidth: Int, height newHeight: Int) -> Canvas {
        func samples(_ from: Int, _ to: Int) -> [(low: Int, high: Int, weight: Float)] {
            (0..<to).map { place in
                let at = min(max((Float(place) + 0.5) * Float(from) / Float(to) - 0.5, 0), Float(from - 1))
                return (Int(at), min(Int(at) + 1, from - 1), at - at.rounded(.down))
            }
        }
        let columns = samples(width, newWidth)
        var result = Canvas(width: newWidth, height: newHeight)
        for (y, row) in samples(height, newHeight).enumerated() {
            for (x, column) in columns.enumerated() {
                let (upper, lower) = (row.low * width, row.high * width)
                let top =
                    pixels[upper + column.low] * (1 - column.weight) + pixels[upper + column.high]
                    * column.weight
                let bottom =
                    pixels[lower + column.low] * (1 - column.weight) + pixels[lower + column.high]
                    * column.weight
                result.pixels[y * newWidth + x] = top * (1 - row.weight) + bottom * row.weight
            }
        }
        return result
    }

    /// Rows of red, green and blue bytes.
    var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: pixels.count * 3) { bytes, count in
            for (index, pixel) in pixels.enumerated() {
                let color = (pixel.clamped(lowerBound: .zero, upperBound: .one) * 255).rounded(
                    .toNearestOrEven)
                for channel in 0..<3 { bytes[index * 3 + channel] = UInt8(color[channel]) }
            }
            count = pixels.count * 3
        }
    }
}
