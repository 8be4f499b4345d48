extension RunLengthMask {
    /// The largest number of pixels that ``pixels()`` and ``polygons()`` expand. A few characters can describe a mask
    /// of billions of pixels.
    public static let maximumPixelCount = 1 << 28

    /// Creates a mask from pixels.
    ///
    /// - Parameters:
    ///   - height: The height of the mask in pixels.
    ///   - width: The width of the mask in pixels.
    ///   - pixels: `height` x `width` values, row by row; all except 0 are set.
    /// - Throws: ``COCOError`` if the number of values differs.
    public init(height: Int, width: Int, pixels: [UInt8]) throws {
        let count = try Self.pixelCount(height: height, width: width)
        guard pixels.count == count else {
            throw COCOError("\(pixels.count) values for a mask of \(height) x \(width) pixels")
        }
        try self.init(height: height, width: width, columns: 0..<width, rows: 0..<height, crop: pixels)
    }

    /// Creates a mask from the pixels of a part of it; all others are unset.
    ///
    /// - Parameters:
    ///   - height: The height of the mask in pixels.
    ///   - width: The width of the mask in pixels.
    ///   - columns: The part's columns, within the mask; may be empty.
    ///   - rows: The part's rows, within the mask; may be empty.
    ///   - crop: The part's values, row by row; all except 0 are set.
    /// - Throws: ``COCOError`` if the part is not within the mask or the number of values differs.
    public init(height: Int, width: Int, columns: Range<Int>, rows: Range<Int>, crop: [UInt8]) throws {
        let total = try Self.pixelCount(height: height, width: width)
        guard columns.lowerBound >= 0, columns.upperBound <= width, rows.lowerBound >= 0,
            rows.upperBound <= height, crop.count == columns.count * rows.count
        else {
            throw COCOError(
                "\(crop.count) values for columns \(columns) and rows \(rows) of a mask of \(height) x \(width) pixels"
            )
        }
        guard !crop.isEmpty else {
            self.init(height: height, width: width, canonical: [total])
            return
        }
        let changes = ColumnChanges(crop, columns: columns.count, rows: rows.count)
        var counts: [UInt32] = []
        var end: UInt32 = 0
        var isOpen = false
        /// Records the pixel where the value changes; two changes at one position cancel out.
        func change(at place: UInt32) {
            if place == end, !counts.isEmpty {
                end -= counts.removeLast()
            } else {
                counts.append(place - end)
                end = place
            }
        }
        for column in 0..<columns.count {
            let start = UInt32((columns.lowerBound + column) * height + rows.lowerBound)
            isOpen = false
            for row in changes.rows(ofColumn: column) {
                change(at: start + row)
                isOpen.toggle()
            }
            // A run that reaches the part's last row ends there.
            if isOpen { change(at: start + UInt32(rows.count)) }
        }
        if end < total || counts.isEmpty { counts.append(total - end) }
        self.init(height: height, width: width, canonical: counts)
    }

    /// The pixels, 0 or 1, row by row: `height` x `width` values.
    ///
    /// - Throws: ``COCOError`` for more than ``maximumPixelCount`` pixels.
    public func pixels() throws -> [UInt8] {
        guard height * width <= Self.maximumPixelCount else {
            throw COCOError(
                "a mask of \(height) x \(width) pixels is too large to expand; the limit is \(Self.maximumPixelCount)"
            )
        }
        var result = [UInt8](repeating: 0, count: height * width)
        forEachColumnRun { column, rows in
            for row in rows { result[row * width + column] = 1 }
        }
        return result
    }

    /// Calls `body` with every run of ones, split at the ends of columns.
    package func forEachColumnRun(_ body: (_ column: Int, _ rows: Range<Int>) -> Void) {
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

/// The rows of a part of a mask at which the value changes, column by column, starting from zero above the first row.
///
/// Found row by row, in memory order, eight pixels at once: most rows equal the one above.
private struct ColumnChanges {
    private let starts: [Int]
    private let sorted: [UInt32]

    init(_ pixels: [UInt8], columns: Int, rows: Int) {
        var found: [(column: UInt32, row: UInt32)] = []
        var starts = [Int](repeating: 0, count: columns + 1)
        let blank = [UInt8](repeating: 0, count: columns)
        pixels.withUnsafeBytes { pixels in
            blank.withUnsafeBytes { blank in
                for row in 0..<rows {
                    let line = UnsafeRawBufferPointer(rebasing: pixels[row * columns..<(row + 1) * columns])
                    let above =
                        row == 0
                        ? blank
                        : UnsafeRawBufferPointer(rebasing: pixels[(row - 1) * columns..<row * columns])
                    var column = 0
                    while column < columns {
                        if column + 8 <= columns,
                            line.loadUnaligned(fromByteOffset: column, as: UInt64.self)
                                == above.loadUnaligned(fromByteOffset: column, as: UInt64.self)
                        {
                            column += 8
                            continue
                        }
                        let stop = min(column + 8, columns)
                        while column < stop {
                            if (line[column] != 0) != (above[column] != 0) {
                                found.append((UInt32(column), UInt32(row)))
                                starts[column + 1] += 1
                            }
                            column += 1
                        }
                    }
                }
            }
        }
        for column in 0..<columns { starts[column + 1] += starts[column] }
        var sorted = [UInt32](repeating: 0, count: found.count)
        var places = starts
        for change in found {
            sorted[places[Int(change.column)]] = change.row
            places[Int(change.column)] += 1
        }
        self.starts = starts
        self.sorted = sorted
    }

    /// The rows of a column, ascending.
    func rows(ofColumn column: Int) -> ArraySlice<UInt32> { sorted[starts[column]..<starts[column + 1]] }
}
