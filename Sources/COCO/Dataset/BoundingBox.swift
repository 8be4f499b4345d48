/// An axis-aligned box in pixels of its image, as COCO files write it.
public struct BoundingBox: Sendable, Hashable {
    /// The left edge.
    public var x: Double

    /// The upper edge.
    public var y: Double

    /// The extent to the right.
    public var width: Double

    /// The extent downwards.
    public var height: Double

    /// A box by its upper left corner and its extent, in pixels.
    public init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// Width times height, in square pixels.
    public var area: Double { width * height }
}
