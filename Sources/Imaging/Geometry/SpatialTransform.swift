/// The way from one picture's pixels to another's: an exchange of axes (or none), then a scale (negative for a
/// flip) and an offset for each axis.
///
/// Resizing, padding, cropping, flipping and turning upright are all of this form. Whatever lies in a picture
/// (boxes, points, polygons, masks) goes through the same value as the picture, and comes back through its
/// ``inverse``.
///
/// With (u, v) = (x, y), or (y, x) when axes are exchanged:
///
///     x' = xScale * u + xOffset
///     y' = yScale * v + yOffset
///
/// in the coordinates of ``Point``: pixel borders are whole numbers.
public struct SpatialTransform: Sendable, Hashable {
    /// The size of the picture that is transformed.
    public let source: ImageSize

    /// The size of the result.
    public let target: ImageSize

    /// Whether x' comes from y and y' from x.
    public let swapsAxes: Bool

    /// Target pixels for a source pixel along x'; negative when flipped, never zero.
    public let xScale: Double

    /// Target pixels for a source pixel along y'; negative when flipped, never zero.
    public let yScale: Double

    /// Where the source's origin comes to lie along x'.
    public let xOffset: Double

    /// Where the source's origin comes to lie along y'.
    public let yOffset: Double

    /// A transform of its parts.
    ///
    /// - Throws: ``ImagingError`` when a size is not positive, a scale is zero, or a number is not finite.
    public init(
        source: ImageSize, target: ImageSize, swapsAxes: Bool = false, xScale: Double = 1,
        yScale: Double = 1, xOffset: Double = 0, yOffset: Double = 0
    ) throws {
        guard source.byteCount(channels: 3) != nil, target.byteCount(channels: 3) != nil else {
            throw ImagingError(reason: "a picture of \(source) pixels cannot be brought to \(target)")
        }
        guard xScale != 0, yScale != 0, [xScale, yScale, xOffset, yOffset].allSatisfy(\.isFinite) else {
            throw ImagingError(
                reason:
                    "scales of \(xScale), \(yScale) with offsets of \(xOffset), \(yOffset) cannot be undone")
        }
        self.init(
            trusted: source, target, swapsAxes, xScale: xScale, yScale: yScale, xOffset: xOffset,
            yOffset: yOffset)
    }

    /// A transform of parts that are known to be right.
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

    /// The way back.
    public var inverse: SpatialTransform {
        let (x, y) = ((1 / xScale, -xOffset / xScale), (1 / yScale, -yOffset / yScale))
        let (first, second) = swapsAxes ? (y, x) : (x, y)
        return SpatialTransform(
            trusted: target, source, swapsAxes, xScale: first.0, yScale: second.0, xOffset: first.1,
            yOffset: second.1)
    }

    /// This transform and then another one, as one.
    ///
    /// - Throws: ``ImagingError`` when the other's source is not this one's target.
    public func followed(by next: SpatialTransform) throws -> SpatialTransform {
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

    /// Whether nothing changes.
    public var isIdentity: Bool {
        source == target && !swapsAxes && xScale == 1 && yScale == 1 && xOffset == 0 && yOffset == 0
    }
}
