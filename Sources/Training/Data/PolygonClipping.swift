import Imaging

/// Clips polygons to a picture.
enum PolygonClipping {
    /// The part of a ring inside a picture, as one ring (Sutherland and Hodgman, 1974); empty if nothing is inside.
    ///
    /// Disconnected parts are joined by pieces of the border that enclose no area.
    static func clip(_ ring: [Point], to size: ImageSize) -> [Point] {
        let (width, height) = (Double(size.width), Double(size.height))
        var points = ring
        points = clip(points, { $0.x }, limit: 0, keepsAbove: true) {
            Point(x: 0, y: $0)
        } across: {
            $0.y
        }
        points = clip(points, { $0.x }, limit: width, keepsAbove: false) {
            Point(x: width, y: $0)
        } across: {
            $0.y
        }
        points = clip(points, { $0.y }, limit: 0, keepsAbove: true) {
            Point(x: $0, y: 0)
        } across: {
            $0.x
        }
        points = clip(points, { $0.y }, limit: height, keepsAbove: false) {
            Point(x: $0, y: height)
        } across: {
            $0.x
        }
        return points.count < 3 ? [] : points
    }

    private static func clip(
        _ points: [Point], _ along: (Point) -> Double, limit: Double, keepsAbove: Bool,
        at border: (Double) -> Point, across: (Point) -> Double
    ) -> [Point] {
        guard var previous = points.last else { return [] }
        func isInside(_ point: Point) -> Bool { keepsAbove ? along(point) >= limit : along(point) <= limit }
        if points.allSatisfy(isInside) { return points }
        var result: [Point] = []
        for point in points {
            if isInside(point) != isInside(previous) {
                let share = (limit - along(previous)) / (along(point) - along(previous))
                result.append(border(across(previous) + share * (across(point) - across(previous))))
            }
            if isInside(point) { result.append(point) }
            previous = point
        }
        return result
    }

    /// The smallest box around the part of a ring inside a picture; nil if nothing is inside.
    ///
    /// Computed from the points that bound that part: corners of the ring inside, crossings of the ring with the
    /// border, and corners of the picture inside the ring. The points of ``clip(_:to:)`` would be wrong: its pieces of
    /// border may extend further.
    static func bounds(_ ring: [Point], in size: ImageSize) -> Box? {
        let (width, height) = (Double(size.width), Double(size.height))
        var box: Box?
        func add(_ point: Point) {
            let old = box ?? Box(x1: point.x, y1: point.y, x2: point.x, y2: point.y)
            box = Box(
                x1: min(old.x1, point.x), y1: min(old.y1, point.y), x2: max(old.x2, point.x),
                y2: max(old.y2, point.y))
        }
        guard var previous = ring.last else { return nil }
        for point in ring {
            if (0...width).contains(point.x), (0...height).contains(point.y) { add(point) }
            for limit in [0, width] where (previous.x < limit) != (point.x < limit) {
                let y = previous.y + (limit - previous.x) / (point.x - previous.x) * (point.y - previous.y)
                if (0...height).contains(y) { add(Point(x: limit, y: y)) }
            }
            for limit in [0, height] where (previous.y < limit) != (point.y < limit) {
                let x = previous.x + (limit - previous.y) / (point.y - previous.y) * (point.x - previous.x)
                if (0...width).contains(x) { add(Point(x: x, y: limit)) }
            }
            previous = point
        }
        for corner in [(0, 0), (width, 0), (0, height), (width, height)] {
            let point = Point(x: corner.0, y: corner.1)
            if contains(ring, point) { add(point) }
        }
        return box
    }

    /// Whether a point is inside a ring, by the even-odd rule.
    static func contains(_ ring: [Point], _ point: Point) -> Bool {
        guard var previous = ring.last else { return false }
        var isInside = false
        for next in ring {
            if (previous.y > point.y) != (next.y > point.y) {
                let x = previous.x + (point.y - previous.y) / (next.y - previous.y) * (next.x - previous.x)
                if x > point.x { isInside.toggle() }
            }
            previous = next
        }
        return isInside
    }

    /// The area enclosed by a ring, in square pixels.
    static func area(_ ring: [Point]) -> Double {
        guard var previous = ring.last else { return 0 }
        var sum = 0.0
        for point in ring {
            sum += previous.x * point.y - point.x * previous.y
            previous = point
        }
        return abs(sum) / 2
    }
}
