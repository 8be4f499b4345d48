/// The bounds of the set pixels: columns and rows, including the last ones. Empty masks have `lastColumn <
/// firstColumn`.
struct PixelBounds: Sendable {
    var firstColumn: Int32 = 0
    var lastColumn: Int32 = -1
    var firstRow: Int32 = 0
    var lastRow: Int32 = -1

    var isEmpty: Bool { lastColumn < firstColumn }

    /// Whether the two share a pixel.
    func overlaps(_ other: PixelBounds) -> Bool {
        firstColumn <= other.lastColumn && other.firstColumn <= lastColumn && firstRow <= other.lastRow
            && other.firstRow <= lastRow
    }
}

extension BoundingBox {
    /// The box around the pixels; all zero if there are none.
    init(_ bounds: PixelBounds) {
        self =
            bounds.isEmpty
            ? BoundingBox(x: 0, y: 0, width: 0, height: 0)
            : BoundingBox(
                x: Double(bounds.firstColumn), y: Double(bounds.firstRow),
                width: Double(bounds.lastColumn - bounds.firstColumn + 1),
                height: Double(bounds.lastRow - bounds.firstRow + 1))
    }
}

/// Operations on runs in canonical form, wherever they are in memory.
enum RunLength {
    /// The bounds of the set pixels.
    static func bounds(_ counts: Span<UInt32>, height: Int) -> PixelBounds {
        guard counts.count > 1, height > 0 else { return PixelBounds() }
        let height = UInt32(truncatingIfNeeded: height)
        var firstRow = height
        var lastRow: UInt32 = 0
        var position: UInt32 = counts[0]
        let firstColumn = position / height
        var lastColumn: UInt32 = 0
        var index = 1
        while index < counts.count {
            let (column, row) = position.quotientAndRemainder(dividingBy: height)
            let last = position + counts[index] - 1
            // Most runs stay in their column, which saves the second division.
            if last - position < height - row {
                firstRow = min(firstRow, row)
                lastRow = max(lastRow, row + (last - position))
                lastColumn = column
            } else {
                firstRow = 0
                lastRow = height - 1
                lastColumn = last / height
            }
            position = last + 1
            if index + 1 < counts.count { position += counts[index + 1] }
            index += 2
        }
        return PixelBounds(
            firstColumn: Int32(truncatingIfNeeded: firstColumn),
            lastColumn: Int32(truncatingIfNeeded: lastColumn),
            firstRow: Int32(truncatingIfNeeded: firstRow), lastRow: Int32(truncatingIfNeeded: lastRow))
    }

    /// The number of pixels set in both masks, which must have the same size.
    static func intersection(_ a: Span<UInt32>, _ b: Span<UInt32>) -> Int {
        // The next run of ones of each mask, as its first pixel and the pixel past its last.
        var (i, j) = (1, 1)
        guard a.count > 1, b.count > 1 else { return 0 }
        var (aStart, bStart) = (a[0], b[0])
        var (aEnd, bEnd) = (aStart + a[1], bStart + b[1])
        var sum = 0
        while true {
            let start = max(aStart, bStart)
            let end = min(aEnd, bEnd)
            if start < end { sum += Int(end - start) }
            if aEnd <= bEnd {
                i += 2
                guard i < a.count else { return sum }
                aStart = aEnd + a[i - 1]
                aEnd = aStart + a[i]
            } else {
                j += 2
                guard j < b.count else { return sum }
                bStart = bEnd + b[j - 1]
                bEnd = bStart + b[j]
            }
        }
    }

    /// The runs of the pixels set in either mask (`union`) or in both.
    static func combine(_ a: [UInt32], _ b: [UInt32], union: Bool) -> [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(union ? a.count + b.count : min(a.count + b.count, 2 * max(a.count, b.count)))
        var (i, j) = (0, 0)
        var (leftA, leftB) = (a[0], b[0])
        var run: UInt32 = 0
        var value = false
        while true {
            // Finished runs are replaced by the next ones; only the first can be empty.
            while leftA == 0, i + 1 < a.count {
                i += 1
                leftA = a[i]
            }
            while leftB == 0, j + 1 < b.count {
                j += 1
                leftB = b[j]
            }
            let step = min(leftA, leftB)
            if step == 0 { break }
            let (inA, inB) = (!i.isMultiple(of: 2), !j.isMultiple(of: 2))
            let next = union ? inA || inB : inA && inB
            if next != value {
                result.append(run)
                run = 0
                value = next
            }
            run += step
            leftA -= step
            leftB -= step
        }
        result.append(run)
        return result
    }
}
