/// Rasterizes polygons to run lengths with the reference's result (maskApi.c, rleFrPoly).
///
/// The reference walks the outline on a grid five times finer; wherever the walk crosses the middle of a column of
/// pixels, it records the row below which the polygon begins or ends. Here those crossings are computed per column from
/// the same formula, without the walk: the work is proportional to the number of columns crossed, and a coordinate far
/// outside the image costs nothing.
struct PolygonRasterizer {
    private var height: Int
    private var width: Int
    /// Crossings: the column and the pixel, in the order of the outline; the first `count` are in use.
    private var columns: [Int32] = []
    private var positions: [UInt32] = []
    private var count = 0
    private var sorted: [UInt32] = []
    private var columnStarts: [Int32] = []

    /// More crossings than this in one ring are refused: 16 Mi take 192 MiB. No sensible outline comes near, but a few
    /// points can cross an image that claims to be billions of pixels wide.
    private static let maximumPassings = 1 << 24

    /// Creates a rasterizer for masks of a size, whose number of pixels must be below 2^32.
    init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// Changes the size of the next masks.
    mutating func setSize(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// Writes the runs of a ring `x0, y0, x1, y1, ...` in pixels, in canonical form, to `counts`.
    ///
    /// - Throws: ``COCOError`` if a coordinate is not finite or the outline is absurdly long.
    mutating func rasterize(_ ring: Span<Double>, into counts: inout [UInt32]) throws {
        count = 0
        counts.removeAll(keepingCapacity: true)
        let points = ring.count / 2
        if points > 0, height > 0, width > 0 {
            var last = (x: try Self.fine(ring[2 * points - 2]), y: try Self.fine(ring[2 * points - 1]))
            for point in 0..<points {
                let next = (x: try Self.fine(ring[2 * point]), y: try Self.fine(ring[2 * point + 1]))
                try addEdge(from: last, to: next)
                last = next
            }
        }
        Self.sortByColumn(columns, positions, count: count, starts: &columnStarts, into: &sorted)
        var before: UInt32 = 0
        let total = UInt32(truncatingIfNeeded: height * width)
        // Two crossings at one position cancel out.
        for position in sorted {
            append(position - before, to: &counts)
            before = position
        }
        append(total - before, to: &counts)
        // A ring that ends with the last pixel leaves an empty run.
        if counts.count > 1, counts.last == 0 { counts.removeLast() }
        isOpen = false
    }

    /// Whether the next run continues the last one, after an empty run between them.
    private var isOpen = false

    @inline(__always)
    private mutating func append(_ run: UInt32, to counts: inout [UInt32]) {
        if isOpen {
            counts[counts.count - 1] += run
            isOpen = false
        } else if run == 0, !counts.isEmpty {
            isOpen = true
        } else {
            counts.append(run)
        }
    }

    /// A coordinate on the fine grid. Rounded towards zero after adding a half, as the reference does.
    private static func fine(_ coordinate: Double) throws -> Int {
        guard coordinate.isFinite else { throw COCOError("a polygon with a coordinate that is not finite") }
        // Far beyond any image; keeps the differences exact.
        return Int(max(-0x1p40, min(0x1p40, 5 * coordinate + 0.5)))
    }

    private mutating func addEdge(from a: (x: Int, y: Int), to b: (x: Int, y: Int)) throws {
        let (dx, dy) = (abs(b.x - a.x), abs(b.y - a.y))
        guard dx > 0 else { return }
        let isFlat = dx >= dy
        let (start, end) = (isFlat ? a.x <= b.x : a.y <= b.y) ? (a, b) : (b, a)
        // The middle of column c is between the fine columns 5 c + 2 and 5 c + 3.
        let first = max(0, Self.ceilingOfFifth(min(a.x, b.x) - 2))
        let last = min(width - 1, Self.floorOfFifth(max(a.x, b.x) - 3))
        guard first <= last else { return }
        let passings = last - first + 1
        guard count + passings <= Self.maximumPassings else {
            throw COCOError(
                "a polygon whose outline crosses more than \(Self.maximumPassings) columns of pixels")
        }
        if columns.count < count + passings {
            let room = repeatElement(0, count: count + passings + 256)
            columns.append(contentsOf: room.lazy.map { Int32($0) })
            positions.append(contentsOf: room.lazy.map { UInt32($0) })
        }
        let (height, from) = (height, count)
        columns.withUnsafeMutableBufferPointer { columns in
            positions.withUnsafeMutableBufferPointer { positions in
                var place = from
                func add(_ column: Int, fineRow: Int) {
                    let row = max(0, min(height, Self.ceilingOfFifth(fineRow - 2)))
                    columns[place] = Int32(truncatingIfNeeded: column)
                    positions[place] = UInt32(truncatingIfNeeded: column * height + row)
                    place += 1
                }
                if isFlat {
                    let slope = Double(end.y - start.y) / Double(dx)
                    for column in first...last {
                        let step = 5 * column + 2 - start.x
                        let y0 = Int(Double(start.y) + slope * Double(step) + 0.5)
                        let y1 = Int(Double(start.y) + slope * Double(step + 1) + 0.5)
                        add(column, fineRow: min(y0, y1))
                    }
                } else {
                    let slope = Double(end.x - start.x) / Double(dy)
                    for column in first...last {
                        // The first step of the walk on the other side of the middle; the division may be off by
                        // rounding, so the walk's own formula decides.
                        let target = 5 * column + 2
                        func isBeyond(_ step: Int) -> Bool {
                            let x = Int(Double(start.x) + slope * Double(step) + 0.5)
                            return slope > 0 ? x > target : x <= target
                        }
                        let guess = (Double(target) + 0.5 - Double(start.x)) / slope
                        var step = max(1, min(dy, Int(guess)))
                        while step < dy, !isBeyond(step) { step += 1 }
                        while step > 1, isBeyond(step - 1) { step -= 1 }
                        add(column, fineRow: start.y + step - 1)
                    }
                }
            }
        }
        count += passings
    }

    private static func floorOfFifth(_ value: Int) -> Int { value >= 0 ? value / 5 : -((4 - value) / 5) }
    private static func ceilingOfFifth(_ value: Int) -> Int { -floorOfFifth(-value) }

    /// Sorts the crossings: by a counting sort over columns, then within each column, which mostly has two.
    private static func sortByColumn(
        _ columns: [Int32], _ positions: [UInt32], count: Int, starts: inout [Int32],
        into sorted: inout [UInt32]
    ) {
        sorted.removeAll(keepingCapacity: true)
        guard let least = columns[..<count].min(), let greatest = columns[..<count].max() else { return }
        let columnCount = Int(greatest - least) + 1
        starts.removeAll(keepingCapacity: true)
        starts.append(contentsOf: repeatElement(0, count: columnCount + 1))
        sorted.append(contentsOf: repeatElement(0, count: count))
        let (columns, positions) = (columns.span, positions.span)
        starts.withUnsafeMutableBufferPointer { starts in
            sorted.withUnsafeMutableBufferPointer { sorted in
                for index in 0..<count { starts[Int(columns[index] - least) + 1] += 1 }
                for index in 1..<columnCount { starts[index + 1] += starts[index] }
                for index in 0..<count {
                    let column = Int(columns[index] - least)
                    sorted[Int(starts[column])] = positions[index]
                    starts[column] += 1
                }
                // The starts have become the ends.
                var start = 0
                for column in 0..<columnCount {
                    let end = Int(starts[column])
                    if end - start == 2 {
                        if sorted[start] > sorted[start + 1] { sorted.swapAt(start, start + 1) }
                    } else if end - start > 2 {
                        sorted[start..<end].sort()
                    }
                    start = end
                }
            }
        }
    }
}

extension RunLengthMask {
    /// Creates the union of polygons, each rasterized separately, exactly as pycocotools does.
    ///
    /// - Parameters:
    ///   - height: The height of the mask in pixels.
    ///   - width: The width of the mask in pixels.
    ///   - polygons: Rings `x0, y0, x1, y1, ...` in pixels; the last point joins the first. Rings that cross themselves
    ///     are filled by the even-odd rule.
    /// - Throws: ``COCOError`` for a coordinate that is not finite, or a mask of 2^32 pixels or more.
    public init(height: Int, width: Int, polygons: [[Double]]) throws {
        let total = try Self.pixelCount(height: height, width: width)
        var rasterizer = PolygonRasterizer(height: height, width: width)
        var counts: [UInt32] = [total]
        var ringCounts: [UInt32] = []
        for (index, ring) in polygons.enumerated() {
            try rasterizer.rasterize(ring.span, into: &ringCounts)
            counts = index == 0 ? ringCounts : RunLength.combine(counts, ringCounts, union: true)
        }
        self.init(height: height, width: width, canonical: counts)
    }

    /// Creates the mask of a box, rasterized as the polygon of its corners.
    ///
    /// - Throws: ``COCOError``; see ``init(height:width:polygons:)``.
    public init(height: Int, width: Int, box: BoundingBox) throws {
        let (right, bottom) = (box.x + box.width, box.y + box.height)
        try self.init(
            height: height, width: width,
            polygons: [[box.x, box.y, box.x, bottom, right, bottom, right, box.y]])
    }
}
