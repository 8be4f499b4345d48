import COCO
import Imaging
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

    /// The clipped ring fills the same pixels as the whole one does inside the picture.
    @Test func filledPixelsAreThoseOfTheWholeRing() throws {
        var random = RandomStream(11)
        for _ in 0..<200 {
            let count = 3 + random.integer(below: 6)
            let ring = (0..<count).map { _ in
                Point(x: random.uniform(-8...26), y: random.uniform(-8...22))
            }
            // A margin around the picture, so that the rasteriser sees the whole ring.
            let whole = try RunLengthMask(
                height: 32, width: 40, polygons: [ring.flatMap { [$0.x + 10, $0.y + 10] }]
            ).pixels()
            let size = ImageSize(width: 18, height: 14)
            let clipped = PolygonClipping.clip(ring, to: size).flatMap { [$0.x + 10, $0.y + 10] }
            let part = try RunLengthMask(height: 32, width: 40, polygons: clipped.isEmpty ? [] : [clipped])
                .pixels()
            var (differences, pixels) = (0, 0)
            for y in 0..<14 {
                for x in 0..<18 {
                    let place = (y + 10) * 40 + x + 10
                    differences += whole[place] == part[place] ? 0 : 1
                    pixels += Int(whole[place])
                }
            }
            // The rasteriser rounds corners to fifths of a pixel, so that new corners may move a pixel or two.
            #expect(differences <= 3, "of \(pixels) pixels")
        }
    }
}
