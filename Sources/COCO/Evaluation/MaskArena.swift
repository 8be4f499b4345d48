/// The masks of one image as runs in one growing buffer, which is reused for the next image.
package struct MaskArena {
    /// A mask in the buffer.
    package struct Entry {
        var start = 0
        var count = 0
        var height: Int32 = 0
        var width: Int32 = 0
        /// The number of pixels.
        package var area = 0
        var bounds = PixelBounds()
    }

    private var runs: [UInt32] = []
    private var ring: [UInt32] = []
    private var rasterizer = PolygonRasterizer(height: 0, width: 0)

    /// Creates an empty buffer.
    package init() {}

    /// Removes all masks.
    package mutating func removeAll() { runs.removeAll(keepingCapacity: true) }

    /// Adds the mask in a row of a column.
    ///
    /// - Parameters:
    ///   - height: The height of the image in pixels, for polygons; 0 if it is unknown.
    ///   - width: The width of the image.
    ///   - bounds: Whether to compute the bounds too.
    package mutating func add(_ column: SegmentationColumn, _ row: Int, height: Int, width: Int, bounds: Bool)
        throws
        -> Entry
    {
        let place = column.rows[row]
        var entry = Entry(start: runs.count, height: place.height, width: place.width)
        switch place.kind {
        case .none: throw COCOError("has no segmentation, which the comparison of masks needs")
        case .polygons:
            guard height > 0, width > 0 else {
                throw COCOError("has polygons, but its image has no width and height")
            }
            guard (0..<place.count).contains(where: { column.ring($0, ofRow: row).count >= 6 }) else {
                throw COCOError("has polygons of fewer than three points, which cover nothing")
            }
            entry.height = Int32(truncatingIfNeeded: height)
            entry.width = Int32(truncatingIfNeeded: width)
            try addPolygons(column, row, height: height, width: width)
        case .runLengths:
            var builder = try RunWriter(height: place.height, width: place.width)
            for index in place.start..<place.start + place.count {
                try builder.append(Int64(column.counts[index]), to: &runs)
            }
            try builder.finish(&runs)
        case .compressedRunLengths:
            let text = column.characters.span.extracting(place.start..<place.start + place.count)
            if let area = addPlainly(text, pixelCount: Int64(place.height) * Int64(place.width)) {
                entry.area = area
                entry.count = runs.count - entry.start
                if bounds {
                    let counts = runs.span.extracting(entry.start..<entry.start + entry.count)
                    entry.bounds = RunLength.bounds(counts, height: Int(entry.height))
                }
                return entry
            }
            var builder = try RunWriter(height: place.height, width: place.width)
            try PackedRuns.decode(text) { try builder.append($0, to: &runs) }
            try builder.finish(&runs)
        }
        entry.count = runs.count - entry.start
        let counts = runs.span.extracting(entry.start..<entry.start + entry.count)
        var area: UInt32 = 0
        var index = 1
        while index < counts.count {
            area += counts[index]
            index += 2
        }
        entry.area = Int(area)
        if bounds { entry.bounds = RunLength.bounds(counts, height: Int(entry.height)) }
        return entry
    }

    /// Adds compressed runs that are in canonical form and cover the mask, as nearly all are, in half the time of the
    /// full check.
    ///
    /// - Returns: The area; nil, with nothing added, for anything out of the ordinary.
    private mutating func addPlainly(_ text: Span<UInt8>, pixelCount: Int64) -> Int? {
        guard pixelCount <= Int64(UInt32.max) else { return nil }
        let start = runs.count
        // A run takes at least one character.
        runs.append(contentsOf: repeatElement(0, count: text.count))
        var count = 0
        var area: Int64 = 0
        let isPlain = runs.withUnsafeMutableBufferPointer { buffer in
            let target = UnsafeMutableBufferPointer(rebasing: buffer[start...])
            var total: Int64 = 0
            var position = 0
            while position < text.count {
                // Most numbers take one or two characters; the sixth bit means that another follows, the fifth bit of
                // the last one is the sign.
                var group = Int64(text[position]) - 48
                guard group & ~0x3F == 0 else { return false }
                var value = group & 0x1F
                var shift: Int64 = 5
                position += 1
                while group & 0x20 != 0 {
                    guard position < text.count, shift <= 30 else { return false }
                    group = Int64(text[position]) - 48
                    guard group & ~0x3F == 0 else { return false }
                    value |= (group & 0x1F) << shift
                    shift += 5
                    position += 1
                }
                if group & 0x10 != 0 { value |= -1 << shift }
                if count > 2 { value += Int64(target[count - 2]) }
                total += value
                guard value >= (count == 0 ? 0 : 1), total <= pixelCount else { return false }
                target[count] = UInt32(truncatingIfNeeded: value)
                if count & 1 == 1 { area += value }
                count += 1
            }
            return total == pixelCount && count > 0
        }
        runs.removeLast(isPlain ? text.count - count : text.count)
        return isPlain ? Int(area) : nil
    }

    private mutating func addPolygons(_ column: SegmentationColumn, _ row: Int, height: Int, width: Int)
        throws
    {
        let total = try RunLengthMask.pixelCount(height: height, width: width)
        rasterizer.setSize(height: height, width: width)
        let start = runs.count
        let rings = column.ringCount(row)
        if rings == 0 { runs.append(total) }
        for index in 0..<rings {
            let points = column.coordinates.span.extracting(column.ring(index, ofRow: row))
            try rasterizer.rasterize(points, into: &ring)
            if index > 0 { ring = RunLength.combine(Array(runs[start...]), ring, union: true) }
            runs.replaceSubrange(start..., with: ring)
        }
    }

    /// The smallest box around the pixels of a mask that was added with its bounds.
    package func box(_ entry: Entry) -> BoundingBox { BoundingBox(entry.bounds) }

    /// The number of pixels that two masks share.
    ///
    /// - Throws: ``COCOError`` if their sizes differ.
    package func intersection(_ a: Entry, _ b: Entry) throws -> Int {
        guard a.height == b.height, a.width == b.width else {
            throw COCOError(
                "a mask of \(a.height) x \(a.width) pixels, but the ground truth has \(b.height) x \(b.width)"
            )
        }
        guard a.bounds.overlaps(b.bounds) else { return 0 }
        let span = runs.span
        return RunLength.intersection(
            span.extracting(a.start..<a.start + a.count), span.extracting(b.start..<b.start + b.count))
    }
}

/// Like ``RunBuilder``, at the end of a buffer that contains other masks too.
private struct RunWriter {
    private let pixelCount: Int64
    private var total: Int64 = 0
    private var isOne = false
    private var endsWithOne = false
    private var isEmpty = true

    init(height: Int32, width: Int32) throws {
        pixelCount = Int64(try RunLengthMask.pixelCount(height: Int(height), width: Int(width)))
    }

    @inline(__always)
    mutating func append(_ count: Int64, to runs: inout [UInt32]) throws {
        guard count >= 0, count <= pixelCount - total else {
            throw COCOError("has run lengths that do not match its \(pixelCount) pixels")
        }
        total += count
        if isEmpty {
            runs.append(UInt32(truncatingIfNeeded: count))
            isEmpty = false
        } else if count > 0 {
            if endsWithOne == isOne {
                runs[runs.count - 1] += UInt32(truncatingIfNeeded: count)
            } else {
                runs.append(UInt32(truncatingIfNeeded: count))
                endsWithOne = isOne
            }
        }
        isOne.toggle()
    }

    func finish(_ runs: inout [UInt32]) throws {
        guard total == pixelCount else {
            throw COCOError("has run lengths that cover \(total) of its \(pixelCount) pixels")
        }
        if isEmpty { runs.append(0) }
    }
}
