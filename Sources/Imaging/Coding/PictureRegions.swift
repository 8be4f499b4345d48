/// A picture of which parts are read: one in memory, or a file too large for it.
public protocol PictureRegions: Sendable {
    /// The size of the upright picture.
    var size: ImageSize { get }

    /// A part of the picture.
    /// - Parameters:
    ///   - columns: Within the picture, not empty.
    ///   - rows: Within the picture, not empty.
    /// - Throws: ``ImagingError`` for a part that is not inside, or that cannot be read.
    func region(columns: Range<Int>, rows: Range<Int>) throws -> Image

    /// The whole picture, made smaller by averages of pixels where it is too large for the memory.
    /// - Parameter factor: How many times smaller its sides may be; at least 1.
    /// - Throws: ``ImagingError`` when it cannot be read.
    func reduced(by factor: Int) throws -> ReducedPicture
}

/// A picture that may be smaller than the one it shows.
public struct ReducedPicture: Sendable {
    /// The pixels.
    public let image: Image

    /// Where the whole picture's pixels are in it.
    public let transform: SpatialTransform
}

extension PictureRegions {
    /// Throws unless a part is inside the picture.
    func check(columns: Range<Int>, rows: Range<Int>) throws {
        guard columns.lowerBound >= 0, columns.upperBound <= size.width, !columns.isEmpty,
            rows.lowerBound >= 0, rows.upperBound <= size.height, !rows.isEmpty
        else {
            throw ImagingError(
                reason: "columns \(columns) and rows \(rows) are not inside a picture of \(size) pixels")
        }
    }
}

extension Image: PictureRegions {
    /// A part of the picture.
    /// - Throws: ``ImagingError`` for a part that is not inside.
    public func region(columns: Range<Int>, rows: Range<Int>) throws -> Image {
        try check(columns: columns, rows: rows)
        if columns.count == width, rows.count == height { return self }
        let count = columns.count * 3
        return try Image(uninitialized: ImageSize(width: columns.count, height: rows.count)) { target in
            pixels.withUnsafeBufferPointer { source in
                for (line, row) in rows.enumerated() {
                    let start = (row * width + columns.lowerBound) * 3
                    _ = UnsafeMutableBufferPointer(rebasing: target[line * count..<(line + 1) * count])
                        .update(fromContentsOf: source[start..<start + count])
                }
            }
        }
    }

    /// The picture itself: it is in memory already.
    public func reduced(by factor: Int) throws -> ReducedPicture {
        ReducedPicture(image: self, transform: try .identity(size))
    }
}
