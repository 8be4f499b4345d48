import COCO
import Foundation

/// The outline of an object as annotation tools state it, in pixels of the upright picture, and what follows from it: the box,
/// the area, and COCO's segmentation.
struct Outline {
    /// The box around it.
    var box: BoundingBox

    /// The area: of a box width times height, of polygons the sum of their rings' areas, of a mask its pixels.
    var area: Double

    /// COCO's segmentation; nil for a plain box.
    var segmentation: Segmentation?

    /// A plain box by two opposite corners in any order.
    init(corner a: (x: Double, y: Double), corner b: (x: Double, y: Double)) {
        box = BoundingBox(
            x: min(a.x, b.x), y: min(a.y, b.y), width: (b.x - a.x).magnitude, height: (b.y - a.y).magnitude)
        area = box.area
    }

    /// A plain box.
    init(box: BoundingBox) {
        self.init(corner: (box.x, box.y), corner: (box.x + box.width, box.y + box.height))
        // As it is stated, to the last digit.
        if box.width >= 0, box.height >= 0 { self.box = box }
    }

    /// Rings `x0, y0, x1, y1, ...`; nil without a ring of three points.
    init?(rings: [[Double]]) {
        let rings = rings.compactMap { ring -> [Double]? in
            var ring = ring
            // A last point that repeats the first closes the ring, which it is anyway.
            if ring.count > 6, ring[0] == ring[ring.count - 2], ring[1] == ring[ring.count - 1] {
                ring.removeLast(2)
            }
            return ring.count >= 6 ? ring : nil
        }
        guard let box = BoundingBox(around: rings) else { return nil }
        self.box = box
        area = rings.reduce(0) { $0 + Self.area(ofRing: $1) }
        segmentation = .polygons(rings)
    }

    /// A box turned clockwise on the screen by `degrees` around a point.
    init(box: BoundingBox, degrees: Double, around center: (x: Double, y: Double)) {
        let plain = Outline(box: box)
        guard degrees.truncatingRemainder(dividingBy: 360) != 0 else {
            self = plain
            return
        }
        let (left, top) = (plain.box.x, plain.box.y)
        let (right, bottom) = (left + plain.box.width, top + plain.box.height)
        var ring: [Double] = []
        for (x, y) in [(left, top), (right, top), (right, bottom), (left, bottom)] {
            let point = Self.turned((x - center.x, y - center.y), degrees)
            ring += [center.x + point.x, center.y + point.y]
        }
        self = Outline(rings: [ring]) ?? plain
        area = plain.area
    }

    /// An ellipse as a polygon, turned clockwise on the screen by `degrees` around its center; nil for a radius of 0.
    init?(ellipseAt center: (x: Double, y: Double), radii: (x: Double, y: Double), degrees: Double = 0) {
        guard radii.x > 0, radii.y > 0 else { return nil }
        let corners = 64
        var ring: [Double] = []
        for corner in 0..<corners {
            let angle = 2 * Double.pi * Double(corner) / Double(corners)
            let point = Self.turned((radii.x * cos(angle), radii.y * sin(angle)), degrees)
            ring += [center.x + point.x, center.y + point.y]
        }
        self.init(rings: [ring])
    }

    /// A mask; nil without a pixel.
    init?(mask: RunLengthMask) {
        area = Double(mask.area)
        guard area > 0 else { return nil }
        box = mask.box
        segmentation = .compressedRunLengths(
            height: mask.height, width: mask.width, counts: mask.compressed)
    }

    /// Several outlines as one object: rings stay rings, and where one is a mask all become one.
    ///
    /// - Parameter size: the size of the picture, for masks.
    init?(uniting parts: [Outline], size: (width: Int, height: Int)) throws {
        guard parts.count > 1 else {
            guard let only = parts.first else { return nil }
            self = only
            return
        }
        var rings: [[Double]] = []
        var masks: [RunLengthMask] = []
        for part in parts {
            switch part.segmentation {
            case nil: rings.append(part.box.corners)
            case .polygons(let own)?: rings += own
            case let segmentation?:
                masks.append(try RunLengthMask(segmentation, height: size.height, width: size.width))
            }
        }
        guard !masks.isEmpty else {
            self.init(rings: rings)
            return
        }
        if !rings.isEmpty {
            masks.append(try RunLengthMask(height: size.height, width: size.width, polygons: rings))
        }
        self.init(mask: try RunLengthMask.union(masks))
    }

    /// The area of a ring by the shoelace formula.
    static func area(ofRing ring: [Double]) -> Double {
        guard var last = ring.count >= 6 ? (ring[ring.count - 2], ring[ring.count - 1]) : nil else {
            return 0
        }
        var sum = 0.0
        for index in 0..<ring.count / 2 {
            let next = (ring[2 * index], ring[2 * index + 1])
            sum += last.0 * next.1 - next.0 * last.1
            last = next
        }
        return sum.magnitude / 2
    }

    /// A vector turned clockwise on the screen, where y points down.
    private static func turned(_ vector: (Double, Double), _ degrees: Double) -> (x: Double, y: Double) {
        guard degrees != 0 else { return vector }
        let angle = degrees * .pi / 180
        return (vector.0 * cos(angle) - vector.1 * sin(angle), vector.0 * sin(angle) + vector.1 * cos(angle))
    }
}

extension BoundingBox {
    /// The corners as a ring, clockwise from the upper left one.
    var corners: [Double] { [x, y, x + width, y, x + width, y + height, x, y + height] }
}

/// The part of a mask inside its box, laid out as pixels.
struct MaskCrop {
    let left: Int
    let top: Int
    let width: Int
    let height: Int

    /// 0 or 1, row by row.
    let pixels: [UInt8]

    init(_ mask: RunLengthMask) {
        let box = mask.box
        let (left, top) = (Int(box.x), Int(box.y))
        let (width, height) = (Int(box.width), Int(box.height))
        var pixels = [UInt8](repeating: 0, count: width * height)
        mask.forEachColumnRun { column, rows in
            for row in rows { pixels[(row - top) * width + column - left] = 1 }
        }
        (self.left, self.top, self.width, self.height, self.pixels) = (left, top, width, height, pixels)
    }
}
