import FVLM
import FixtureSupport
import Testing
import TorchFixtures

/// Region embeddings of a Perception Encoder: the pooling head on crops of its tokens, recorded from the authors' modules.
/// Whole models are compared by the suite of the same name beside CLIP.
@Suite struct PEParity {
    @Test(arguments: try Fixtures.cases("pe").filter { $0.has("out.regions") })
    func regions(_ recorded: FixtureCase) throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel.load(
            recorded.modelWithHeads(in: folder), options: .init(device: TestDevice.current))
        guard case .transformer(let tower) = model.vision else {
            Issue.record("\(recorded): not a transformer")
            return
        }
        let parameters = try recorded.parameters
        #expect(try parameters["grid"].int == PoolingHeadScorer.gridSize)
        let pixels = try recorded.deviceTensor("in.pixel_values")
        let features = try tower.features(of: pixels)
        let map = try tower.normalizedMap(of: features)
        try recorded.expectEqual("out.map", map)
        try recorded.expectEqual("out.pooled", tower.embedding(of: features))

        let images = try recorded.integers("in.box_image")
        let rows = try recorded.torchTensor("in.boxes")
        let crops = try roiAlign(
            [PyramidLevel(map, scale: 1 / Double(tower.configuration.patchSize))],
            Regions(
                boxes: Boxes(rows), images: images, levels: [Int64](repeating: 0, count: images.count)),
            output: Size2D(PoolingHeadScorer.gridSize),
            sampling: .aligned(ratio: parameters["sampling_ratio"].int))
        try recorded.expectEqual("out.crops", crops)
        // The definition, and the scorer, which projects before it crops.
        let head = try #require(tower.poolingHead)
        let pooled = try head(crops.flattened(from: 2).transposed(1, 2))
        try recorded.expectEqual("out.regions", tower.embedding(ofPooled: pooled))

        let order = images.indices.sorted { (images[$0], $0) < (images[$1], $1) }
        let boxes = try (0..<pixels.shape[0]).map { image in
            try Boxes(rows.indexSelected(0, Tensor(order.filter { images[$0] == Int64(image) })))
        }
        let scorer = try PoolingHeadScorer(tower: tower)
        let found = try scorer.embeddings(of: boxes, features: features, pixels: pixels)
        var back = [Int](repeating: 0, count: order.count)
        for (place, row) in order.enumerated() { back[row] = place }
        let sorted = try found.indexSelected(0, Tensor(back).to(device: found.device))
        try recorded.expectEqual("out.regions", sorted)
        try recorded.expectEqual("out.regions_normed", sorted.normalized())
    }
}
