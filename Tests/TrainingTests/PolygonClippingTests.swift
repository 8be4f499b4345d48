import COCO
import Imaging
import Support
import Testing

@testable import Training

@Suite struct PolygonClippingTests {
    private let size = ImageSize(width: 10, height: 8)

    private func points(_ numbers: [Double]) -> [Point] {
        stride(from: 0, to: numbers.count, by: 2).map { Point(x: numbers[$0], y: numbers[$0 + 1]) }
    }

    @Test func whatIsInsideStaysAsItIs() {
        let ring = points([1, 1, 9, 2, 5, 7])
        #expect(PolygonClipping.clip(ring, to: size) == ring)
        #expect(PolygonClipping.bounds(ring, in: size) == Imaging.Box(x1: 1, y1: 1, x2: 9, y2: 7))
    }

    @Test func whatIsOutsideGoes() {
        let ring = points([11, 1, 19, 2, 15, 7])
        #expect(PolygonClipping.clip(ring, to: size).isEmpty)
        #expect(PolygonClipping.bounds(ring, in: size) == nil)
        #expect(PolygonClipping.bounds([], in: size) == nil)
    }

    @Test func aRingAroundThePictureBecomesThePicture() {
        let ring = points([-5, -5, 20, -5, 20, 20, -5, 20])
        #expect(PolygonClipping.area(PolygonClipping.clip(ring, to: size)) == 80)
        #expect(PolygonClipping.bounds(ring, in: size) == Imaging.Box(x1: 0, y1: 0, x2: 10, y2: 8))
    }

    /// A ring that passes around a corner outside of it encloses nothing there: the box must not reach the corner,
    /// although the clipped ring does.
    @Test func aDetourAroundACornerDoesNotWidenTheBox() {
        let ring = points([-4, -4, 6, -4, 6, 2, 5, 2, 5, -3, -3, -3, -3, 5, 2, 5, 2, 6, -4, 6])
        #expect(PolygonClipping.bounds(ring, in: size) == Imaging.Box(x1: 0, y1: 0, x2: 6, y2: 6))
        let part = points([-4, -4, 6, -4, 6, 2, 5, 2, 5, -3, -4, -3])
        #expect(PolygonClipping.bounds(part, in: size) == Imaging.Box(x1: 5, y1: 0, x2: 6, y2: 2))
    }

    /// A point of the picture is inside the clipped ring exactly when it is inside the whole one, and the box holds all
    /// of them. That it is tight is checked by hand above.
    @Test func whatIsInsideOfTheWholeRingStaysInside() {
        var random = RandomStream(11)
        let size = ImageSize(width: 18, height: 14)
        for _ in 0..<200 {
            let count = 3 + random.integer(below: 6)
            let ring = (0..<count).map { _ in
                Point(x: random.uniform(-8...26), y: random.uniform(-8...22))
            }
            let clipped = PolygonClipping.clip(ring, to: size)
            let box = PolygonClipping.bounds(ring, in: size)
            var found: Imaging.Box?
            for y in 0..<28 {
                for x in 0..<36 {
                    // Off the places where corners of the picture or of the grid could lie.
                    let point = Point(x: Double(x) / 2 + 0.0503, y: Double(y) / 2 + 0.0507)
                    let isInside = PolygonClipping.contains(ring, point)
                    #expect(PolygonClipping.contains(clipped, point) == isInside)
                    guard isInside else { continue }
                    let old = found ?? Imaging.Box(x1: point.x, y1: point.y, x2: point.x, y2: point.y)
                    found = Imaging.Box(
                        x1: min(old.x1, point.x), y1: min(old.y1, point.y), x2: max(old.x2, point.x),
                        y2: max(old.y2, point.y))
                }
            }
            guard let found else { continue }
            #expect(box != nil)
            guard let box else { continue }
            #expect(box.x1 <= found.x1 && box.y1 <= found.y1 && box.x2 >= found.x2 && box.y2 >= found.y2)
        }
    }
}
