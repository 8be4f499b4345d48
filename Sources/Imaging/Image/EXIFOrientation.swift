/// How a stored picture must be turned to be upright: the values of EXIF tag 0x0112.
public enum EXIFOrientation: Int, Sendable, Hashable, CaseIterable {
    /// Stored upright.
    case up = 1

    /// Mirrored left to right.
    case upMirrored = 2

    /// Upside down: turn by 180 degrees.
    case down = 3

    /// Mirrored top to bottom.
    case downMirrored = 4

    /// Mirrored along the main diagonal: transpose.
    case leftMirrored = 5

    /// Turn clockwise by 90 degrees.
    case right = 6

    /// Mirrored along the other diagonal.
    case rightMirrored = 7

    /// Turn counterclockwise by 90 degrees.
    case left = 8

    /// Whether turning exchanges width and height.
    package var swapsAxes: Bool { rawValue >= 5 }

    /// Whether upright x runs against its stored axis.
    var flipsX: Bool { [.upMirrored, .down, .right, .rightMirrored].contains(self) }

    /// Whether upright y runs against its stored axis.
    var flipsY: Bool { [.down, .downMirrored, .rightMirrored, .left].contains(self) }

    /// Where the pixels of a stored picture go in the upright one, of RGB without gaps: the place of the first in bytes, the
    /// step from one stored pixel to the next in its row, and the step to the next row.
    func order(of stored: ImageSize) -> (start: Int, across: Int, down: Int) {
        let (width, height) = (stored.width, stored.height)
        let line = (swapsAxes ? height : width) * 3
        let (x, y) = (flipsX ? -3 : 3, flipsY ? -line : line)
        let upright = swapsAxes ? stored.transposed : stored
        let start = (flipsX ? (upright.width - 1) * 3 : 0) + (flipsY ? (upright.height - 1) * line : 0)
        let (across, down) = swapsAxes ? (y, x) : (x, y)
        return (start, across, down)
    }

    /// The orientation with these properties.
    init(swapsAxes: Bool, flipsX: Bool, flipsY: Bool) {
        switch (swapsAxes, flipsX, flipsY) {
        case (false, false, false): self = .up
        case (false, true, false): self = .upMirrored
        case (false, true, true): self = .down
        case (false, false, true): self = .downMirrored
        case (true, false, false): self = .leftMirrored
        case (true, true, false): self = .right
        case (true, true, true): self = .rightMirrored
        case (true, false, true): self = .left
        }
    }
}

extension Image {
    /// Turns a picture stored in the given orientation upright. The result is exact: pixels only change places.
    package func upright(from orientation: EXIFOrientation) -> Image {
        if orientation == .up { return self }
        var result = self
        if !orientation.swapsAxes, !orientation.flipsX || !orientation.flipsY {
            result.mirror(horizontally: orientation.flipsX)
            return result
        }
        let size = orientation.swapsAxes ? self.size.transposed : self.size
        let (stepX, stepY) = orientation.swapsAxes ? (width * 3, 3) : (3, width * 3)
        // The position at which the upright picture's first pixel is stored, and the steps to the next ones.
        let storedX = orientation.swapsAxes ? orientation.flipsY : orientation.flipsX
        let storedY = orientation.swapsAxes ? orientation.flipsX : orientation.flipsY
        let start = ((storedY ? height - 1 : 0) * width + (storedX ? width - 1 : 0)) * 3
        let right = orientation.flipsX ? -stepX : stepX
        let down = orientation.flipsY ? -stepY : stepY
        return pixels.withUnsafeBufferPointer { source in
            Image(permuting: size) { target in
                // When axes are exchanged, tiles keep both the source and the target in the cache.
                let tile = 64
                for top in stride(from: 0, to: size.height, by: tile) {
                    for left in stride(from: 0, to: size.width, by: tile) {
                        for y in top..<min(top + tile, size.height) {
                            var from = start + y * down + left * right
                            var to = (y * size.width + left) * 3
                            for _ in left..<min(left + tile, size.width) {
                                target[to] = source[from]
                                target[to + 1] = source[from + 1]
                                target[to + 2] = source[from + 2]
                                from += right
                                to += 3
                            }
                        }
                    }
                }
            }
        }
    }

    /// Creates a picture with as many pixels as an existing one.
    private init(permuting size: ImageSize, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Void) {
        let count = size.width * size.height * 3
        self.init(
            trusted: size,
            [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                body(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                initialized = count
            })
    }

    /// Mirrors in place, left to right or top to bottom.
    private mutating func mirror(horizontally: Bool) {
        let (width, height) = (width, height)
        withMutablePixels { bytes in
            if horizontally {
                for row in stride(from: 0, to: bytes.count, by: width * 3) {
                    for x in 0..<width / 2 {
                        let (a, b) = (row + x * 3, row + (width - 1 - x) * 3)
                        for channel in 0..<3 { bytes.swapAt(a + channel, b + channel) }
                    }
                }
            } else {
                for y in 0..<height / 2 {
                    let (a, b) = (y * width * 3, (height - 1 - y) * width * 3)
                    for offset in 0..<width * 3 { bytes.swapAt(a + offset, b + offset) }
                }
            }
        }
    }
}
