extension RunLengthMask {
    /// The pixels set in any of the masks.
    ///
    /// - Throws: ``COCOError`` if there are no masks or their sizes differ.
    public static func union(_ masks: [RunLengthMask]) throws -> RunLengthMask {
        try combine(masks, union: true)
    }

    /// The pixels set in all of the masks.
    ///
    /// - Throws: ``COCOError`` if there are no masks or their sizes differ.
    public static func intersection(_ masks: [RunLengthMask]) throws -> RunLengthMask {
        try combine(masks, union: false)
    }

    private static func combine(_ masks: [RunLengthMask], union: Bool) throws -> RunLengthMask {
        guard let first = masks.first else { throw COCOError("no masks to combine") }
        var counts = first.counts
        for mask in masks.dropFirst() {
            try first.checkSize(mask)
            counts = RunLength.combine(counts, mask.counts, union: union)
        }
        return RunLengthMask(height: first.height, width: first.width, canonical: counts)
    }

    private func checkSize(_ other: RunLengthMask) throws {
        guard height == other.height, width == other.width else {
            throw COCOError(
                "masks of \(height) x \(width) and of \(other.height) x \(other.width) pixels cannot be combined"
            )
        }
    }

    /// The number of pixels set in both masks.
    ///
    /// - Throws: ``COCOError`` if the sizes differ.
    public func intersectionArea(_ other: RunLengthMask) throws -> Int {
        try checkSize(other)
        return RunLength.intersection(counts.span, other.counts.span)
    }

    /// Intersection over union with the mask of an annotated object; 0 for two empty masks.
    ///
    /// - Parameter isCrowd: Whether `truth` marks a crowd. The area of this mask then replaces the union, and a mask
    ///   inside the crowd overlaps fully.
    /// - Throws: ``COCOError`` if the sizes differ.
    public func overlap(with truth: RunLengthMask, isCrowd: Bool = false) throws -> Double {
        let common = try intersectionArea(truth)
        guard common > 0 else { return 0 }
        return Double(common) / Double(isCrowd ? area : area + truth.area - common)
    }
}
