import FVLM
import FixtureSupport
import Testing

/// Regions that are scored at several sizes of the picture.
@Suite struct RegionResolutionTests {
    private func trunk(isResNet: Bool = true, _ resolution: RegionResolution) throws -> FrozenTrunk {
        let folder = Fixtures.folder("clip").appending(path: isResNet ? "openai-rn" : "hf-vit").path
        let clip = try CLIPModel.load(isResNet ? folder + "/model.pt" : folder + "/model")
        return try FrozenTrunk(
            clip.vision, scorer: isResNet ? .attentionPool : .denseValue,
            cropSampling: .aligned(ratio: 2), resolution: resolution)
    }

    private let pixels: Tensor
    /// About 20, 80 and 30 pixels large, of two pictures.
    private let boxes: [Boxes]

    init() throws {
        pixels = try Tensor.randomNormal([2, 3, 128, 128], generator: Generator(seed: 7))
        boxes = [
            try Boxes([[10, 20, 30, 40], [20, 30, 100, 110]]), try Boxes([[50, 60, 90, 82.5]]),
        ]
    }

    private func embeddings(_ trunk: FrozenTrunk, _ boxes: [Boxes]? = nil) throws -> Tensor {
        let features = try trunk.features(of: pixels, scoresRegions: true)
        let result = try trunk.regionEmbeddings(features, pixels: pixels, boxes: boxes ?? self.boxes)
        return try #require(result)
    }

    /// Every region has the embedding that it has where its own scale is the only one.
    @Test(arguments: [(true, true), (true, false), (false, false)])
    func everyRegionIsSeenAtItsScale(isResNet: Bool, isDense: Bool) throws {
        let scales = [0.5, 1, 2]
        let all = try embeddings(
            trunk(isResNet: isResNet, .init(scales: scales, objectSize: 40, isDense: isDense)))
        for (row, scale) in [2, 0.5, 1].enumerated() {
            let alone = try embeddings(trunk(isResNet: isResNet, .init(scales: [scale], isDense: isDense)))
            #expect(try all[row].allClose(to: alone[row]), "region \(row)")
            let other = try embeddings(
                trunk(isResNet: isResNet, .init(scales: [scale == 1 ? 2 : 1], isDense: isDense)))
            #expect(try !all[row].allClose(to: other[row]), "region \(row)")
        }
    }

    /// The average of the directions at the two scales that come closest.
    @Test func severalScalesAreAveraged() throws {
        let all = try embeddings(trunk(.init(scales: [0.5, 1, 2], objectSize: 35, scalesPerRegion: 2)))
        for (row, scales) in [[2, 1], [0.5, 1], [1, 2]].enumerated() {
            let alone = try scales.map { try embeddings(trunk(.init(scales: [$0])))[row].normalized() }
            #expect(try all[row].allClose(to: alone[0] + alone[1]), "region \(row)")
        }
    }

    /// A picture at twice its size, and one that was twice as large from the beginning, are the same.
    @Test func aScaleIsALargerPicture() throws {
        let scaled = try embeddings(trunk(.init(scales: [2])))
        let plain = try trunk(.init())
        let large = try pixels.interpolated(to: Size2D(256))
        let features = try plain.features(of: large, scoresRegions: true)
        let expected = try plain.regionEmbeddings(
            features, pixels: large, boxes: boxes.map { try $0.scaled(x: 2, y: 2) })
        #expect(try scaled.allClose(to: #require(expected)))
    }

    @Test func boxesWithoutAreaAreSeenToo() throws {
        let trunk = try trunk(.init(scales: [0.5, 1, 2]))
        let flat = try embeddings(trunk, [Boxes([[10, 10, 10, 50]]), .none()])
        #expect(flat.shape[0] == 1)
        #expect(try flat.array(of: Float.self).allSatisfy(\.isFinite))
        #expect(try embeddings(trunk, [.none(), .none()]).shape[0] == 0)
    }

    @Test func transformersHaveNoDenseMap() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try trunk(isResNet: false, .init(isDense: true))
        }
        #expect(error.description.contains("scoring.vlmDense"))
    }
}
