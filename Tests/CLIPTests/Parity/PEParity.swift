import FixtureSupport
import Testing
import Torch
import TorchFixtures

@testable import CLIP

/// Perception Encoder against its authors' code, over every recorded case of a whole model; both forms of its files.
/// Regions are compared by the suite of the same name beside the detector.
@Suite struct PEParity {
    @Test(arguments: try Fixtures.cases("pe").filter { $0.has("in.native.pixel_values") })
    func recordedCase(_ recorded: FixtureCase) throws {
        let files = [try recorded.parameters["file"].string, "open_clip/open_clip_model.safetensors"]
        for file in files {
            let folder = try TemporaryFolder()
            let model = try CLIPModel.load(
                recorded.modelWithHeads(in: folder, file: file), options: .init(device: TestDevice.current))
            guard case .transformer(let tower) = model.vision, tower.poolingHead != nil else {
                Issue.record("\(recorded): not a Perception Encoder")
                continue
            }
            for size in ["native", "large"] { try compare(recorded, tower, size) }
            try compareTexts(recorded, model)
        }
    }

    private func compare(_ recorded: FixtureCase, _ tower: VisionTransformer, _ size: String) throws {
        let pixels = try recorded.deviceTensor("in.\(size).pixel_values")
        let depth = tower.configuration.transformer.depth
        let features = try tower.features(of: pixels, keeping: Set(0...depth))
        try recorded.expectEqual("out.\(size).tokens", #require(features.blocks[0]))
        for block in 1...depth {
            try recorded.expectEqual("out.\(size).block\(block)", #require(features.blocks[block]))
        }
        let bare = try tower.features(of: pixels)
        try recorded.expectEqual("out.\(size).last", tower.normalizedState(of: bare))
        try recorded.expectEqual("out.\(size).pooled", tower.embedding(of: bare))

        let transformer = tower.configuration.transformer
        let rotary = RotaryPositions(
            .columnsCounted(first: try recorded.parameters["rope_offset"].int),
            headWidth: transformer.width / transformer.heads,
            hasClassToken: tower.configuration.hasClassToken)
        let angles = rotary.angles(features.grid).map { Float($0) }
        try recorded.expectEqual(
            "out.\(size).rope_angles",
            Tensor(angles, shape: recorded.shape("out.\(size).rope_angles")))
    }

    private func compareTexts(_ recorded: FixtureCase, _ model: CLIPModel) throws {
        let ids = try recorded.deviceTensor("in.input_ids")
        let depth = model.text.configuration.transformer.depth
        let features = try model.text.features(of: ids[0..<2], keeping: Set(0...depth))
        try recorded.expectEqual("out.text.embeddings", #require(features.blocks[0]))
        for block in 1...depth {
            try recorded.expectEqual("out.text.block\(block)", #require(features.blocks[block]))
        }
        try recorded.expectEqual("out.text_embeds", model.text.embedding(of: ids))
        let images = try model.embed(pixels: recorded.deviceTensor("in.native.pixel_values"))
        try recorded.expectEqual(
            "out.logits_per_image", model.logits(images: images, texts: model.embed(ids: ids)))
    }
}
