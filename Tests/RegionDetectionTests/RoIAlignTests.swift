import RegionDetection
import Testing
import TorchFixtures

@Suite(.serialized) struct RoIAlignTests {
    static let samplings: [RegionSampling] = [
        .aligned(ratio: 2), .aligned(ratio: 0), .legacy(ratio: 2), .legacy(ratio: 0), .cellCenters,
    ]

    typealias Pool = ([PyramidLevel], Regions, Size2D, RegionSampling) throws -> Tensor

    static var pools: [Pool] {
        [{ try roiAlign($0, $1, output: $2, sampling: $3) }, roiAlignByOperators, roiAlignBySampler]
    }

    /// Three levels, two images, boxes inside, outside, without area and larger than everything.
    private func request(channels: Int, seed: UInt64, dtype: DType = .float32) throws -> (
        levels: [PyramidLevel], regions: Regions
    ) {
        let random = try RandomBoxes(seed: seed)
        let levels = try [(4, 21, 29), (8, 11, 15), (16, 6, 8)].map { stride, height, width in
            PyramidLevel(
                try random.numbers([2, channels, height, width], from: -1).to(dtype),
                scale: 1 / Double(stride))
        }
        let special = try Boxes([
            [10, 10, 10, 10], [-300, -300, -200, -200], [-50, -40, 400, 300], [70, 70, 20, 20],
            [115.5, 83, 117, 84], [0, 0, 116, 84], [-1e9, -1e9, 1e9, 1e9], [0, 0, 3e38, 3e38],
        ])
        let boxes = try Boxes.cat([special, random.boxes(25, height: 84, width: 116, side: 80)])
        let regions = try Regions(
            boxes: boxes, images: (0..<boxes.count).map { Int64($0 * 7 % 2) },
            levels: (0..<boxes.count).map { Int64($0 % 3) })
        return (levels, regions)
    }

    @Test(arguments: samplings, [1, 3, 64, 70])
    func kernelAndOperatorsAgree(_ sampling: RegionSampling, channels: Int) throws {
        let (levels, regions) = try request(channels: channels, seed: 11)
        let upstream = try RandomBoxes(seed: 1).numbers([regions.boxes.count, channels, 3, 2], from: -1)
        var results: [(output: Tensor, gradients: [Tensor])] = []
        for pool in Self.pools {
            for level in levels {
                try level.features.setGrad(nil)
                try level.features.setRequiresGrad(true)
            }
            let output = try pool(levels, regions, Size2D(3, 2), sampling)
            try output.backward(upstream)
            results.append((output, try levels.map { try #require($0.features.grad) }))
        }
        for level in levels { try level.features.setGrad(nil) }
        let contiguous = try roiAlign(
            levels, regions, output: Size2D(3, 2), sampling: sampling, format: .contiguous)
        #expect(try contiguous.isContiguous() && contiguous.isEqual(to: results[0].output))
        try contiguous.backward(upstream)
        for (level, gradient) in zip(levels, results[0].gradients) {
            #expect(try #require(level.features.grad).isEqual(to: gradient))
        }
        for other in results.dropFirst() {
            #expect(try results[0].output.allClose(to: other.output, relative: 1e-4, absolute: 1e-5))
            for (left, right) in zip(results[0].gradients, other.gradients) {
                #expect(try left.allClose(to: right, relative: 1e-4, absolute: 1e-4))
            }
        }
        #expect(results[0].output.isContiguous(.channelsLast))
    }

    @Test(arguments: samplings) func resultsDoNotDependOnThreads(_ sampling: RegionSampling) throws {
        let (levels, regions) = try request(channels: 130, seed: 12)
        let upstream = try RandomBoxes(seed: 2).numbers([regions.boxes.count, 130, 7, 7], from: -1)
        let results = try [1, 2, 3].map { threads in
            try withThreads(threads) {
                for level in levels {
                    try level.features.setGrad(nil)
                    try level.features.setRequiresGrad(true)
                }
                let output = try roiAlign(levels, regions, output: 7, sampling: sampling)
                try output.backward(upstream)
                return try [output] + levels.map { try #require($0.features.grad) }
            }
        }
        for result in results.dropFirst() {
            #expect(try zip(result, results[0]).allSatisfy { try $0.isEqual(to: $1) })
        }
    }

    @Test(arguments: samplings) func bfloat16SumsInFloat32(_ sampling: RegionSampling) throws {
        let (levels, regions) = try request(channels: 64, seed: 13, dtype: .bfloat16)
        let exact = try levels.map { PyramidLevel(try $0.features.to(.float32), scale: $0.scale) }
        let upstream = try RandomBoxes(seed: 3).numbers([regions.boxes.count, 64, 2, 2], from: -1).to(
            .bfloat16)
        for level in levels + exact { try level.features.setRequiresGrad(true) }
        let half = try roiAlign(levels, regions, output: 2, sampling: sampling)
        let whole = try roiAlign(exact, regions, output: 2, sampling: sampling)
        #expect(try half.dtype == .bfloat16)
        // Only the result is rounded.
        #expect(try half.isEqual(to: whole.to(.bfloat16)))
        try half.backward(upstream)
        try whole.backward(upstream.to(.float32))
        for (left, right) in zip(levels, exact) {
            let (got, wanted) = try (#require(left.features.grad), #require(right.features.grad))
            #expect(try got.isEqual(to: wanted.to(.bfloat16)))
        }
    }

    @Test func aRampGivesTheCentersOfCells() throws {
        // A map whose value is the x coordinate of the pixel's center.
        let ramp = try (Tensor.arange(to: 40, dtype: .float32) + 0.5).expanded([1, 1, 30, 40])
        let regions = try Regions(boxes: Boxes([[8, 6, 22, 20]]), images: [0], levels: [0])
        let pooled = try roiAlign(
            [PyramidLevel(ramp, scale: 1)], regions, output: 7, sampling: .aligned(ratio: 2))
        #expect(try pooled[0, 0, 3].allClose(to: Tensor((0..<7).map { Float(9 + 2 * $0) })))
        // The published crop has no half-pixel shift: its ramp is that of pixel numbers.
        let crop = try roiAlign(
            [PyramidLevel(ramp - 0.5, scale: 1)], regions, output: 7, sampling: .cellCenters)
        #expect(try crop[0, 0, 3].allClose(to: Tensor((0..<7).map { Float(9 + 2 * $0) })))
    }

    @Test func regionsThatAreLargerThanTheMap() throws {
        let ones = try Tensor.ones([1, 2, 5, 5])
        let boxes = try Boxes([[-1e30, -1e30, 1e30, 1e30], [0, 0, 5, 5]])
        let pooled = try roiAlign(
            [PyramidLevel(ones, scale: 1)], Regions(boxes: boxes, images: [0, 0], levels: [0, 0]), output: 2,
            sampling: .aligned(ratio: 0))
        #expect(try pooled[0].sum().number() == 0)
        #expect(try pooled[1].allClose(to: Tensor.ones([2, 2, 2])))
    }

    @Test func noRegions() throws {
        let map = try Tensor.ones([2, 3, 4, 4]).requiringGrad()
        let regions = try Regions(boxes: .none(), images: [], levels: [])
        for pool in Self.pools {
            let pooled = try pool([PyramidLevel(map, scale: 1)], regions, Size2D(7), .aligned(ratio: 2))
            #expect(pooled.shape == [0, 3, 7, 7])
            try pooled.sum().backward()
            #expect(try #require(map.grad).sum().number() == 0)
        }
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let map = try PyramidLevel(Tensor.ones([2, 3, 4, 4]), scale: 1)
        func pool(_ boxes: [[Float]], image: Int64 = 0, level: Int64 = 0, levels: [PyramidLevel]) throws {
            let regions = try Regions(boxes: Boxes(boxes), images: [image], levels: [level])
            _ = try roiAlign(levels, regions, output: 2, sampling: .aligned(ratio: 2))
        }
        #expect { try pool([[0, .nan, 1, 1]], levels: [map]) } throws: {
            "\($0)".contains("box 0 is not finite")
        }
        #expect(throws: DetectionError.self) { try pool([[0, 0, .infinity, 1]], levels: [map]) }
        #expect(throws: DetectionError.self) { try pool([[0, 0, 1, 1]], image: 2, levels: [map]) }
        #expect(throws: DetectionError.self) { try pool([[0, 0, 1, 1]], level: 1, levels: [map]) }
        #expect(throws: DetectionError.self) { try pool([[0, 0, 1, 1]], levels: []) }
        let others = [
            try Tensor.ones([2, 4, 4, 4]), try Tensor.ones([2, 3, 0, 4]),
            try Tensor.ones([2, 3, 4, 4], dtype: .bfloat16),
        ]
        for other in others {
            #expect(throws: DetectionError.self) {
                try pool([[0, 0, 1, 1]], levels: [map, PyramidLevel(other, scale: 0.5)])
            }
        }
        let integers = try PyramidLevel(Tensor.ones([1, 1, 2, 2], dtype: .int64), scale: 1)
        #expect(throws: DetectionError.self) { try pool([[0, 0, 1, 1]], levels: [integers]) }
        #expect(throws: DetectionError.self) {
            try Regions(boxes: Boxes([[0, 0, 1, 1]]), images: [], levels: [])
        }
    }
}

@Suite struct RegionPoolerTests {
    @Test func levelsBySize() throws {
        let sides: [Float] = [1, 111, 112, 224, 448, 896, 2000]
        let boxes = try Boxes(sides.map { [10, 10, 10 + $0, 10 + $0] } + [[5, 5, 5, 9], [9, 9, 3, 3]])
        func pooler(_ strides: [Double]) throws -> RegionPooler {
            try RegionPooler(output: 7, strides: strides, sampling: .cellCenters)
        }
        #expect(try pooler([4, 8, 16, 32, 64]).levels(for: boxes) == [0, 0, 1, 2, 3, 4, 4, 0, 0])
        // detectron2 stops at P5, the crop for region scores has P5 alone.
        #expect(try pooler([4, 8, 16, 32]).levels(for: boxes) == [0, 0, 1, 2, 3, 3, 3, 0, 0])
        #expect(try pooler([32]).levels(for: boxes) == [Int64](repeating: 0, count: 9))
        #expect(throws: DetectionError.self) { try pooler([4, 16]) }
        #expect(throws: DetectionError.self) {
            try pooler([4]).levels(for: Boxes([[0, 0, .nan, 1]]))
        }
    }

    @Test func mapsAndImagesMustFit() throws {
        let pooler = try RegionPooler(output: 2, strides: [4, 8], sampling: .cellCenters)
        let map = try Tensor.ones([1, 2, 8, 8])
        #expect(throws: DetectionError.self) { try pooler([map], boxes: [.none()]) }
        #expect(throws: DetectionError.self) { try pooler([map, map], boxes: [.none(), .none()]) }
        #expect(try pooler([map, map], boxes: [.none()]).shape == [0, 2, 2, 2])
    }
}
