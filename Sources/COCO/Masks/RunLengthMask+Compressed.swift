extension RunLengthMask {
    /// Creates a mask from the compressed text of the COCO tools: starting with the fourth run, the difference to the
    /// run two before, in groups of five bits with a continuation bit, as characters starting at `0`.
    ///
    /// - Throws: ``COCOError`` if the text is broken or the runs do not cover the mask exactly.
    public init(height: Int, width: Int, compressed text: some Sequence<UInt8>) throws {
        var runs = RunBuilder(pixelCount: try Self.pixelCount(height: height, width: width))
        let text = Array(text)
        try PackedRuns.decode(text.span) { try runs.append($0) }
        try runs.finish()
        self.init(height: height, width: width, canonical: runs.counts)
    }

    /// String variant of ``init(height:width:compressed:)-(_,_,Sequence<UInt8>)``.
    public init(height: Int, width: Int, compressed text: String) throws {
        try self.init(height: height, width: width, compressed: Array(text.utf8))
    }

    /// The compressed text of the COCO tools, ASCII.
    public var compressed: [UInt8] {
        var text: [UInt8] = []
        for index in counts.indices {
            var value = Int64(counts[index])
            if index > 2 { value -= Int64(counts[index - 2]) }
            while true {
                let group = UInt8(truncatingIfNeeded: value & 0x1F)
                value >>= 5
                let isLast = value == (group & 0x10 == 0 ? 0 : -1)
                text.append((isLast ? group : group | 0x20) + 48)
                if isLast { break }
            }
        }
        return text
    }

    /// Creates the mask of a segmentation, which states its own size unless it consists of polygons.
    ///
    /// - Parameters:
    ///   - segmentation: The outline in any of its formats.
    ///   - height: The height of the image in pixels, for polygons.
    ///   - width: The width of the image in pixels, for polygons.
    /// - Throws: ``COCOError``.
    public init(_ segmentation: Segmentation, height: Int, width: Int) throws {
        switch segmentation {
        case .polygons(let rings): try self.init(height: height, width: width, polygons: rings)
        case .runLengths(let height, let width, let counts):
            try self.init(height: height, width: width, counts: counts)
        case .compressedRunLengths(let height, let width, let text):
            try self.init(height: height, width: width, compressed: text)
        }
    }
}

/// The compressed text of run lengths.
enum PackedRuns {
    /// Calls `body` with every run in the text.
    @inline(__always)
    static func decode(_ text: Span<UInt8>, _ body: (Int64) throws -> Void) throws {
        // The two previous runs: from the fourth run on, a run is stored as the difference to the one two before.
        var (before, last): (Int64, Int64) = (0, 0)
        var index = 0
        var position = 0
        while position < text.count {
            var value: Int64 = 0
            var shift: Int64 = 0
            while true {
                guard position < text.count else {
                    throw COCOError("the text of compressed run lengths ends inside a number")
                }
                let group = Int64(text[position]) - 48
                guard group & ~0x3F == 0 else {
                    throw COCOError(
                        "character code \(text[position]) does not occur in compressed run lengths")
                }
                guard shift <= 30 else { throw COCOError("a compressed run length of more than 35 bits") }
                position += 1
                value |= (group & 0x1F) << shift
                shift += 5
                if group & 0x20 == 0 {
                    if group & 0x10 != 0 { value |= -1 << shift }
                    break
                }
            }
            if index > 2 { value += before }
            try body(value)
            (before, last) = (last, value)
            index += 1
        }
    }
}
