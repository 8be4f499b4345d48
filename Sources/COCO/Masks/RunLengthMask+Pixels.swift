extension RunLengthMask {
    /// The most pixels that ``pixels()`` and ``polygons()`` lay out. A few characters can state a mask of
    /// billions of pixels.
    public static let maximumPixelCount = 1 << 28

    /// A mask from pixels.
    ///
    /// - Parameter pixels: `height` x `width` values, row by row; all but 0 are set.
    /// - Throws: ``COCOError`` when the number of values is another one.
    public init(height: Int, width: Int, pixels: [UInt8]) throws {
        let count = try Self.pixelCount(height: height, width: width)
        guard pixels.count == count else {
            throw COCOError("\(pixels.count) values for a mask of \(height) x \(width) pixels")
        }
        var counts: [UInt32] = []
        var value = false
        var run: UInt32 = 0
        for column in 0..<width {
            var index = column
            for _ in 0..<height {
                if (pixels[index] != 0) != value {
                    counts.append(run)
                    run = 0
                    value.toggle()
                }
                run += 1
                index += width
            }
        }
        counts.append(run)
        self.init(height: height, width: width, canonical: counts)
    }

    /// The pixels, 0 or 1, row by row: `height` x `width` values.
    ///
    /// - Throws: ``COCOError`` for more than ``maximumPixelCount`` pixels.
    public func pixels() throws -> [UInt8] {
        guard height * width <= Self.maximumPixelCount else {
            throw COCOError(
                "a mask of \(height) x \(width) pixels; at most \(Self.maximumPixelCount) are laid out")
        }
        var result = [UInt8](repeating: 0, count: height * width)
        forEachColumnRun { column, rows in
            for row in rows { result[row * width + column] = 1 }
        }
        return result
    }

    /// Calls `body` with every run of ones, cut at the ends of columns.
    func forEachColumnRun(_ body: (_ column: Int, _ rows: Range<Int>) -> Void) {
        var position = 0
        for (index, count) in counts.enumerated() {
            let end = position + Int(count)
            if !index.isMultiple(of: 2) {
                while position < end {
                    let (column, row) = position.quotientAndRemainder(dividingBy: height)
                    let length = min(end - position, height - row)
                    body(column, row..<row + length)
                    position += length
                }
            }
            position = end
        }
    }
}
