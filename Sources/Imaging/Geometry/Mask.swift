/// A mask of a picture, one byte per pixel; zero is outside.
///
/// Only the part that may be inside is stored: a hundred full masks of a large picture would take more memory than the
/// picture.
public struct Mask: Sendable, Hashable {
    /// The picture's width in pixels.
    public let width: Int

    /// The picture's height in pixels.
    public let height: Int

    /// The stored columns; pixels of all others are outside.
    public let columns: Range<Int>

    /// The stored rows; pixels of all others are outside.
    public let rows: Range<Int>

    /// The stored bytes, row by row, [rows, columns].
    public let crop: [UInt8]

    /// Creates a mask from bytes, row by row, [height, width].
    ///
    /// - Throws: ``ImagingError`` if there are not `width * height` bytes.
    public init(width: Int, height: Int, bytes: [UInt8]) throws {
        guard ImageSize(width: width, height: height).byteCount(channels: 1) == bytes.count else {
            throw ImagingError(reason: "a mask of \(width) x \(height) does not have \(bytes.count) bytes")
        }
        self.width = width
        self.height = height
        columns = 0..<width
        rows = 0..<height
        crop = bytes
    }

    /// Creates a mask that is zero outside of a part of the picture.
    ///
    /// - Parameters:
    ///   - size: The picture's size.
    ///   - columns: The part's columns, within the picture; may be empty.
    ///   - rows: The part's rows, within the picture; may be empty.
    ///   - crop: The part's bytes, row by row, [rows, columns].
    /// - Throws: ``ImagingError`` if the part is not within the picture or the number of bytes does not match it.
    public init(size: ImageSize, columns: Range<Int>, rows: Range<Int>, crop: [UInt8]) throws {
        guard size.byteCount(channels: 1) != nil, columns.lowerBound >= 0, columns.upperBound <= size.width,
            rows.lowerBound >= 0, rows.upperBound <= size.height, columns.count * rows.count == crop.count
        else {
            throw ImagingError(
                reason:
                    "\(crop.count) bytes of columns \(columns) and rows \(rows) do not form a mask of \(size) pixels"
            )
        }
        (width, height) = (size.width, size.height)
        self.columns = columns
        self.rows = rows
        self.crop = crop
    }

    /// The picture's size.
    public var size: ImageSize { ImageSize(width: width, height: height) }

    /// The whole mask, row by row, [height, width].
    public var bytes: [UInt8] {
        if columns.count == width, rows.count == height { return crop }
        var result = [UInt8](repeating: 0, count: width * height)
        for (row, y) in rows.enumerated() {
            let start = y * width + columns.lowerBound
            result.replaceSubrange(
                start..<start + columns.count, with: crop[row * columns.count..<(row + 1) * columns.count])
        }
        return result
    }

    /// The smallest box around the pixels that are inside; nil if the mask is empty.
    package var bounds: Box? {
        var (left, top, right, bottom) = (columns.count, rows.count, -1, -1)
        crop.withUnsafeBufferPointer { bytes in
            for y in 0..<rows.count {
                let row = bytes[y * columns.count..<(y + 1) * columns.count]
                guard let first = row.firstIndex(where: { $0 != 0 }) else { continue }
                let last = row.lastIndex { $0 != 0 } ?? first
                (left, right) = (min(left, first - row.startIndex), max(right, last - row.startIndex))
                (top, bottom) = (min(top, y), y)
            }
        }
        guard right >= 0 else { return nil }
        let (x, y) = (columns.lowerBound, rows.lowerBound)
        return Box(
            x1: Double(x + left), y1: Double(y + top), x2: Double(x + right + 1), y2: Double(y + bottom + 1))
    }
}
