import FVLM
import FixtureSupport
import Testing

/// Settings of training that change what a step learns from.
@Suite struct LearningSettingsTests {
    private func losses(_ settings: String...) throws -> [String: Double] {
        let clip = try CLIPModel.load(Fixtures.folder("clip").appending(path: "openai-rn/model.pt").path)
        let configuration = try DetectorConfiguration(preset: "published-small").with(
            settings: ["network.width=8", "network.hidden=16", "learning.regionsPerImage=32"] + settings)
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.initialize(seed: 1)
        let texts = try Tensor.randomNormal(
            [3, clip.configuration.embeddingWidth], generator: Generator(seed: 1))
        network.store.train()
        let example = TrainingExample(
            imageID: 1, pixels: try Tensor.randomNormal([3, 128, 128], generator: Generator(seed: 2)),
            boxes: try Boxes([[5, 5, 40, 40], [30, 60, 110, 120], [10, 12, 44, 46]]), classes: [0, 1, 0],
            masks: [
                .polygons([[5, 5, 40, 5, 40, 40]]), .polygons([[30, 60, 110, 60, 110, 120, 30, 120]]),
                .polygons([[10, 12, 44, 12, 44, 46]]),
            ],
            crowd: try Boxes([]))
        let terms = try network.losses(
            of: [example], trunk: configuration.trunk(of: clip), texts: texts,
            padding: .init(multiple: 64), generator: Generator(seed: 1)
        ).terms
        return try Dictionary(uniqueKeysWithValues: terms.map { ($0.name, try $0.value.item()) })
    }

    /// Fewer masks change the masks' term only; a limit that is not reached changes nothing.
    @Test func masksOfARegionCanBeLimited() throws {
        let all = try losses()
        #expect(try losses("learning.masksPerImage=32") == all)
        let one = try losses("learning.masksPerImage=1")
        for (name, value) in all {
            #expect((one[name] == value) == (name != "loss_mask"), "\(name) \(value)")
        }
        #expect(one["loss_mask"]?.isFinite == true)
    }

    /// Boxes and masks are read from other maps where their canonical sides are others.
    @Test func canonicalSidesChooseTheMap() throws {
        let usual = try losses()
        let boxes = try losses("network.canonicalSide=40")
        #expect(boxes["loss_cls"] != usual["loss_cls"] && boxes["loss_mask"] == usual["loss_mask"])
        let masks = try losses("network.maskCanonicalSide=40")
        #expect(masks["loss_cls"] == usual["loss_cls"] && masks["loss_mask"] != usual["loss_mask"])
    }
}
