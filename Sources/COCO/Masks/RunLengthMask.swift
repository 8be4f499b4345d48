/// A binary mask as lengths of runs down its columns, beginning with zeros, as COCO stores masks.
///
/// Always in its shortest form: no run is empty but for the first, and the runs cover the mask. Two masks with
/// the same pixels are therefore equal. What is stored grows with the runs, never with the stated size.
public struct RunLengthMask: Sendable, Hashable {
    /// The height in pixels.
    public let height: Int

    /// The width in pixels.
    public let width: Int

    /// The lengths of alternating runs of zeros and ones, column by column.
    public let counts: [UInt32]

    /// A mask that is known to be in its shortest form.
    init(height: Int, width: Int, canonical counts: [UInt32]) {
        self.height = height
        self.width = width
        self.counts = counts
    }

    /// A mask from run lengths, which may hold empty runs.
    ///
    /// - Throws: ``COCOError`` when the runs do not cover the mask exactly, or the mask has 2^32 pixels or more.
    public init(height: Int, width: Int, counts: some Sequence<UInt32>) throws {
        var runs = RunBuilder(pixelCount: try Self.pixelCount(height: height, width: width))
        for count in counts { try runs.append(Int64(count)) }
        try runs.finish()
        self.init(height: height, width: width, canonical: runs.counts)
    }

    /// An empty mask.
    ///
    /// - Throws: ``COCOError`` when the mask has 2^32 pixels or more.
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

    /// The number of pixels that are set.
    public var area: Int {
        var sum = 0
        for index in stride(from: 1, to: counts.count, by: 2) { sum += Int(counts[index]) }
        return sum
    }

    /// The smallest box around the pixels that are set; all zero for an empty mask.
    public var box: BoundingBox { BoundingBox(RunLength.bounds(counts.span, height: height)) }
}

/// Collects runs in their shortest form.
struct RunBuilder {
    let pixelCount: UInt32
    private(set) var counts: [UInt32] = []
    private var total: Int64 = 0
    private var isOne = false

    init(pixelCount: UInt32) { self.pixelCount = pixelCount }

    /// Adds the next run, of the other value than the one before.
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
            // The last stored run is of ones when their number is even.
            if counts.count.isMultiple(of: 2) == isOne {
                counts[counts.count - 1] += UInt32(count)
            } else {
                counts.append(UInt32(count))
            }
        }
        isOne.toggle()
    }

    /// Checks that the mask is covered.
    mutating func finish() throws {
        guard total == pixelCount else {
            throw COCOError("the run lengths cover \(total) of the \(pixelCount) pixels of the mask")
        }
        if counts.isEmpty { counts.append(0) }
    }
}
