/// A mapping from one picture's pixels to another's: an optional exchange of axes, then a scale (negative for a flip)
/// and an offset for each axis.
///
/// Resizing, padding, cropping, flipping and turning upright all have this form. The geometry of a picture (boxes,
/// points, polygons, masks) is mapped by the same value as the picture, and mapped back by its ``inverse``.
///
/// With (u, v) = (x, y), or (y, x) if axes are exchanged:
///
///     x' = xScale * u + xOffset
///     y' = yScale * v + yOffset
///
/// in the coordinates of ``Point``: pixel borders are integers.
public struct SpatialTransform: Sendable, Hashable {
    /// The size of the picture to transform.
    public let source: ImageSize

    /// The size of the result.
    public let target: ImageSize

    /// Whether x' is computed from y and y' from x.
    public let swapsAxes: Bool

    /// Target pixels per source pixel along x'; negative for a flip, never zero.
    public let xScale: Double

    /// Target pixels per source pixel along y'; negative for a flip, never zero.
    public let yScale: Double

    /// The position of the source's origin along x'.
    public let xOffset: Double

    /// The position of the source's origin along y'.
    public let yOffset: Double

    /// Creates a transform.
    ///
    /// - Throws: ``ImagingError`` if a size is not positive, a scale is zero, or a number is not finite.
    public init(
        source: ImageSize, target: ImageSize, swapsAxes: Bool = false, xScale: Double = 1,
        yScale: Double = 1, xOffset: Double = 0, yOffset: Double = 0
    ) throws {
        guard source.byteCount(channels: 3) != nil, target.byteCount(channels: 3) != nil else {
            throw ImagingError(reason: "a picture of \(source) pixels cannot be transformed to \(target)")
        }
        guard xScale != 0, yScale != 0, [xScale, yScale, xOffset, yOffset].allSatisfy(\.isFinite) else {
            throw ImagingError(
                reason:
                    "scales of \(xScale), \(yScale) with offsets of \(xOffset), \(yOffset) cannot be inverted"
            )
        }
        self.init(
            trusted: source, target, swapsAxes, xScale: xScale, yScale: yScale, xOffset: xOffset,
            yOffset: yOffset)
    }

    /// Creates a transform from valid values.
    private init(
        trusted source: ImageSize, _ target: ImageSize, _ swapsAxes: Bool, xScale: Double, yScale: Double,
        xOffset: Double, yOffset: Double
    ) {
        self.source = source
        self.target = target
        self.swapsAxes = swapsAxes
        self.xScale = xScale
        self.yScale = yScale
        self.xOffset = xOffset
        self.yOffset = yOffset
    }

    /// The inverse transform.
    public var inverse: SpatialTransform {
        let (x, y) = ((1 / xScale, -xOffset / xScale), (1 / yScale, -yOffset / yScale))
        let (first, second) = swapsAxes ? (y, x) : (x, y)
        return SpatialTransform(
            trusted: target, source, swapsAxes, xScale: first.0, yScale: second.0, xOffset: first.1,
            yOffset: second.1)
    }

    /// The composition of this transform and `next`.
    ///
    /// - Throws: ``ImagingError`` if `next.source` is not this transform's target.
    package func followed(by next: SpatialTransform) throws -> SpatialTransform {
        guard next.source == target else {
            throw ImagingError(
                reason: "a transform to \(target) pixels cannot be followed by one from \(next.source) pixels"
            )
        }
        let (x, y) =
            next.swapsAxes ? ((yScale, yOffset), (xScale, xOffset)) : ((xScale, xOffset), (yScale, yOffset))
        return try SpatialTransform(
            source: source, target: next.target, swapsAxes: swapsAxes != next.swapsAxes,
            xScale: next.xScale * x.0, yScale: next.yScale * y.0,
            xOffset: next.xScale * x.1 + next.xOffset, yOffset: next.yScale * y.1 + next.yOffset)
    }

    /// Whether the transform is the identity.
    package var isIdentity: Bool {
        source == target && !swapsAxes && xScale == 1 && yScale == 1 && xOffset == 0 && yOffset == 0
    }
}

// MARK: Geometry

extension SpatialTransform {
    /// Maps a point of the source to the target.
    public func apply(to point: Point) -> Point {
        let (u, v) = swapsAxes ? (point.y, point.x) : (point.x, point.y)
        return Point(x: xScale * u + xOffset, y: yScale * v + yOffset)
    }

    /// Maps a box of the source to the target, with its corners in order again after a flip. It may be partly or wholly
    /// outside: see ``Box/clipped(to:)``.
    public func apply(to box: Box) -> Box {
        let a = apply(to: Point(x: box.x1, y: box.y1))
        let b = apply(to: Point(x: box.x2, y: box.y2))
        return Box(x1: min(a.x, b.x), y1: min(a.y, b.y), x2: max(a.x, b.x), y2: max(a.y, b.y))
    }

    /// The columns and rows of the target, in whole pixels, that show the source; the rest is padding.
    package var content: (columns: Range<Int>, rows: Range<Int>) {
        let whole = Box(x1: 0, y1: 0, x2: Double(source.width), y2: Double(source.height))
        let box = apply(to: whole).clipped(to: target)
        return (
            Int(box.x1.rounded())..<Int(box.x2.rounded()), Int(box.y1.rounded())..<Int(box.y2.rounded())
        )
    }

    /// Maps a polygon of the source to the target, with its points in the same order.
    public func apply(to polygon: [Point]) -> [Point] { polygon.map { apply(to: $0) } }

    /// Maps a mask to the target: every target pixel takes the source pixel under its center, or `fill` if there is
    /// none.
    ///
    /// - Throws: ``ImagingError`` if the mask does not have the source's size.
    public func apply(to mask: Mask, fill: UInt8 = 0) throws -> Mask {
        guard mask.size == source else {
            throw ImagingError(
                reason: "a mask of \(mask.size) pixels does not fit a transform from \(source)")
        }
        guard let count = target.byteCount(channels: 1), count <= ImageSize.mostBytes else {
            throw ImagingError(reason: "a mask cannot have \(target) pixels")
        }
        // The source column (or row) of each target column and row, or -1 if there is none.
        func nearest(_ count: Int, _ scale: Double, _ offset: Double, _ limit: Int) -> [Int] {
            (0..<count).map { index in
                let position = ((Double(index) + 0.5 - offset) / scale).rounded(.down)
                return position >= 0 && position < Double(limit) ? Int(position) : -1
            }
        }
        let (sourceU, sourceV) = swapsAxes ? (source.height, source.width) : (source.width, source.height)
        let columns = nearest(target.width, xScale, xOffset, sourceU)
        let rows = nearest(target.height, yScale, yOffset, sourceV)
        let (stepU, stepV) = swapsAxes ? (source.width, 1) : (1, source.width)
        var result = [UInt8](repeating: fill, count: count)
        mask.bytes.withUnsafeBufferPointer { bytes in
            result.withUnsafeMutableBufferPointer { result in
                for (y, row) in rows.enumerated() where row >= 0 {
                    for (x, column) in columns.enumerated() where column >= 0 {
                        result[y * target.width + x] = bytes[column * stepU + row * stepV]
                    }
                }
            }
        }
        return try Mask(width: target.width, height: target.height, bytes: result)
    }
}
