import COCO

/// Label Studio's run lengths of brush strokes: a stream of bits that decodes to the bytes of an RGBA picture.
///
/// The stream begins with the number of bytes (32 bits), the bits of a byte less one (5) and four lengths less one (4 bits
/// each). Runs follow: a bit that says whether one value repeats, two bits that choose a length, as many bits for the number
/// of values less one, and the values.
package enum BrushRuns {
    private struct Bits {
        let bytes: [UInt8]
        var place = 0

        mutating func take(_ count: Int) throws -> Int {
            guard place + count <= 8 * bytes.count else { throw COCOError("the runs of a brush are cut off") }
            var value = 0
            var rest = count
            while rest > 0 {
                let free = 8 - place % 8
                let step = min(free, rest)
                let part = Int(bytes[place / 8]) >> (free - step) & (1 << step - 1)
                value = value << step | part
                place += step
                rest -= step
            }
            return value
        }
    }

    /// The mask of the pixels that are not transparent.
    ///
    /// - Throws: `COCOError` for a damaged stream or one of another size.
    static func mask(_ bytes: [UInt8], width: Int, height: Int) throws -> RunLengthMask {
        var bits = Bits(bytes: bytes)
        let count = try bits.take(32)
        guard width > 0, height > 0, width <= RunLengthMask.maximumPixelCount / height,
            count == 4 * width * height
        else {
            throw COCOError("a brush of \(count / 4) pixels in a picture of \(width) x \(height)")
        }
        let wordSize = try bits.take(5) + 1
        let sizes = try (0..<4).map { _ in try bits.take(4) + 1 }
        var pixels = [UInt8](repeating: 0, count: width * height)
        var place = 0
        while place < count {
            let isRun = try bits.take(1) == 1
            let size = sizes[try bits.take(2)]
            let end = place + (try bits.take(size)) + 1
            guard end <= count else { throw COCOError("the runs of a brush are longer than its picture") }
            if isRun {
                if try bits.take(wordSize) != 0 {
                    // The fourth byte of a pixel is its alpha.
                    var alpha = place + 3 - place % 4
                    while alpha < end {
                        pixels[alpha / 4] = 1
                        alpha += 4
                    }
                }
            } else {
                for index in place..<end where try bits.take(wordSize) != 0 && index % 4 == 3 {
                    pixels[index / 4] = 1
                }
            }
            place = end
        }
        return try RunLengthMask(height: height, width: width, pixels: pixels)
    }

    /// The stream of a mask: white where it is set, transparent elsewhere.
    package static func bytes(_ mask: RunLengthMask) throws -> [UInt8] {
        let pixels = try mask.pixels()
        var result: [UInt8] = []
        var (last, free) = (0, 0)
        func put(_ value: Int, _ count: Int) {
            for bit in (0..<count).reversed() {
                last = last << 1 | value >> bit & 1
                free += 1
                if free == 8 {
                    result.append(UInt8(last))
                    (last, free) = (0, 0)
                }
            }
        }
        let sizes = [3, 4, 8, 16]
        put(4 * pixels.count, 32)
        put(7, 5)
        for size in sizes { put(size - 1, 4) }
        var start = 0
        while start < pixels.count {
            var end = start + 1
            while end < pixels.count, pixels[end] == pixels[start] { end += 1 }
            var rest = 4 * (end - start)
            while rest > 0 {
                let run = min(rest, 1 << 16)
                let choice = sizes.firstIndex { run - 1 < 1 << $0 } ?? 3
                put(1, 1)
                put(choice, 2)
                put(run - 1, sizes[choice])
                put(pixels[start] == 0 ? 0 : 255, 8)
                rest -= run
            }
            start = end
        }
        if free > 0 { put(0, 8 - free) }
        return result
    }
}
