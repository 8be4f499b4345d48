import RegionDetection
import Testing

@Suite struct BoxesTests {
    @Test func areasClippingAndOverlaps() throws {
        let boxes = try Boxes([
            [0, 0, 10, 10], [5, 5, 15, 15], [-5, 2, 30, 4], [3, 3, 3, 9], [8, 8, 2, 2],
        ])
        #expect(try boxes.areas().array(of: Float.self) == [100, 100, 70, 0, 36])
        let clipped = try boxes.clipped(to: Size2D(8, 12))
        #expect(
            try clipped.tensor.array(of: Float.self) == [
                0, 0, 10, 8, 5, 5, 12, 8, 0, 2, 12, 4, 3, 3, 3, 8, 8, 8, 2, 2,
            ])
        let toPixel = try boxes.clipped(to: Size2D(8, 12), border: .lastPixel)
        #expect(try toPixel.tensor[1].array(of: Float.self) == [5, 5, 11, 7])
        #expect(try boxes.areNonEmpty().array(of: Bool.self) == [true, true, true, false, false])

        let overlap = try boxes.intersectionOverUnion(with: boxes).array(of: Float.self)
        #expect(overlap[0] == 1 && overlap[1] == 25.0 / 175)
        // No area, no overlap, not even with itself; NaN nowhere.
        #expect(overlap[3 * 5 + 3] == 0 && overlap.allSatisfy { !$0.isNaN })
        let share = try boxes.intersectionOverArea(with: Boxes([[0, 0, 10, 5]])).array(of: Float.self)
        #expect(share[0] == 0.5 && share[3] == 0)
        let hull = try Boxes([[0, 0, 1, 1]]).hulls(with: Boxes([[4, -2, 5, 0]]))
        #expect(try hull.tensor.array(of: Float.self) == [0, -2, 5, 1])
    }

    @Test func shapesAreChecked() throws {
        #expect(throws: DetectionError.self) { try Boxes(Tensor.zeros([3, 5])) }
        #expect(throws: DetectionError.self) { try Boxes([[1, 2, 3]]) }
        #expect(try Boxes.none().intersectionOverUnion(with: Boxes([[0, 0, 1, 1]])).shape == [0, 1])
        #expect(try Boxes.cat([]).count == 0)
    }

    @Test func infiniteAndUndefinedNumbersAreTold() throws {
        let boxes = try Boxes([[0, 0, 1, 1], [0, .nan, 1, 1], [0, 0, .infinity, 1]])
        #expect(try boxes.areFinite().array(of: Bool.self) == [true, false, false])
        #expect(try boxes.areNonEmpty().array(of: Bool.self) == [true, false, true])
    }
}

@Suite struct BoxCoderTests {
    @Test(arguments: [BoxCoder.Extent.continuous, .inclusive])
    func decodingUndoesEncoding(_ extent: BoxCoder.Extent) throws {
        let random = try RandomBoxes(seed: 3)
        let (sources, targets) = try (
            random.boxes(50, height: 300, width: 400, side: 90),
            random.boxes(50, height: 300, width: 400, side: 90)
        )
        for weights in [[1.0, 1, 1, 1], [10, 10, 5, 5]] {
            let coder = try BoxCoder(weights: weights, extent: extent)
            let back = try coder.boxes(coder.encode(targets, from: sources), from: sources)
            #expect(try back.tensor.allClose(to: targets.tensor, relative: 1e-4, absolute: 1e-2))
        }
    }

    @Test func growthIsLimited() throws {
        let source = try Boxes([[0, 0, 10, 10]])
        let grown = try BoxCoder().boxes(Tensor([[0, 0, 1000, 1000]] as [[Float]]), from: source)
        let width = try (grown.tensor[0, 2] - grown.tensor[0, 0]).number()
        #expect(abs(width - 625) < 0.1)
    }

    @Test func boxesWithoutAreaGiveFiniteDeltas() throws {
        let sources = try Boxes([[5, 5, 5, 5], [0, 0, 10, 10], [9, 9, 3, 3]])
        let targets = try Boxes([[0, 0, 10, 10], [4, 4, 4, 4], [0, 0, 4, 4]])
        for extent in [BoxCoder.Extent.continuous, .inclusive] {
            let deltas = try BoxCoder(extent: extent).encode(targets, from: sources)
            #expect(try deltas.isFinite().all().number() != 0)
        }
    }

    @Test func argumentsAreChecked() throws {
        #expect(throws: DetectionError.self) { try BoxCoder(weights: [1, 1, 1]) }
        #expect(throws: DetectionError.self) { try BoxCoder(weights: [1, 1, 0, 1]) }
        #expect(throws: DetectionError.self) {
            try BoxCoder().decode(Tensor.zeros([2, 4]), from: Boxes([[0, 0, 1, 1]]))
        }
        #expect(try BoxCoder().decode(Tensor.zeros([0, 8]), from: .none()).shape == [0, 8])
    }
}

@Suite struct AnchorGeneratorTests {
    @Test func countAndPlaces() throws {
        for generator in [AnchorGenerator.detectron2(), .published()] {
            let grids = generator.strides.map { Size2D(1024 / Int($0)) }
            #expect(try generator(grids: grids).reduce(0) { $0 + $1.count } == 261_888)
        }
        let first = try AnchorGenerator.published()(grids: [3, 2, 1, 1, 1].map { Size2D($0, 2 * $0) })[0]
        // The second cell of the second row: the first anchor is a square of 32 pixels.
        #expect(try first.tensor[3 * (6 + 1)].array(of: Float.self) == [-10, -10, 22, 22])
    }

    @Test func levelsMustAgree() throws {
        #expect(throws: DetectionError.self) {
            try AnchorGenerator(sizes: [[8], [8, 16]], strides: [4, 8])
        }
        #expect(throws: DetectionError.self) { try AnchorGenerator(sizes: [[8]], strides: [4, 8]) }
        #expect(throws: DetectionError.self) { try AnchorGenerator.detectron2()(grids: [1]) }
    }
}
