import Testing

@testable import Imaging

@Suite struct ImageTests {
    @Test func wrongNumbersOfBytesAreErrors() {
        #expect(throws: ImagingError.self) { try Image(width: 2, height: 2, pixels: [0, 0, 0]) }
        #expect(throws: ImagingError.self) { try Image(width: 0, height: 2, pixels: []) }
        #expect(throws: ImagingError.self) { try Image(width: -1, height: -1, pixels: [1, 2, 3]) }
        #expect(throws: ImagingError.self) { try Image(width: .max, height: .max) }
        #expect(throws: ImagingError.self) { try Mask(width: 2, height: 2, bytes: [1]) }
    }

    @Test func turningGivesTheCornersThatEXIFDefines() throws {
        // The stored corners as EXIF 2.32 names them: row 0 is the upright picture's `rows`, column 0 its
        // `columns`.
        let stored = try patternImage(width: 3, height: 2)
        let (topLeft, topRight) = (stored[0, 0], stored[2, 0])
        let (bottomLeft, bottomRight) = (stored[0, 1], stored[2, 1])
        let uprightTopLeft: [EXIFOrientation: Color] = [
            .up: topLeft, .upMirrored: topRight, .down: bottomRight, .downMirrored: bottomLeft,
            .leftMirrored: topLeft, .right: bottomLeft, .rightMirrored: bottomRight, .left: topRight,
        ]
        let uprightTopRight: [EXIFOrientation: Color] = [
            .up: topRight, .upMirrored: topLeft, .down: bottomLeft, .downMirrored: bottomRight,
            .leftMirrored: bottomLeft, .right: topLeft, .rightMirrored: topRight, .left: bottomRight,
        ]
        for orientation in EXIFOrientation.allCases {
            let upright = stored.upright(from: orientation)
            #expect(upright.size == (orientation.swapsAxes ? stored.size.transposed : stored.size))
            #expect(upright[0, 0] == uprightTopLeft[orientation], "\(orientation)")
            #expect(upright[upright.width - 1, 0] == uprightTopRight[orientation], "\(orientation)")
        }
    }

    @Test func turningLargerPicturesOnlyMovesPixels() throws {
        let stored = try patternImage(width: 131, height: 70)
        for orientation in EXIFOrientation.allCases {
            let upright = stored.upright(from: orientation)
            let transform = try SpatialTransform.upright(stored.size, from: orientation)
            var wrong = 0
            for y in 0..<stored.height {
                for x in 0..<stored.width {
                    let place = transform.apply(to: Point(x: Double(x) + 0.5, y: Double(y) + 0.5))
                    if upright[Int(place.x), Int(place.y)] != stored[x, y] { wrong += 1 }
                }
            }
            #expect(wrong == 0, "\(orientation)")
        }
    }

    /// Pixels that are put in their places while a picture is decoded make the picture that is turned afterwards.
    @Test(arguments: EXIFOrientation.allCases) func pixelsInTheirOrderAreUpright(
        _ orientation: EXIFOrientation
    ) throws {
        let stored = try patternImage(width: 7, height: 5)
        let upright = stored.upright(from: orientation)
        let order = orientation.order(of: stored.size)
        for y in 0..<stored.height {
            for x in 0..<stored.width {
                let place = order.start + x * order.across + y * order.down
                #expect(
                    Array(upright.pixels[place..<place + 3]) == [
                        stored[x, y].red, stored[x, y].green, stored[x, y].blue,
                    ], "\(x) \(y)")
            }
        }
    }

    @Test func readableForegroundHasEnoughContrast() {
        for value in stride(from: 0, through: 255, by: 5) {
            let color = Color(red: UInt8(value), green: UInt8(255 - value), blue: UInt8(value / 2))
            let (a, b) = (color.luminance + 0.05, color.readableForeground.luminance + 0.05)
            #expect(max(a, b) / min(a, b) >= 4.5)
        }
    }

    @Test func boxesMeet() {
        let (a, b) = (Box(x1: 0, y1: 0, x2: 4, y2: 2), Box(x1: 3, y1: 1, x2: 6, y2: 5))
        #expect(a.union(b) == Box(x1: 0, y1: 0, x2: 6, y2: 5))
        #expect(a.intersection(b) == Box(x1: 3, y1: 1, x2: 4, y2: 2))
        #expect(a.intersection(Box(x1: 5, y1: 0, x2: 6, y2: 1)).width < 0)
    }

    @Test func boundsOfMasks() throws {
        var bytes = [UInt8](repeating: 0, count: 6 * 5)
        #expect(try Mask(width: 6, height: 5, bytes: bytes).bounds == nil)
        for (x, y) in [(2, 1), (4, 3)] { bytes[y * 6 + x] = 1 }
        let bounds = Box(x1: 2, y1: 1, x2: 5, y2: 4)
        #expect(try Mask(width: 6, height: 5, bytes: bytes).bounds == bounds)
        let cropped = try Mask(
            size: ImageSize(width: 6, height: 5), columns: 1..<6, rows: 1..<4,
            crop: (1..<4).flatMap { y in (1..<6).map { bytes[y * 6 + $0] } })
        #expect(cropped.bounds == bounds)
    }
}
