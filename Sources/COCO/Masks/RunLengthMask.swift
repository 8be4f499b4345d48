/// A binary mask as the lengths of runs down its columns, starting with zeros, as COCO stores masks.
///
/// It is always canonical: no run is empty except for the first, and the runs cover the mask. Two masks with the same
/// pixels are therefore equal. Memory grows with the number of runs, never with the stated size.
public struct RunLengthMask: Sendable, Hashable {
    /// The height in pixels.
    public let height: Int

    /// The width in pixels.
    public let width: Int

    /// The lengths of alternating runs of zeros and ones, column by column.
    public let counts: [UInt32]

    /// Creates a mask from canonical runs.
    init(height: Int, width: Int, canonical counts: [UInt32]) {
        self.height = height
        self.width = width
        self.counts = counts
    }

    /// Creates a mask from run lengths, which may contain empty runs.
    ///
    /// - Throws: ``COCOError`` if the runs do not cover the mask exactly, or the mask has 2^32 pixels or more.
    public init(height: Int, width: Int, counts: some Sequence<UInt32>) throws {
        var runs = RunBuilder(pixelCount: try Self.pixelCount(height: height, width: width))
        for count in counts { try runs.append(Int64(count)) }
        try runs.finish()
        self.init(height: height, width: width, canonical: runs.counts)
    }

    /// Creates an empty mask.
    ///
    /// - Throws: ``COCOError`` if the mask has 2^32 pixels or more.
    public init(height: Int, width: Int) throws {
        let count = try Self.pixelCount(height: height, width: width)
        self.init(height: height, width: width, canonical: [count])
    }

    /// The number of pixels of a mask, which must be below 2^32 as in the COCO tools.
    static func pixelCount(height: Int, width: Int) throws -> UInt32 {
        let (product, overflow) = height.multipliedReportingOverflow(by: width)
        guard height >= 0, width >= 0, !overflow, let count = UInt32(exactly: product) else {
            throw COCOError("a mask of \(height) x \(width) pixels; fewer than 2^32 are needed")
        }
        return count
    }

    /// The number of set pixels.
    public var area: Int {
        var sum = 0
        for index in stride(from: 1, to: counts.count, by: 2) { sum += Int(counts[index]) }
        return sum
    }

    /// The smallest box around the set pixels; all zero for an empty mask.
    public var box: BoundingBox { BoundingBox(RunLength.bounds(counts.span, height: height)) }
}

/// Collects runs in canonical form.
struct RunBuilder {
    let pixelCount: UInt32
    private(set) var counts: [UInt32] = []
    private var total: Int64 = 0
    private var isOne = false

    init(pixelCount: UInt32) { self.pixelCount = pixelCount }

    /// Adds the next run, whose value alternates with the previous one.
    mutating func append(_ count: Int64) throws {
        guard count >= 0, count <= Int64(pixelCount) - total else {
            throw COCOError(
                count < 0
                    ? "a run of length \(count)"
                    : "the run lengths cover more than the \(pixelCount) pixels of the mask")
        }
        total += count
        if counts.isEmpty {
            counts.append(UInt32(count))
        } else if count > 0 {
            // The last stored run is of ones if the number of runs is even.
            if counts.count.isMultiple(of: 2) == isOne {
                counts[counts.count - 1] += UInt32(count)
            } else {
                counts.append(UInt32(count))
            }
        }
        isOne.toggle()
    }

    /// Checks that the runs cover the mask.
    mutating func finish() throws {
        guard total == pixelCount else {
            throw COCOError("the run lengths cover \(total) of the \(pixelCount) pixels of the mask")
        }
        if counts.isEmpty { counts.append(0) }
    }
}

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
    /// - Parameters:
    ///   - truth: The annotated object's mask, of the same size.
    ///   - isCrowd: Whether `truth` marks a crowd. The area of this mask then replaces the union, and a mask inside the
    ///     crowd overlaps fully.
    /// - Throws: ``COCOError`` if the sizes differ.
    public func overlap(with truth: RunLengthMask, isCrowd: Bool = false) throws -> Double {
        let common = try intersectionArea(truth)
        guard common > 0 else { return 0 }
        return Double(common) / Double(isCrowd ? area : area + truth.area - common)
    }
}
