import Support
import Testing

@testable import Imaging

@Suite struct SpatialTransformTests {
    private static func random(_ random: inout SplitMix64, from source: ImageSize) throws -> SpatialTransform
    {
        func side() -> Int { .random(in: 1...90, using: &random) }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return try .resize(source, to: ImageSize(width: side(), height: side()))
        case 1: return try .fitShortestSide(source, to: side(), longestSide: side() + 20)
        case 2: return try .fitLongestSide(source, to: side())
        case 3: return try .fitSquare(source, side: side())
        case 4:
            return try .crop(
                source, x: .random(in: -5...5, using: &random), y: .random(in: -5...5, using: &random),
                width: side(), height: side())
        case 5: return try .horizontalFlip(source)
        case 6: return try .centerCrop(source, to: ImageSize(width: side(), height: side()))
        default: return try .upright(source, from: EXIFOrientation.allCases.randomElement(using: &random)!)
        }
    }

    private func close(_ a: Point, _ b: Point) -> Bool { abs(a.x - b.x) < 1e-8 && abs(a.y - b.y) < 1e-8 }

    @Test(arguments: 0..<200)
    func inversesAndSequences(_ seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        var size = ImageSize(
            width: .random(in: 1...80, using: &random), height: .random(in: 1...80, using: &random))
        let first = size
        var all = try SpatialTransform.identity(size)
        var steps: [SpatialTransform] = []
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let step = try Self.random(&random, from: size)
            all = try all.followed(by: step)
            steps.append(step)
            size = step.target
        }
        #expect(all.source == first)
        #expect(all.target == size)
        for _ in 0..<5 {
            let point = Point(
                x: .random(in: -10...90, using: &random), y: .random(in: -10...90, using: &random))
            let sequence = steps.reduce(point) { $1.apply(to: $0) }
            #expect(close(all.apply(to: point), sequence))
            #expect(close(all.inverse.apply(to: sequence), point))
            let box = Box(x1: point.x, y1: point.y, x2: point.x + 7, y2: point.y + 3)
            let moved = all.apply(to: box)
            #expect(moved.width > 0 && moved.height > 0)
            let back = all.inverse.apply(to: moved)
            #expect(close(Point(x: back.x1, y: back.y1), Point(x: box.x1, y: box.y1)))
            #expect(close(Point(x: back.x2, y: back.y2), Point(x: box.x2, y: box.y2)))
        }
        #expect(all.inverse.inverse.source == all.source)
        let nothing = try all.followed(by: all.inverse)
        #expect(close(nothing.apply(to: Point(x: 3, y: 5)), Point(x: 3, y: 5)))
    }

    @Test func transformsThatDoNotMeetAreErrors() throws {
        let a = try SpatialTransform.fitSquare(ImageSize(width: 4, height: 8), side: 16)
        let b = try SpatialTransform.identity(ImageSize(width: 8, height: 16))
        #expect(throws: ImagingError.self) { try a.followed(by: b) }
        #expect(throws: ImagingError.self) { try b.apply(to: Image(width: 16, height: 8)) }
        #expect(throws: ImagingError.self) { try b.apply(to: Mask(width: 1, height: 1, bytes: [1])) }
        let size = ImageSize(width: 4, height: 4)
        #expect(throws: ImagingError.self) { try SpatialTransform(source: size, target: size, xScale: 0) }
        #expect(throws: ImagingError.self) { try SpatialTransform(source: size, target: size, yOffset: .nan) }
        #expect(throws: ImagingError.self) { try SpatialTransform.fitSquare(size, side: 0) }
        #expect(throws: ImagingError.self) {
            try SpatialTransform.fitLongestSide(ImageSize(width: 0, height: 0), to: 5)
        }
        #expect(throws: ImagingError.self) {
            try SpatialTransform.fitShortestSide(
                ImageSize(width: 1, height: 1_000_000_000), to: 1_000_000_000)
        }
    }

    @Test func fittingGivesDetectron2sSizes() throws {
        // ResizeShortestEdge.get_output_shape of detectron2 for (height, width): 480x640 -> 800x1067,
        // 427x640 at (800, 1333) -> 800x1199, 300x1000 at (800, 1333) -> 400x1333, 640x427 -> 1199x800.
        func size(_ height: Int, _ width: Int) throws -> [Int] {
            let target = try SpatialTransform.fitShortestSide(
                ImageSize(width: width, height: height), to: 800, longestSide: 1333
            ).target
            return [target.height, target.width]
        }
        #expect(try size(480, 640) == [800, 1067])
        #expect(try size(427, 640) == [800, 1199])
        #expect(try size(300, 1000) == [400, 1333])
        #expect(try size(640, 427) == [1199, 800])
        let square = try SpatialTransform.fitSquare(ImageSize(width: 640, height: 427), side: 1024)
        #expect(square.target == ImageSize(width: 1024, height: 1024))
        #expect(square.apply(to: Box(x1: 0, y1: 0, x2: 640, y2: 427)) == Box(x1: 0, y1: 0, x2: 1024, y2: 683))
        let padded = try SpatialTransform.identity(ImageSize(width: 33, height: 64)).padded(toMultipleOf: 32)
        #expect(padded.target == ImageSize(width: 64, height: 64))
    }

    /// A colored rectangle in a stored picture is where its box says after turning, resizing and padding,
    /// for every orientation; the mask and the polygon go with it.
    @Test(arguments: EXIFOrientation.allCases)
    func boxesFollowThePicture(_ orientation: EXIFOrientation) throws {
        let stored = ImageSize(width: 60, height: 40)
        let box = Box(x1: 10, y1: 4, x2: 34, y2: 16)
        var image = try Image(width: 60, height: 40)
        var bytes = [UInt8](repeating: 0, count: 2400)
        for y in 4..<16 {
            for x in 10..<34 {
                image[x, y] = .white
                bytes[y * 60 + x] = 1
            }
        }
        let upright = try SpatialTransform.upright(stored, from: orientation)
        let fitted = try upright.followed(by: .fitSquare(upright.target, side: 120))
        let whole = try fitted.followed(by: .horizontalFlip(fitted.target))
        let result = try whole.apply(to: image, filter: .box)
        let found = bounds(result.width, result.height) { result[$0, $1].green > 127 }
        #expect(found == whole.apply(to: box))
        let mask = try Mask(width: 60, height: 40, bytes: bytes)
        let moved = try whole.apply(to: mask)
        #expect(bounds(moved.width, moved.height) { moved.bytes[$1 * moved.width + $0] != 0 } == found)
        let corners = [Point(x: 10, y: 4), Point(x: 34, y: 4), Point(x: 34, y: 16), Point(x: 10, y: 16)]
        let polygon = whole.apply(to: corners)
        #expect(polygon.map(\.x).min() == found.x1 && polygon.map(\.y).max() == found.y2)
        // The mask comes back whole.
        #expect(try whole.inverse.apply(to: moved) == mask)
        // Turning first and then the rest is the same picture.
        let turned = image.upright(from: orientation)
        let rest = try SpatialTransform.fitSquare(turned.size, side: 120)
        let sequence = try SpatialTransform.horizontalFlip(rest.target).apply(
            to: rest.apply(to: turned, filter: .box))
        #expect(bounds(sequence.width, sequence.height) { sequence[$0, $1].green > 127 } == found)
    }

    private func bounds(_ width: Int, _ height: Int, _ inside: (Int, Int) -> Bool) -> Box {
        var box = Box(x1: .infinity, y1: .infinity, x2: -.infinity, y2: -.infinity)
        for y in 0..<height {
            for x in 0..<width where inside(x, y) {
                box.x1 = min(box.x1, Double(x))
                box.y1 = min(box.y1, Double(y))
                box.x2 = max(box.x2, Double(x + 1))
                box.y2 = max(box.y2, Double(y + 1))
            }
        }
        return box
    }

    @Test func croppingAfterResizingEqualsBoth() throws {
        let image = try patternImage(width: 75, height: 52)
        for filter in ResamplingFilter.allCases {
            let resized = try image.resized(to: ImageSize(width: 40, height: 31), filter: filter)
            let resize = try SpatialTransform.resize(image.size, to: resized.size)
            for (x, y, width, height) in [(3, 4, 20, 15), (-2, -3, 50, 40), (30, 0, 30, 31), (39, 30, 1, 1)] {
                let crop = try SpatialTransform.crop(resized.size, x: x, y: y, width: width, height: height)
                let fill = Color(red: 1, green: 2, blue: 3)
                let atOnce = try resize.followed(by: crop).apply(to: image, filter: filter, fill: fill)
                #expect(try crop.apply(to: resized, filter: filter, fill: fill) == atOnce)
            }
        }
        let huge = try SpatialTransform.resize(image.size, to: ImageSize(width: 2_000_000, height: 2_000_000))
        #expect(throws: ImagingError.self) { try huge.apply(to: image) }
        #expect(throws: ImagingError.self) { try image.resized(to: huge.target) }
        let outside = try SpatialTransform.crop(image.size, x: 500, y: 0, width: 4, height: 4)
        #expect(try outside.apply(to: image, fill: .white) == Image(width: 4, height: 4, filledWith: .white))
    }

    @Test func cropsAndFlipsAreExact() throws {
        let image = try patternImage(width: 30, height: 20)
        let crop = try SpatialTransform.crop(image.size, x: 5, y: 6, width: 10, height: 8).apply(to: image)
        for y in 0..<8 {
            for x in 0..<10 { #expect(crop[x, y] == image[x + 5, y + 6]) }
        }
        let flipped = try SpatialTransform.horizontalFlip(image.size).apply(to: image)
        #expect(flipped[0, 3] == image[29, 3])
        #expect(try SpatialTransform.horizontalFlip(image.size).apply(to: flipped) == image)
        #expect(try SpatialTransform.identity(image.size).apply(to: image) == image)
    }

    // MARK: Order of the axes

    private func pattern(_ width: Int, _ height: Int) throws -> Image {
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<3 {
                    pixels.append(UInt8(truncatingIfNeeded: x * 73 + y * 151 + channel * 199 + x * y * 31))
                }
            }
        }
        return try Image(width: width, height: height, pixels: pixels)
    }

    /// Recorded from Pillow 13, which takes the vertical axis first where the height loses more than twice the pixels
    /// that the width loses.
    @Test("B43: tall pictures are squashed vertically first") func tallPicturesAreSquashedVerticallyFirst()
        throws
    {
        let size = ImageSize(width: 4, height: 4)
        #expect(
            try pattern(5, 19).resized(to: size).pixels == [
                119, 148, 134, 128, 113, 160, 164, 123, 100, 101, 119, 174, 142, 128, 126, 135, 112, 137, 132,
                88,
                91, 166, 93, 71, 126, 117, 117, 131, 129, 128, 95, 81, 187, 119, 162, 159, 115, 112, 150, 135,
                125,
                128, 65, 197, 148, 58, 106, 185,
            ])
        #expect(
            try pattern(5, 6).resized(to: size).pixels == [
                72, 143, 121, 135, 72, 162, 189, 123, 97, 78, 240, 167, 128, 187, 112, 150, 91, 155, 141, 92,
                142,
                100, 111, 179, 131, 107, 165, 74, 148, 196, 148, 156, 87, 119, 44, 211, 176, 142, 165, 175,
                178, 110,
                186, 119, 59, 130, 74, 88,
            ])
    }

    /// Where the rule changes, and that a crop after resizing is still a part of the whole.
    @Test(arguments: [(40, 48, false), (40, 49, true), (20, 33, true), (320, 608, false), (320, 609, true)])
    func theOrderFollowsThePixelsThatAreLost(width: Int, height: Int, isVertical: Bool) throws {
        let image = try pattern(width, height)
        let size = ImageSize(width: 32, height: 32)
        let first = isVertical ? ImageSize(width: width, height: 32) : ImageSize(width: 32, height: height)
        let whole = try image.resized(to: size)
        #expect(try whole == image.resized(to: first).resized(to: size))
        let crop = try SpatialTransform.resize(image.size, to: size).followed(
            by: .crop(size, x: 5, y: 7, width: 20, height: 9))
        let part = try SpatialTransform.crop(size, x: 5, y: 7, width: 20, height: 9).apply(to: whole)
        #expect(try crop.apply(to: image, filter: .bicubic) == part)
    }
}
