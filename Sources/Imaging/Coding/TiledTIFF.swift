import Support

/// A TIFF file stored in tiles, of which parts are read while the rest stays on the disk: aerial and microscope pictures of any
/// size. Copies of the picture at a half, a quarter and so on (pyramids) are used where they are there.
///
/// EXIF orientation and color profiles are treated as in ``Image/init(contentsOf:options:)``; alpha is dropped. Memory is that
/// of two rows of the file's tiles and of the parts that are read. Safe to use from several tasks.
public final class TiledTIFF: PictureRegions {
    /// The path of the file.
    public let path: String

    /// The size of the upright picture.
    public let size: ImageSize

    private let storedSize: ImageSize
    private let orientation: EXIFOrientation

    /// The stored picture and its smaller copies, largest first.
    private let levels: [VipsPicture]

    /// The largest side: beyond it positions of pixels are not exact everywhere.
    private static let largestSide = 1 << 20

    /// Opens a file.
    ///
    /// - Throws: ``ImagingError`` when it cannot be read, or its pixels are not stored in tiles.
    public init(contentsOf path: String, colorProfile: DecodingOptions.ColorProfile = .convert) throws {
        guard try TIFFLayout.isTiled(path) else {
            throw ImagingError(path, reason: "is not a TIFF stored in tiles")
        }
        self.path = path
        func level(page: Int, subfile: Int) throws(Vips.Failure) -> VipsPicture {
            try VipsPicture(
                tiff: path, page: page, subfile: subfile, convertsProfile: colorProfile == .convert)
        }
        do {
            let full = try level(page: 0, subfile: -1)
            storedSize = full.size
            orientation = full.orientation
            size = orientation.swapsAxes ? storedSize.transposed : storedSize
            var levels = [full]
            // Copies are subfiles of the first page, or the pages behind it; other pages are other pictures.
            let places =
                full.subfileCount > 0
                ? (0..<min(full.subfileCount, 32)).map { (page: 0, subfile: $0) }
                : (1..<min(full.pageCount, 32)).map { (page: $0, subfile: -1) }
            for place in places {
                guard let next = try? level(page: place.page, subfile: place.subfile),
                    next.size.isCopy(of: storedSize, halved: levels.count)
                else { break }
                levels.append(next)
            }
            self.levels = levels
        } catch {
            throw ImagingError(path, reason: "cannot be read as TIFF: \(error.reason)")
        }
        guard size.longestSide <= Self.largestSide else {
            throw ImagingError(
                path, reason: "its size of \(size) pixels exceeds the limit of \(Self.largestSide) for a side"
            )
        }
    }

    /// A file as a picture of which parts are read: from the disk where it is a tiled TIFF, else decoded as a whole.
    ///
    /// - Throws: ``ImagingError``.
    public static func picture(contentsOf path: String, options: DecodingOptions = DecodingOptions()) throws
        -> any PictureRegions
    {
        try TIFFLayout.isTiled(path)
            ? TiledTIFF(contentsOf: path, colorProfile: options.colorProfile)
            : Image(contentsOf: path, options: options)
    }

    /// A part of the picture.
    /// - Throws: ``ImagingError`` for a part that is not inside, or that cannot be read.
    public func region(columns: Range<Int>, rows: Range<Int>) throws -> Image {
        try check(columns: columns, rows: rows)
        let upright = try SpatialTransform.upright(storedSize, from: orientation)
        let area = upright.inverse.apply(
            to: Box(
                x1: Double(columns.lowerBound), y1: Double(rows.lowerBound), x2: Double(columns.upperBound),
                y2: Double(rows.upperBound)))
        return try read(
            levels[0], columns: Int(area.x1)..<Int(area.x2), rows: Int(area.y1)..<Int(area.y2)
        ).upright(from: orientation)
    }

    /// The whole picture, made smaller from the copy that is nearest.
    /// - Throws: ``ImagingError`` when it cannot be read.
    public func reduced(by factor: Int) throws -> ReducedPicture {
        let factor = max(factor, 1)
        // Copies halve: the deepest one that is still large enough.
        let depth = min(levels.count - 1, Int.bitWidth - 1 - factor.leadingZeroBitCount)
        let level = levels[depth]
        let rest = factor >> depth
        do {
            let shrunk = rest > 1 ? try level.shrunk(by: rest) : level
            let stored = try read(shrunk, columns: 0..<shrunk.size.width, rows: 0..<shrunk.size.height)
            let image = stored.upright(from: orientation)
            let scale = (
                Double(level.size.width) / Double(storedSize.width) / Double(max(rest, 1)),
                Double(level.size.height) / Double(storedSize.height) / Double(max(rest, 1))
            )
            let (x, y) = orientation.swapsAxes ? (scale.1, scale.0) : scale
            return ReducedPicture(
                image: image,
                transform: try SpatialTransform(source: size, target: image.size, xScale: x, yScale: y))
        } catch let failure as Vips.Failure {
            throw ImagingError(path, reason: "cannot be made smaller: \(failure.reason)")
        }
    }

    private func read(_ level: VipsPicture, columns: Range<Int>, rows: Range<Int>) throws -> Image {
        do { return try level.image(columns: columns, rows: rows) } catch let failure as Vips.Failure {
            throw ImagingError(path, reason: "cannot be decoded as TIFF: \(failure.reason)")
        }
    }
}

extension ImageSize {
    /// Whether this is the size of a picture whose sides were halved so many times, however halves were rounded.
    fileprivate func isCopy(of whole: ImageSize, halved times: Int) -> Bool {
        func fits(_ side: Int, _ whole: Int) -> Bool {
            let (down, up) = (max(whole >> times, 1), (whole + (1 << times) - 1) >> times)
            return side >= down && side <= up
        }
        return fits(width, whole.width) && fits(height, whole.height)
    }
}
