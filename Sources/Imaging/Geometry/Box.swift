/// A position in a picture, in pixels: (0, 0) is the upper left corner of the upper left pixel, whose center is (0.5,
/// 0.5).
public struct Point: Sendable, Hashable {
    /// The horizontal coordinate, to the right.
    public var x: Double

    /// The vertical coordinate, downwards.
    public var y: Double

    /// Creates the point (x, y).
    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }
}

/// An axis-aligned box in pixels, given by two corners (XYXY); pixel (0, 0) is the box (0, 0, 1, 1).
public struct Box: Sendable, Hashable {
    /// The left side.
    public var x1: Double

    /// The upper side.
    public var y1: Double

    /// The right side.
    public var x2: Double

    /// The lower side.
    public var y2: Double

    /// Creates the box between the corners (x1, y1) and (x2, y2).
    public init(x1: Double, y1: Double, x2: Double, y2: Double) {
        self.x1 = x1
        self.y1 = y1
        self.x2 = x2
        self.y2 = y2
    }

    /// The width, x2 - x1.
    public var width: Double { x2 - x1 }

    /// The height, y2 - y1.
    public var height: Double { y2 - y1 }

    /// The smallest box that contains this box and another.
    package func union(_ other: Box) -> Box {
        Box(x1: min(x1, other.x1), y1: min(y1, other.y1), x2: max(x2, other.x2), y2: max(y2, other.y2))
    }

    /// The overlap of this box and another; its width or height is negative if they are apart.
    package func intersection(_ other: Box) -> Box {
        Box(x1: max(x1, other.x1), y1: max(y1, other.y1), x2: min(x2, other.x2), y2: min(y2, other.y2))
    }

    /// The intersection's share of the union; 0 for boxes without a common part.
    package func intersectionOverUnion(with other: Box) -> Double {
        let common = intersection(other)
        guard common.width > 0, common.height > 0 else { return 0 }
        let area = common.width * common.height
        return area / (width * height + other.width * other.height - area)
    }

    /// The part inside a picture of the given size; empty if no part is inside.
    public func clipped(to size: ImageSize) -> Box {
        // NaN becomes zero.
        func clip(_ value: Double, _ limit: Int) -> Double { value > 0 ? min(value, Double(limit)) : 0 }
        return Box(
            x1: clip(x1, size.width), y1: clip(y1, size.height), x2: clip(x2, size.width),
            y2: clip(y2, size.height))
    }
}
