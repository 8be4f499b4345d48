extension RunLengthMask {
    /// The outlines of the mask along the edges of its pixels: one ring for every edge-connected part.
    ///
    /// A hole is joined to the outline of its part by a cut that is walked in both directions, since a COCO polygon
    /// cannot express a hole otherwise. ``init(height:width:polygons:)`` restores the mask from the result.
    ///
    /// - Returns: Rings `x0, y0, x1, y1, ...` of whole numbers, in pixels; none for an empty mask.
    /// - Throws: ``COCOError`` if the box around the mask has more than ``maximumPixelCount`` pixels.
    public func polygons() throws -> [[Double]] { try rings(joiningHoles: true) }

    /// The outlines of the parts and of their holes along the edges of the pixels, each a ring of its own: what lies inside of
    /// an odd number of rings is set. For drawings, in which a cut would show.
    ///
    /// - Throws: As ``polygons()``.
    package func contours() throws -> [[Double]] { try rings(joiningHoles: false) }

    private func rings(joiningHoles: Bool) throws -> [[Double]] {
        let bounds = RunLength.bounds(counts.span, height: height)
        guard !bounds.isEmpty else { return [] }
        var tracer = try ContourTracer(self, bounds)
        return tracer.rings(joiningHoles: joiningHoles)
    }
}

/// Follows the edges between set and unset pixels.
private struct ContourTracer {
    /// The directions of an edge: right, down, left, up. The set pixel is on the right of the edge.
    private static let steps = [(x: 1, y: 0), (x: 0, y: 1), (x: -1, y: 0), (x: 0, y: -1)]

    /// The box around the mask with a border of one unset pixel; each value is 0 or the number of the part.
    private var parts: [Int32]
    private let rowLength: Int
    private let rows: Int
    private let left: Int
    private let top: Int
    /// The upper edges that a ring has followed.
    private var passed: [Bool]

    init(_ mask: RunLengthMask, _ bounds: PixelBounds) throws {
        left = Int(bounds.firstColumn)
        top = Int(bounds.firstRow)
        rowLength = Int(bounds.lastColumn) - left + 3
        rows = Int(bounds.lastRow) - top + 3
        guard rowLength * rows <= RunLengthMask.maximumPixelCount else {
            throw COCOError(
                "a mask that spans \(rowLength) x \(rows) pixels is too large to follow its outline")
        }
        var parts = [Int32](repeating: 0, count: rowLength * rows)
        let (left, top, rowLength) = (left, top, rowLength)
        mask.forEachColumnRun { column, rows in
            for row in rows { parts[(row - top + 1) * rowLength + column - left + 1] = -1 }
        }
        self.parts = parts
        passed = [Bool](repeating: false, count: parts.count)
    }

    /// Numbers the pixels that are edge-connected to the one at `start`.
    private mutating func fill(_ start: Int, _ number: Int32) {
        var waiting = [start]
        parts[start] = number
        while let place = waiting.popLast() {
            for neighbor in [place - 1, place + 1, place - rowLength, place + rowLength]
            where parts[neighbor] < 0 {
                parts[neighbor] = number
                waiting.append(neighbor)
            }
        }
    }

    mutating func rings(joiningHoles: Bool) -> [[Double]] {
        var rings: [[Double]] = []
        var holes: [[Double]] = []
        // For every ring, the first corners of its outline and of its holes so far.
        var cuts: [[Double]] = []
        for place in parts.indices where parts[place] != 0 && parts[place - rowLength] == 0 && !passed[place]
        {
            // In row order, the first unvisited upper edge of a part is on its outside; later ones belong to holes.
            if parts[place] < 0 {
                fill(place, Int32(rings.count + 1))
                let outline = follow(place)
                cuts.append(Array(outline[..<2]))
                rings.append(outline)
            } else if parts[place] > 0 {
                let ring = Int(parts[place]) - 1
                let hole = follow(place)
                guard joiningHoles else {
                    holes.append(hole)
                    continue
                }
                // Back to the start of the previous ring, and from there to the hole, which was found soon after.
                rings[ring].append(contentsOf: cuts[ring].suffix(2))
                rings[ring].append(contentsOf: hole)
                cuts[ring].append(contentsOf: hole[..<2])
            }
        }
        for ring in rings.indices where cuts[ring].count > 2 {
            // Back over all cuts: a cut that is walked twice encloses nothing.
            for index in stride(from: cuts[ring].count - 2, to: 0, by: -2) {
                rings[ring].append(contentsOf: cuts[ring][index..<index + 2])
            }
        }
        return rings + holes
    }

    /// The corners of the ring that begins along the upper edge of a pixel.
    private mutating func follow(_ start: Int) -> [Double] {
        var corners: [Double] = []
        var (x, y) = (start % rowLength, start / rowLength)
        var direction = 0
        let number = parts[start]
        repeat {
            // The corner at which the edge begins.
            corners.append(Double(x + left - 1))
            corners.append(Double(y + top - 1))
            repeat {
                if direction == 0 { passed[y * rowLength + x] = true }
                x += Self.steps[direction].x
                y += Self.steps[direction].y
            } while continues(x, y, direction, number)
            // Where two pixels touch only at a corner, the ring stays with the part's own pixel and turns right.
            direction = turnsRight(x, y, direction, number) ? (direction + 1) % 4 : (direction + 3) % 4
        } while !(direction == 0 && y * rowLength + x == start)
        return corners
    }

    /// The pixel to the left (`side` 0) or right (`side` 1) of an edge that leaves the corner (x, y).
    private func ahead(_ x: Int, _ y: Int, _ direction: Int, _ side: Int) -> Int32 {
        let (dx, dy): (Int, Int) =
            switch (direction, side) {
            case (0, 0): (0, -1)
            case (0, _): (0, 0)
            case (1, 0): (0, 0)
            case (1, _): (-1, 0)
            case (2, 0): (-1, 0)
            case (2, _): (-1, -1)
            case (_, 0): (-1, -1)
            default: (0, -1)
            }
        return parts[(y + dy) * rowLength + x + dx]
    }

    private func continues(_ x: Int, _ y: Int, _ direction: Int, _ number: Int32) -> Bool {
        ahead(x, y, direction, 1) == number && ahead(x, y, direction, 0) == 0
    }

    private func turnsRight(_ x: Int, _ y: Int, _ direction: Int, _ number: Int32) -> Bool {
        ahead(x, y, direction, 1) != number
    }
}
