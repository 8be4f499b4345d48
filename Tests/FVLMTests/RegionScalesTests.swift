import FVLM
import FixtureSupport
import Testing

/// Regions that are scored at several sizes of the picture.
@Suite struct RegionScalesTests {
    private func options(
        scales: [Double] = [1], objectSize: Double = 56, scalesPerRegion: Int = 1, isDense: Bool = false
    ) -> ScoringOptions {
        var options = ScoringOptions()
        options.vlmScales = scales
        options.vlmObjectSize = objectSize
        options.vlmScalesPerRegion = scalesPerRegion
        options.vlmDense = isDense
        return options
    }

    private func trunk(isResNet: Bool) throws -> any Trunk {
        let folder = Fixtures.folder("clip").appending(path: isResNet ? "openai-rn" : "hf-vit").path
        let clip = try CLIPModel.load(isResNet ? folder + "/model.pt" : folder + "/model")
        var configuration = DetectorConfiguration()
        configuration.family = .detectron2
        return try configuration.trunk(of: clip)
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

    private func embeddings(
        isResNet: Bool = true, _ options: ScoringOptions, _ boxes: [Boxes]? = nil, pixels: Tensor? = nil
    ) throws -> Tensor {
        let result = try trunk(isResNet: isResNet).embeddings(
            of: boxes ?? self.boxes, in: pixels ?? self.pixels, options)
        return try #require(result)
    }

    /// Every region has the embedding that it has where its own scale is the only one.
    @Test(arguments: [(true, true), (true, false), (false, false)])
    func everyRegionIsSeenAtItsScale(isResNet: Bool, isDense: Bool) throws {
        let scales = [0.5, 1, 2]
        let all = try embeddings(
            isResNet: isResNet, options(scales: scales, objectSize: 40, isDense: isDense))
        for (row, scale) in [2, 0.5, 1].enumerated() {
            let alone = try embeddings(isResNet: isResNet, options(scales: [scale], isDense: isDense))
            #expect(try all[row].allClose(to: alone[row]), "region \(row)")
            let other = try embeddings(
                isResNet: isResNet, options(scales: [scale == 1 ? 2 : 1], isDense: isDense))
            #expect(try !all[row].allClose(to: other[row]), "region \(row)")
        }
    }

    /// The average of the directions at the two scales that come closest.
    @Test func severalScalesAreAveraged() throws {
        let all = try embeddings(options(scales: [0.5, 1, 2], objectSize: 35, scalesPerRegion: 2))
        for (row, scales) in [[2, 1], [0.5, 1], [1, 2]].enumerated() {
            let alone = try scales.map { try embeddings(options(scales: [$0]))[row].normalized() }
            #expect(try all[row].allClose(to: alone[0] + alone[1]), "region \(row)")
        }
    }

    /// A picture at twice its size, and one that was twice as large from the beginning, are the same.
    @Test func aScaleIsALargerPicture() throws {
        let scaled = try embeddings(options(scales: [2]))
        let large = try pixels.interpolated(to: Size2D(256))
        let expected = try embeddings(
            options(), boxes.map { try $0.scaled(x: 2, y: 2) }, pixels: large)
        #expect(try scaled.allClose(to: expected))
    }

    @Test func boxesWithoutAreaAreSeenToo() throws {
        let options = options(scales: [0.5, 1, 2])
        let flat = try embeddings(options, [Boxes([[10, 10, 10, 50]]), .none()])
        #expect(flat.shape[0] == 1)
        #expect(try flat.array(of: Float.self).allSatisfy(\.isFinite))
        #expect(try embeddings(options, [.none(), .none()]).shape[0] == 0)
    }

    @Test func transformersHaveNoDenseMap() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try embeddings(isResNet: false, options(isDense: true))
        }
        #expect(error.description.contains("scoring.vlmDense"))
    }
}
