import RegionDetection
import Testing

@Suite struct MaskTargetsTests {
    @Test func aRectangleFillsItsBox() throws {
        let polygon: [[Double]] = [[10, 20, 30, 20, 30, 60, 10, 60]]
        let boxes = try Boxes([[10, 20, 30, 60], [0, 20, 20, 60], [100, 100, 120, 120]])
        let targets = try MaskTargets.polygons([polygon, polygon, polygon], boxes: boxes, side: 8)
        #expect(try targets.to(.int64).sum([1, 2]).array(of: Int.self) == [64, 32, 0])
        #expect(try targets[1, TensorIndex.all, 0..<4].any().number() == 0)
    }

    @Test func bitmapsAndPolygonsAgreeOnWholePixels() throws {
        let mask = try Tensor.zeros([1, 40, 50], dtype: .bool)
        try mask.set(0, 8..<24, 4..<20, to: true)
        let boxes = try Boxes([[4, 8, 20, 24], [-4, 0, 28, 32]])
        let bitmaps = try MaskTargets.bitmaps(mask, index: [0, 0], boxes: boxes, side: 16)
        let square: [[Double]] = [[4, 8, 20, 8, 20, 24, 4, 24]]
        let polygons = try MaskTargets.polygons([square, square], boxes: boxes, side: 16)
        #expect(try bitmaps[0].all().number() == 1)
        #expect(try bitmaps.isEqual(to: polygons))
    }

    @Test func ringsAreUnited() throws {
        let rings: [[Double]] = [[0, 0, 4, 0, 4, 4, 0, 4], [2, 2, 8, 2, 8, 8, 2, 8]]
        let target = try MaskTargets.polygons([rings], boxes: Boxes([[0, 0, 8, 8]]), side: 8)
        #expect(try target.to(.int64).sum().number() == 16 + 36 - 4)
    }

    @Test func hugeCoordinatesEndSoon() throws {
        let huge: [[Double]] = [[-1e300, -1e300, 1e300, -1e300, 1e300, 1e300, -1e300, 1e300]]
        let target = try MaskTargets.polygons([huge], boxes: Boxes([[0, 0, 8, 8]]), side: 8)
        #expect(try target.all().number() == 1)
        let thin = try MaskTargets.polygons([huge], boxes: Boxes([[3, 3, 3, 3]]), side: 28)
        #expect(thin.shape == [1, 28, 28])
    }

    @Test func regionsWithoutAreaAndOutside() throws {
        let masks = try Tensor.ones([2, 6, 6], dtype: .uint8)
        let boxes = try Boxes([[2, 2, 2, 2], [50, 50, 60, 60], [5, 5, 1, 1]])
        let averages = try MaskTargets.bitmapAverages(masks, index: [0, 1, 1], boxes: boxes, side: 4)
        #expect(try averages.isFinite().all().number() == 1)
        #expect(try averages[1].sum().number() == 0)
        let soft = try MaskTargets.boxBitmaps(
            masks, maskBoxes: Boxes([[0, 0, 10, 10], [4, 4, 4, 4]]), index: [0, 1],
            boxes: Boxes([[0, 0, 10, 10], [0, 0, 9, 9]]),
            side: 4)
        // Without a half-pixel shift the last sample lies between the last pixel and the zeros behind it.
        #expect(try soft[0, 0].allClose(to: Tensor([1, 1, 1, 0.75] as [Float])))
        #expect(try soft.isFinite().all().number() == 1)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let box = try Boxes([[0, 0, 4, 4]])
        for ring in [[0.0, 0, 1, 1], [0, 0, 1, 1, 2], [0, 0, 1, .nan, 2, 2]] {
            #expect(throws: DetectionError.self) { try MaskTargets.polygons([[ring]], boxes: box, side: 4) }
        }
        #expect(throws: DetectionError.self) { try MaskTargets.polygons([], boxes: box, side: 4) }
        #expect(throws: DetectionError.self) { try MaskTargets.polygons([[]], boxes: box, side: 0) }
        let masks = try Tensor.ones([1, 4, 4], dtype: .bool)
        #expect(throws: DetectionError.self) {
            try MaskTargets.bitmaps(masks, index: [1], boxes: box, side: 4)
        }
        #expect(throws: DetectionError.self) {
            try MaskTargets.bitmaps(masks.to(.float32), index: [0], boxes: box, side: 4)
        }
        let empty = try MaskTargets.bitmaps(masks, index: [], boxes: .none(), side: 4)
        #expect(empty.shape == [0, 4, 4])
    }
}

@Suite(.serialized) struct MaskPasterTests {
    @Test func aFullMaskGivesTheBox() throws {
        let paster = try MaskPaster(size: Size2D(20, 30))
        let pasted = try paster(
            Tensor.ones([2, 1, 7, 7]), boxes: Boxes([[4, 5, 18, 12], [-10, -10, 5, 5]]))
        let wanted = try Tensor.zeros([2, 20, 30], dtype: .bool)
        try wanted.set(0, 5..<12, 4..<18, to: true)
        try wanted.set(1, 0..<5, 0..<5, to: true)
        #expect(try pasted.isEqual(to: wanted))
    }

    @Test func anEdgeIsStraightAndAtTheRightPixel() throws {
        let mask = try Tensor.zeros([1, 28, 28])
        try mask.set(0, TensorIndex.all, 14..<28, to: 1)
        let pasted = try MaskPaster(size: Size2D(60, 60))(mask, boxes: Boxes([[2, 3, 58, 59]]))
        let row: [Bool] = try pasted[0, 30].array()
        #expect(row == (0..<60).map { $0 >= 30 && $0 < 58 })
        let columns = try pasted[0, 3..<59].to(.int64).sum(0).array(of: Int.self)
        #expect(Set(columns) == [0, 56])
    }

    @Test func boxesWithoutAreaLeaveNothing() throws {
        let boxes = try Boxes([
            [5, 5, 5, 9], [9, 9, 4, 4], [100, 100, 120, 120], [-1e30, -1e30, -1e29, -1e29],
        ])
        let pasted = try MaskPaster(size: Size2D(20, 20))(Tensor.ones([4, 7, 7]), boxes: boxes)
        #expect(try pasted.any().number() == 0)
        #expect(
            try MaskPaster(size: Size2D(20, 20))(Tensor.ones([0, 7, 7]), boxes: .none()).shape == [0, 20, 20])
        let all = try MaskPaster(size: Size2D(20, 20))(
            Tensor.ones([1, 7, 7]), boxes: Boxes([[-1e30, -1e30, 1e30, 1e30]]))
        #expect(try all.all().number() == 1)
    }

    /// By hand: the box of 28 pixels grows to 30, from 5 to 35, and the pixel 35 belongs to it: 31 pixels for 30 cells,
    /// whose first is the border. Pixel 6 lies at 0.95 cells, pixel 5 + 15 in the middle; values equal to the threshold
    /// are outside.
    @Test func wholePixelsHaveABorderAndTheLastPixel() throws {
        let paster = try MaskPaster(size: Size2D(40, 40), placement: .wholePixels)
        let mask = try Tensor.ones([1, 28, 28])
        let boxes = try Boxes([[6, 6, 34, 34]])
        let line: [Float] = try paster.values(mask, boxes: boxes)[0, 20].array()
        for (pixel, value) in [(4, 0), (5, 0), (6, 0.951_613), (7, 1), (33, 1), (34, 0.951_613), (35, 0)] {
            #expect(abs(line[pixel] - Float(value)) < 1e-5, "pixel \(pixel)")
        }
        #expect(try paster(mask, boxes: boxes).to(.int64).sum().number() == 29 * 29)
        #expect(try paster(mask * 0.5, boxes: boxes).any().number() == 0)
        let exact = try MaskPaster(size: Size2D(40, 40))
        #expect(try exact(mask * 0.5, boxes: boxes).any().number() == 1)
    }

    /// As the published code has it, a box without area still has a pixel; an inverted one has none, and far away boxes
    /// do not overflow.
    @Test func wholePixelsOfUnusualBoxes() throws {
        let boxes = try Boxes([
            [5, 5, 5, 5], [9, 9, 4, 4], [-1e30, -1e30, 1e30, 1e30], [1e30, 1e30, 2e30, 2e30],
        ])
        let pasted = try MaskPaster(size: Size2D(20, 20), placement: .wholePixels)(
            Tensor.ones([4, 7, 7]), boxes: boxes)
        #expect(try pasted.to(.int64).sum([1, 2]).array(of: Int.self) == [1, 0, 400, 0])
    }

    @Test func whatDoesNotFitIsRefused() throws {
        #expect(throws: DetectionError.self) { try MaskPaster(size: Size2D(20, 20), threshold: 0) }
        #expect(throws: DetectionError.self) { try MaskPaster(size: Size2D(0, 20)) }
        let paster = try MaskPaster(size: Size2D(20, 20))
        #expect(throws: DetectionError.self) {
            try paster(Tensor.ones([2, 7, 7]), boxes: Boxes([[0, 0, 1, 1]]))
        }
        #expect(throws: DetectionError.self) {
            try paster(Tensor.ones([1, 7, 6]), boxes: Boxes([[0, 0, 1, 1]]))
        }
        #expect(throws: DetectionError.self) {
            try paster(Tensor.ones([1, 7, 7]), boxes: Boxes([[0, 0, .nan, 1]]))
        }
    }
}

/// A mask that is pasted where it lies has the pixels of one that is pasted into the whole image.
@Suite struct MaskCropTests {
    @Test(arguments: MaskPaster.Placement.allCases) func cropsAreTheWholeMask(
        _ placement: MaskPaster.Placement
    ) throws {
        var random = Sequence64()
        let size = Size2D(37, 53)
        let paster = try MaskPaster(size: size, threshold: 0.4, placement: placement)
        for _ in 0..<200 {
            let side = Int.random(in: 1...14, using: &random)
            let values = (0..<side * side).map { _ in Float.random(in: 0...1, using: &random) }
            let corner = (
                Float.random(in: -20...60, using: &random), Float.random(in: -20...45, using: &random)
            )
            let box = [
                corner.0, corner.1, corner.0 + Float.random(in: -1...60, using: &random),
                corner.1 + Float.random(in: -1...60, using: &random),
            ]
            let whole = try paster(Tensor(values, shape: [1, side, side]), boxes: Boxes([box]))
                .to(.uint8).array(of: UInt8.self)
            let crop = try paster.crop(values, side: side, box: box)
            var pixels = [UInt8](repeating: 0, count: size.height * size.width)
            for (row, y) in crop.rows.enumerated() {
                for (column, x) in crop.columns.enumerated() {
                    pixels[y * size.width + x] = crop.pixels[row * crop.columns.count + column]
                }
            }
            #expect(pixels == whole, "\(box)")
            // A part of the rows.
            let rows = Int.random(in: -2...20, using: &random)..<Int.random(in: 20...40, using: &random)
            let part = try paster.crop(values, side: side, box: box, rows: rows)
            let inside = crop.rows.clamped(to: rows)
            #expect(part.rows == (inside.isEmpty || crop.columns.isEmpty ? 0..<0 : inside), "\(box)")
            let skipped = max(0, inside.lowerBound - crop.rows.lowerBound) * crop.columns.count
            #expect(part.pixels == Array(crop.pixels.dropFirst(skipped).prefix(part.pixels.count)))
        }
    }

    @Test func wrongMasksAreRefused() throws {
        let paster = try MaskPaster(size: Size2D(20, 20))
        #expect(throws: DetectionError.self) { try paster.crop([1, 2, 3], side: 2, box: [0, 0, 4, 4]) }
        #expect(throws: DetectionError.self) { try paster.crop([1], side: 1, box: [0, 0, .nan, 4]) }
        #expect(try paster.crop([1], side: 1, box: [30, 30, 40, 40]).pixels.isEmpty)
    }
}

/// A fixed sequence of numbers (Knuth's linear congruential generator).
private struct Sequence64: RandomNumberGenerator {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 31
    }
}
