/// Joins the rings of a mask of several parts into one outline, which is all that a YOLO line can state.
enum RingJoin {
    /// Beyond this many pairs of points the nearest are not looked for.
    private static let maximumPairs = 4_000_000

    /// One ring through all points of `rings`: from part to part along a cut that is walked there and back, and
    /// covers nothing.
    static func joined(_ rings: [[Double]]) -> [Double] {
        guard var result = rings.first else { return [] }
        for ring in rings.dropFirst() {
            let (own, other) = nearest(result, ring)
            // ... own, the whole ring from other to other, own again ...
            let walk = ring[(2 * other)...] + ring[..<(2 * other)] + ring[(2 * other)..<(2 * other + 2)]
            result.insert(contentsOf: walk + result[(2 * own)..<(2 * own + 2)], at: 2 * own + 2)
        }
        return result
    }

    /// The indices of the two points that are nearest to each other.
    private static func nearest(_ a: [Double], _ b: [Double]) -> (Int, Int) {
        guard (a.count / 2) * (b.count / 2) <= maximumPairs else { return (0, 0) }
        var best = (0, 0)
        var least = Double.infinity
        for own in 0..<a.count / 2 {
            for other in 0..<b.count / 2 {
                let (x, y) = (a[2 * own] - b[2 * other], a[2 * own + 1] - b[2 * other + 1])
                let distance = x * x + y * y
                if distance < least { (least, best) = (distance, (own, other)) }
            }
        }
        return best
    }
}
