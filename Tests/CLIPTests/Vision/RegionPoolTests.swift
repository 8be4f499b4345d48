import CLIP
import Testing
import Torch

@Suite struct RegionPoolTests {
    /// The share of the border that a box over it reaches for: weights that do not sum to 1.
    private static let boxes: [[Float]] = [
        [0, 0, 320, 256], [-200, -100, 100, 90], [300, 200, 900, 700], [31, 47, 33, 48],
        [100, 100, 100, 100],
        [10.5, 200.25, 250, 230], [150, 20, 160, 250],
    ]

    private func pool(_ store: ParameterStore = ParameterStore()) throws -> (AttentionPool, Tensor) {
        let configuration = ModifiedResNet.Configuration(
            blocks: [1, 1, 1, 1], width: 4, imageSize: 96, heads: 4, embeddingWidth: 20)
        let pool = try AttentionPool(store.root, configuration)
        try store.initialize(seed: 3)
        for parameter in store.parameters where parameter.name.hasSuffix("bias") {
            let generator = try Generator(seed: UInt64(parameter.count))
            try parameter.set(Tensor.randomNormal(parameter.shape, generator: generator))
        }
        let maps = try Tensor.randomNormal([2, 128, 8, 10], generator: Generator(seed: 5))
        return (pool, maps)
    }

    @Test(arguments: [(2, true), (1, false), (0, true), (0, false), (3, true)])
    func equalsCroppingFirst(samplingRatio: Int, isAligned: Bool) throws {
        let (pool, maps) = try pool()
        let images = Self.boxes.indices.map { $0 % 2 }
        let regions = try RegionCropping.roiAlign(
            Tensor(Self.boxes), images: images, mapSize: Size2D(8, 10), gridSize: pool.gridSize,
            samplingRatio: samplingRatio, isAligned: isAligned)
        let expected = try pool(regions.crops(of: maps))
        let got = try pool(maps, regions: regions)
        #expect(try largestDifference(got, expected) < 1e-5)
        #expect(try got.array(of: Float.self).allSatisfy(\.isFinite))
    }

    @Test func noRegions() throws {
        let (pool, maps) = try pool()
        let regions = try RegionCropping.cellCenters(
            Tensor.zeros([0, 4]), mapSize: Size2D(8, 10), gridSize: pool.gridSize)
        #expect(try pool(maps, regions: regions).shape == [0, 20])
        #expect(try regions.crops(of: maps).shape == [0, 128, 3, 3])
    }

    /// A ramp is reproduced at the samples: cell (i, j) of a crop has the value of the ramp at its center.
    @Test func crossingARampGivesTheCenters() throws {
        let ramp =
            try Tensor.arange(to: 8, dtype: .float32).unsqueezed(1)
            + Tensor.arange(to: 10, dtype: .float32) * 100
        let map = try ramp.unsqueezed(0).unsqueezed(0)
        // 64...224 across are cells 2 to 7, 32...128 down are 1 to 4.
        let box = try Tensor([[Float(64), 32, 224, 128]])
        let centers = try RegionCropping.cellCenters(box, mapSize: Size2D(8, 10), gridSize: 2)
        #expect(
            try centers.crops(of: map).array(of: Float.self)
                == [1.75 + 325, 1.75 + 575, 3.25 + 325, 3.25 + 575])
        let aligned = try RegionCropping.roiAlign(box, mapSize: Size2D(8, 10), gridSize: 2)
        let got = try aligned.crops(of: map).array(of: Float.self)
        for (got, expected) in zip(got, [276.25, 526.25, 277.75, 527.75] as [Float]) {
            #expect(abs(got - expected) < 1e-3)
        }
    }

    @Test func wrongUseIsRefused() throws {
        let (pool, maps) = try pool()
        let box = try Tensor([[Float(0), 0, 10, 10]])
        #expect(throws: CLIPError.self) {
            try RegionCropping.roiAlign(
                Tensor([[Float.nan, 0, 1, 1]]), mapSize: Size2D(8, 10), gridSize: 3)
        }
        #expect(throws: CLIPError.self) {
            try RegionCropping.roiAlign(Tensor([Float(1)]), mapSize: Size2D(8, 10), gridSize: 3)
        }
        let other = try RegionCropping.roiAlign(box, mapSize: Size2D(8, 9), gridSize: 3)
        #expect(throws: CLIPError.self) { try pool(maps, regions: other) }
        let grid = try RegionCropping.roiAlign(box, mapSize: Size2D(8, 10), gridSize: 4)
        #expect(throws: CLIPError.self) { try pool(maps, regions: grid) }
        let image = try RegionCropping.roiAlign(box, images: [2], mapSize: Size2D(8, 10), gridSize: 3)
        #expect(throws: CLIPError.self) { try pool(maps, regions: image) }
        #expect(throws: CLIPError.self) { try pool(maps) }
    }

    /// Tokens may change places when their positions go with them.
    @Test func positionsBelongToCells() throws {
        let store = ParameterStore()
        let (pool, maps) = try pool(store)
        let crop = try maps.narrowed(2, start: 0, length: 3).narrowed(3, start: 0, length: 3)
        let before = try pool(crop)
        let positions = try #require(store["positional_embedding"])
        let order = try Tensor([Int64(0), 9, 8, 7, 6, 5, 4, 3, 2, 1])
        try positions.set(positions.value.indexSelected(0, order))
        #expect(try largestDifference(pool(crop.flipped([2, 3])), before) < 1e-5)
        #expect(try largestDifference(pool(crop), before) > 1e-3)
    }
}
