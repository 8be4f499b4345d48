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
