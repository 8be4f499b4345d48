/// A mask's area and box, to compare with the stated ones.
struct MaskShape {
    /// The number of pixels.
    let area: Double

    /// The area inside the outline of polygons, regardless of pixels; equal to ``area`` for run lengths.
    let outlineArea: Double

    /// The box around the outline of polygons, or around the pixels of run lengths.
    let box: BoundingBox

    init(_ mask: RunLengthMask, _ segmentation: Segmentation) {
        area = Double(mask.area)
        guard case .polygons(let rings) = segmentation else {
            (outlineArea, box) = (area, mask.box)
            return
        }
        outlineArea = rings.reduce(0) { $0 + Self.area(of: $1) }
        box = BoundingBox(around: rings) ?? mask.box
    }

    /// The area inside a ring, by the shoelace formula.
    private static func area(of ring: [Double]) -> Double {
        let points = ring.count / 2
        var twice = 0.0
        for point in 0..<points {
            let next = (point + 1) % points
            twice += ring[2 * point] * ring[2 * next + 1] - ring[2 * next] * ring[2 * point + 1]
        }
        return twice.magnitude / 2
    }

    /// Whether a stated area approximately matches the area of the pixels or of the outline.
    func agrees(area stated: Double) -> Bool {
        // Both ways of counting are in use; they differ by about half the length of the outline. NaN never matches.
        (stated - area).magnitude <= 1 + 0.05 * area
            || (stated - outlineArea).magnitude <= 1 + 0.01 * outlineArea
    }

    /// Whether a stated box matches the mask's, within two pixels and a hundredth of its extent. Both are clipped to
    /// the image first, because some tools clip boxes but not masks.
    func agrees(box stated: BoundingBox, in size: (width: Double, height: Double)?) -> Bool {
        let (own, stated) = (box.clipped(to: size), stated.clipped(to: size))
        let across = 2 + 0.01 * max(own.width, stated.width)
        let down = 2 + 0.01 * max(own.height, stated.height)
        return (own.x - stated.x).magnitude <= across
            && (own.x + own.width - stated.x - stated.width).magnitude <= across
            && (own.y - stated.y).magnitude <= down
            && (own.y + own.height - stated.y - stated.height).magnitude <= down
    }
}
