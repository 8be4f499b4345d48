/// A drawing with its alpha, cropped to the visible part, in several sizes.
struct Glyph: Sendable {
    /// One size.
    struct Level: Sendable {
        let width: Int
        let height: Int
        /// Rows of red, green, blue, alpha with premultiplied alpha, so that they can be averaged. A border of one
        /// transparent pixel surrounds them, so that sampling needs no special case for edges.
        let pixels: [SIMD4<UInt8>]

        /// The number of pixels in a row, including the border.
        var stride: Int { width + 2 }

        init(width: Int, height: Int, _ pixel: (_ x: Int, _ y: Int) -> SIMD4<UInt8>) {
            self.width = width
            self.height = height
            var pixels = [SIMD4<UInt8>](repeating: .zero, count: (width + 2) * (height + 2))
            for y in 0..<height {
                for x in 0..<width { pixels[(y + 1) * (width + 2) + x + 1] = pixel(x, y) }
            }
            self.pixels = pixels
        }
    }

    /// The drawing, then versions of half the previous size each.
    let levels: [Level]

    /// The sides in pixels of the largest level.
    var width: Int { levels[0].width }
    var height: Int { levels[0].height }
    var longestSide: Int { max(width, height) }

    /// Creates a glyph from rows of red, green, blue, alpha, not premultiplied.
    /// - Returns: nil if nothing is visible.
    init?(width: Int, height: Int, rgba: UnsafeBufferPointer<UInt8>) {
        // Fainter pixels belong to no mask, and boxes should not extend to them.
        let visible: UInt8 = 16
        var (left, top, right, bottom) = (width, height, -1, -1)
        for y in 0..<height {
            for x in 0..<width where rgba[(y * width + x) * 4 + 3] >= visible {
                (left, right) = (min(left, x), max(right, x))
                (top, bottom) = (min(top, y), max(bottom, y))
            }
        }
        guard right >= left else { return nil }
        var levels = [
            Level(width: right - left + 1, height: bottom - top + 1) { x, y in
                let place = ((top + y) * width + left + x) * 4
                let alpha = UInt32(rgba[place + 3])
                func multiplied(_ channel: Int) -> UInt8 {
                    UInt8((UInt32(rgba[place + channel]) * alpha + 127) / 255)
                }
                return SIMD4(multiplied(0), multiplied(1), multiplied(2), UInt8(alpha))
            }
        ]
        while levels[levels.count - 1].width >= 16, levels[levels.count - 1].height >= 16, levels.count < 4 {
            levels.append(levels[levels.count - 1].halved)
        }
        self.levels = levels
    }
}

extension Glyph.Level {
    /// Half the size, as averages of four pixels; pixels outside are transparent.
    fileprivate var halved: Glyph.Level {
        Glyph.Level(width: (width + 1) / 2, height: (height + 1) / 2) { x, y in
            let place = (2 * y + 1) * stride + 2 * x + 1
            var sum = SIMD4<UInt16>(repeating: 2)
            // The last row and column of an odd side include the border.
            for offset in [0, 1, stride, stride + 1] where place + offset < pixels.count {
                sum &+= SIMD4<UInt16>(truncatingIfNeeded: pixels[place + offset])
            }
            return SIMD4<UInt8>(truncatingIfNeeded: sum &>> 2)
        }
    }
}
