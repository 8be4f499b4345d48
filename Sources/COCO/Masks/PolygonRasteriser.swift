/// Polygons to run lengths with the reference's result (maskApi.c, rleFrPoly).
///
/// The reference walks the outline on a grid five times finer and takes, wherever the walk passes the middle of
/// a column of pixels, the row below which the polygon begins or ends. Here those passings are computed per
/// column from the same formula instead of walking to them: the work is in proportion to the columns crossed,
/// and a coordinate far outside the image costs nothing.
struct PolygonRasteriser {
    private var height: Int
    private var width: Int
    private var columns: [Int32] = []
    private var positions: [UInt32] = []
    private var sorted: [UInt32] = []
    private var columnStarts: [Int32] = []

    /// More passings than this in one ring are refused: 64 Mi take 512 MiB. No sensible outline comes near.
    private static let maximumPassings = 1 << 26

    /// A rasteriser for masks of a size, whose number of pixels must be below 2^32.
    init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// Changes the size of the masks to come.
    mutating func setSize(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// The runs of a ring `x0, y0, x1, y1, ...` in pixels, in their shortest form, into `counts`.
    ///
    /// - Throws: ``MaskError`` when a coordinate is not finite, or for an absurdly long outline.
    mutating func rasterise(_ ring: Span<Double>, into counts: inout [UInt32]) throws {
        columns.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
        let points = ring.count / 2
        if points > 0, height > 0, width > 0 {
            var last = (x: try Self.fine(ring[2 * points - 2]), y: try Self.fine(ring[2 * points - 1]))
            for point in 0..<points {
                let next = (x: try Self.fine(ring[2 * point]), y: try Self.fine(ring[2 * point + 1]))
                addEdge(from: last, to: next)
                guard positions.count <= Self.maximumPassings else {
                    throw MaskError("a polygon whose outline crosses the image too often")
                }
                last = next
            }
        }
        sortByColumn()
        var before: UInt32 = 0
        let total = UInt32(truncatingIfNeeded: height * width)
        // Two passings at one place undo each other.
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
        guard coordinate.isFinite else { throw MaskError("a polygon with a coordinate that is not finite") }
        // Far beyond any image; keeps the differences exact.
        return Int(max(-0x1p40, min(0x1p40, 5 * coordinate + 0.5)))
    }

    private mutating func addEdge(from a: (x: Int, y: Int), to b: (x: Int, y: Int)) {
        let (dx, dy) = (abs(b.x - a.x), abs(b.y - a.y))
        if dx >= dy {
            guard dx > 0 else { return }
            let (start, end) = a.x <= b.x ? (a, b) : (b, a)
            let slope = Double(end.y - start.y) / Double(dx)
            // The middle of column c lies between the fine columns 5 c + 2 and 5 c + 3.
            let first = max(0, Self.ceilingOfFifth(start.x - 2))
            let last = min(width - 1, Self.floorOfFifth(end.x - 3))
            var column = first
            while column <= last {
                let step = 5 * column + 2 - start.x
                let y0 = Int(Double(start.y) + slope * Double(step) + 0.5)
                let y1 = Int(Double(start.y) + slope * Double(step + 1) + 0.5)
                add(column: column, fineRow: min(y0, y1))
                column += 1
            }
        } else {
            let (start, end) = a.y <= b.y ? (a, b) : (b, a)
            let slope = Double(end.x - start.x) / Double(dy)
            guard slope != 0 else { return }
            let (left, right) = (min(start.x, end.x), max(start.x, end.x))
            let first = max(0, Self.ceilingOfFifth(left - 2))
            let last = min(width - 1, Self.floorOfFifth(right - 3))
            var column = first
            while column <= last {
                // The first step of the walk on the other side of the middle; the division may be off by
                // rounding, so that the walk's own formula decides.
                let target = 5 * column + 2
                func isBeyond(_ step: Int) -> Bool {
                    let x = Int(Double(start.x) + slope * Double(step) + 0.5)
                    return slope > 0 ? x > target : x <= target
                }
                let guess = (Double(target) + 0.5 - Double(start.x)) / slope
                var step = max(1, min(dy, Int(guess)))
                while step < dy, !isBeyond(step) { step += 1 }
                while step > 1, isBeyond(step - 1) { step -= 1 }
                add(column: column, fineRow: start.y + step - 1)
                column += 1
            }
        }
    }

    private static func floorOfFifth(_ value: Int) -> Int { value >= 0 ? value / 5 : -((4 - value) / 5) }
    private static func ceilingOfFifth(_ value: Int) -> Int { -floorOfFifth(-value) }

    @inline(__always)
    private mutating func add(column: Int, fineRow: Int) {
        let row = max(0, min(height, Self.ceilingOfFifth(fineRow - 2)))
        columns.append(Int32(truncatingIfNeeded: column))
        positions.append(UInt32(truncatingIfNeeded: column * height + row))
    }

    /// Sorts the passings: by counting them per column, then within the column, where there are mostly two.
    private mutating func sortByColumn() {
        sorted.removeAll(keepingCapacity: true)
        guard let least = columns.min(), let greatest = columns.max() else { return }
        columnStarts.removeAll(keepingCapacity: true)
        columnStarts.append(contentsOf: repeatElement(0, count: Int(greatest - least) + 2))
        for column in columns { columnStarts[Int(column - least) + 1] += 1 }
        for index in 1..<columnStarts.count { columnStarts[index] += columnStarts[index - 1] }
        sorted.append(contentsOf: repeatElement(0, count: positions.count))
        for (column, position) in zip(columns, positions) {
            let index = Int(column - least)
            sorted[Int(columnStarts[index])] = position
            columnStarts[index] += 1
        }
        // The starts have become the ends.
        var start = 0
        for end in columnStarts.dropLast() {
            let range = start..<Int(end)
            if range.count == 2 {
                if sorted[start] > sorted[start + 1] { sorted.swapAt(start, start + 1) }
            } else if range.count > 2 {
                sorted[range].sort()
            }
            start = Int(end)
        }
    }
}

extension RunLengthMask {
    /// The mask of polygons, rasterised each and united, exactly as pycocotools does it.
    ///
    /// - Parameter polygons: rings `x0, y0, x1, y1, ...` in pixels; the last point joins the first. Rings that
    ///   cross themselves are filled by the even-odd rule.
    /// - Throws: ``MaskError`` for a coordinate that is not finite, or a mask of 2^32 pixels or more.
    public init(height: Int, width: Int, polygons: [[Double]]) throws {
        let total = try Self.pixelCount(height: height, width: width)
        var rasteriser = PolygonRasteriser(height: height, width: width)
        var counts: [UInt32] = [total]
        var ringCounts: [UInt32] = []
        for (index, ring) in polygons.enumerated() {
            try rasteriser.rasterise(ring.span, into: &ringCounts)
            counts = index == 0 ? ringCounts : RunLength.combine(counts, ringCounts, union: true)
        }
        self.init(height: height, width: width, canonical: counts)
    }

    /// The mask of a box, rasterised as the polygon of its corners.
    ///
    /// - Throws: ``MaskError`` as ``init(height:width:polygons:)``.
    public init(height: Int, width: Int, box: Box) throws {
        let (right, bottom) = (box.x + box.width, box.y + box.height)
        try self.init(
            height: height, width: width,
            polygons: [[box.x, box.y, box.x, bottom, right, bottom, right, box.y]])
    }
}
