/// A box in pixels of its frame by its edges.
public struct TrackedBox: Sendable, Hashable {
    /// The left edge.
    public var left: Double

    /// The upper edge.
    public var top: Double

    /// The right edge.
    public var right: Double

    /// The lower edge.
    public var bottom: Double

    /// Creates a box from its edges.
    public init(left: Double, top: Double, right: Double, bottom: Double) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }

    /// Width times height; 0 for boxes whose edges are in the wrong order.
    public var area: Double { max(right - left, 0) * max(bottom - top, 0) }

    /// Intersection over union; 0 for boxes that have nothing in common.
    public func overlap(with other: TrackedBox) -> Double {
        let width = min(right, other.right) - max(left, other.left)
        let height = min(bottom, other.bottom) - max(top, other.top)
        guard width > 0, height > 0 else { return 0 }
        let common = width * height
        let union = area + other.area - common
        return union > 0 ? common / union : 0
    }
}

/// A detected object of a frame.
public struct TrackedDetection: Sendable, Hashable {
    /// The box in pixels of the frame.
    public var box: TrackedBox

    /// The score; higher is surer.
    public var score: Double

    /// The class, an index of the vocabulary.
    public var classIndex: Int

    /// What the object looks like, a vector of length 1; nil or empty where nothing is known.
    public var embedding: [Float]?

    /// Creates a detection.
    public init(box: TrackedBox, score: Double, classIndex: Int, embedding: [Float]? = nil) {
        self.box = box
        self.score = score
        self.classIndex = classIndex
        self.embedding = embedding
    }
}
