/// An axis-aligned box in pixels of its image, in the format of COCO files.
public struct BoundingBox: Sendable, Hashable {
    /// The left edge.
    public var x: Double

    /// The upper edge.
    public var y: Double

    /// The width.
    public var width: Double

    /// The height.
    public var height: Double

    /// Creates a box from its upper left corner and its size, in pixels.
    public init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// Width times height, in square pixels.
    @inlinable
    public var area: Double { width * height }
}

extension BoundingBox {
    /// Whether no coordinate is NaN or infinite.
    package var isFinite: Bool { x.isFinite && y.isFinite && width.isFinite && height.isFinite }

    /// The smallest box around all points of rings `x0, y0, x1, y1, ...`; nil if there are no points.
    package init?(around rings: [[Double]]) {
        var (left, top) = (Double.infinity, Double.infinity)
        var (right, bottom) = (-Double.infinity, -Double.infinity)
        for ring in rings {
            for index in 0..<ring.count / 2 {
                left = min(left, ring[2 * index])
                right = max(right, ring[2 * index])
                top = min(top, ring[2 * index + 1])
                bottom = max(bottom, ring[2 * index + 1])
            }
        }
        guard left <= right else { return nil }
        self.init(x: left, y: top, width: right - left, height: bottom - top)
    }

    /// The part inside an image, whose size is in pixels; without a size, the box itself.
    package func clipped(to size: (width: Double, height: Double)?) -> BoundingBox {
        guard let size else { return self }
        let (left, top) = (min(max(x, 0), size.width), min(max(y, 0), size.height))
        let (right, bottom) = (min(max(x + width, left), size.width), min(max(y + height, top), size.height))
        return BoundingBox(x: left, y: top, width: max(0, right - left), height: max(0, bottom - top))
    }

    /// Intersection over union with the box of an annotated object; 0 for boxes that only touch.
    ///
    /// - Parameters:
    ///   - truth: The annotated object's box.
    ///   - isCrowd: See ``RunLengthMask/overlap(with:isCrowd:)``.
    @inlinable
    public func overlap(with truth: BoundingBox, isCrowd: Bool = false) -> Double {
        // The order of the operations is the reference's (maskApi.c, bbIou), for the same rounding and the same ties.
        let commonWidth = min(width + x, truth.width + truth.x) - max(x, truth.x)
        guard commonWidth > 0 else { return 0 }
        let commonHeight = min(height + y, truth.height + truth.y) - max(y, truth.y)
        guard commonHeight > 0 else { return 0 }
        let common = commonWidth * commonHeight
        return common / (isCrowd ? area : area + truth.area - common)
    }
}
