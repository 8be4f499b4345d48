import COCO
import Support

/// Outlines as the data of SVG's paths, with as few points as a drawing needs.
enum OutlinePath {
    /// The path of a segmentation in pixels of its image; nil without a segmentation, and for one without an outline.
    /// - Throws: `COCOError` for run lengths that cannot be decoded.
    static func text(_ segmentation: Segmentation?, height: Int, width: Int) throws -> String? {
        let rings: [[Double]]
        switch segmentation {
        case nil: return nil
        case .polygons(let own)?: rings = own
        case let runs?:
            rings = try RunLengthMask(runs, height: height, width: width).contours()
        }
        // A thousandth of the picture is not seen, nor are the steps of pixels.
        let tolerance = max(0.6, Double(max(height, width)) / 1000)
        var text = TextBuffer()
        for ring in rings where ring.count >= 6 && ring.allSatisfy(\.isFinite) {
            text.raw("M")
            text.list(kept(ring, tolerance), separator: " ") { text, point in
                text.number((ring[2 * point] * 10).rounded() / 10)
                text.raw(" ")
                text.number((ring[2 * point + 1] * 10).rounded() / 10)
            }
            text.raw("Z")
        }
        return text.count == 0 ? nil : text.text
    }

    /// The points of a closed ring without which its outline would move by more than `tolerance` (Douglas and Peucker,
    /// Cartographica 1973).
    private static func kept(_ ring: [Double], _ tolerance: Double) -> [Int] {
        let count = ring.count / 2
        func distanceSquared(_ point: Int, _ a: Int, _ b: Int) -> Double {
            let (x, y) = (ring[2 * point] - ring[2 * a], ring[2 * point + 1] - ring[2 * a + 1])
            let (dx, dy) = (ring[2 * b] - ring[2 * a], ring[2 * b + 1] - ring[2 * a + 1])
            let length = dx * dx + dy * dy
            let place = length > 0 ? min(max((x * dx + y * dy) / length, 0), 1) : 0
            let (u, v) = (x - place * dx, y - place * dy)
            return u * u + v * v
        }
        // Two open lines: from the first point to the farthest one, and back.
        var (far, greatest) = (0, 0.0)
        for point in 1..<count where distanceSquared(point, 0, 0) > greatest {
            (far, greatest) = (point, distanceSquared(point, 0, 0))
        }
        guard far > 0 else { return [0] }
        var isKept = [Bool](repeating: false, count: count)
        isKept[0] = true
        isKept[far] = true
        var open = [(0, far), (far, count)]
        while let (start, end) = open.popLast() {
            var (worst, place) = (tolerance * tolerance, -1)
            for point in start + 1..<end {
                let distance = distanceSquared(point, start, end % count)
                if distance > worst { (worst, place) = (distance, point) }
            }
            guard place >= 0 else { continue }
            isKept[place] = true
            open.append((start, place))
            open.append((place, end))
        }
        return isKept.indices.filter { isKept[$0] }
    }
}
