import FixtureSupport
import Testing
import Torch
import TorchFixtures

@testable import CLIP

/// EVA-02 CLIP against EVA-CLIP's own code, and against timm for what only timm has, over every recorded case.
@Suite struct EVAParity {
    @Test(arguments: try Fixtures.cases("eva"))
    func recordedCase(_ recorded: FixtureCase) throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel.load(
            recorded.modelWithHeads(in: folder), options: .init(device: TestDevice.current))
        guard case .transformer(let tower) = model.vision, tower.configuration.design == .eva02 else {
            Issue.record("\(recorded): not an EVA-02")
            return
        }
        let isTimm = recorded.has("out.original.large.pooled")
        for size in ["native", "large", "reduced"] where recorded.has("in.\(size).pixel_values") {
            // With this package's table, which is the original's, only the original's numbers count at other sizes.
            if !isTimm || size == "native" { try compare(recorded, tower, size) }
        }
        if isTimm {
            try compareOriginal(recorded, tower)
            try compareRectangle(recorded, tower)
        }
        if recorded.has("in.rope.x") { try compareRotary(recorded, tower) }
        try compareTexts(recorded, model)
    }

    private func compare(_ recorded: FixtureCase, _ tower: VisionTransformer, _ size: String) throws {
        let pixels = try recorded.deviceTensor("in.\(size).pixel_values")
        let depth = tower.configuration.transformer.depth
        let features = try tower.features(of: pixels, keeping: Set(0...depth))
        func expect(_ key: String, _ got: () throws -> Tensor) throws {
            guard recorded.has("out.\(size).\(key)") else { return }
            try recorded.expectEqual("out.\(size).\(key)", got())
        }
        try expect("tokens") { try #require(features.blocks[0]) }
        for block in 1...depth { try expect("block\(block)") { try #require(features.blocks[block]) } }
        // Pooling must not need the states to be kept.
        let bare = try tower.features(of: pixels)
        try expect("pooled") { try tower.embedding(of: bare) }
        try expect("dense_raw") { try tower.denseMap(of: bare) }
        try expect("dense") { try tower.denseMap(of: bare).normalized(1) }
        if recorded.has("out.\(size).last_without_attention") {
            let recordedMap = try recorded.deviceTensor("out.\(size).last_without_attention")[
                TensorIndex.all, 1...]
            let map = try tower.valuePathMap(of: bare).flattened(from: 2).transposed(1, 2)
            let tolerance = try recorded.tolerance("out.\(size).last_without_attention")
            #expect(
                try map.isClose(to: recordedMap, relative: tolerance.rel, absolute: tolerance.abs).all()
                    .item()
                    == 1)
        }
    }

    /// What the original makes of a timm checkpoint's weights at another size.
    private func compareOriginal(_ recorded: FixtureCase, _ tower: VisionTransformer) throws {
        let features = try tower.features(of: recorded.deviceTensor("in.large.pixel_values"))
        try recorded.expectEqual("out.original.large.pooled", tower.embedding(of: features))
        try recorded.expectEqual("out.original.large.dense", tower.denseMap(of: features).normalized(1))
    }

    /// Rectangles, which only timm has. It resizes positions with antialiasing: with its table all its numbers are reached.
    private func compareRectangle(_ recorded: FixtureCase, _ tower: VisionTransformer) throws {
        for size in ["large", "wide"] {
            let sides = try recorded.deviceTensor("in.\(size).pixel_values").shape.suffix(2)
                .map { $0 / tower.configuration.patchSize }
            let grid = Size2D(sides[0], sides[1])
            try tower.positions.use(tower.positions.resampled(grid, antialias: true), for: grid)
            try compare(recorded, tower, size)
        }
    }

    private func compareRotary(_ recorded: FixtureCase, _ tower: VisionTransformer) throws {
        let transformer = tower.configuration.transformer
        let headWidth = transformer.width / transformer.heads
        let rotary = RotaryPositions(.rowsScaled(grid: 16), headWidth: headWidth, hasClassToken: false)
        let heads = try recorded.deviceTensor("in.rope.x")
        let side = Int(Double(heads.shape[2]).squareRoot().rounded())
        let tokens = try heads.transposed(1, 2).flattened(from: 2)
        let turned = try rotary(Size2D(side), device: TestDevice.current)(tokens)
        try recorded.expectEqual(
            "out.rope.y", turned.unflattened(2, into: [heads.shape[1], headWidth]).transposed(1, 2))
        guard recorded.has("out.large.rope_cos") else { return }
        let large = try recorded.parameters["large"].int / tower.configuration.patchSize
        let angles = try Tensor(
            rotary.angles(Size2D(large)).map { Float($0) }, shape: [large * large, headWidth])
        try recorded.expectEqual("out.large.rope_cos", angles.cos())
        try recorded.expectEqual("out.large.rope_sin", angles.sin())
    }

    private func compareTexts(_ recorded: FixtureCase, _ model: CLIPModel) throws {
        let ids = try recorded.deviceTensor("in.input_ids")
        try recorded.expectEqual("out.text_embeds", model.text.embedding(of: ids))
        if recorded.has("out.text.embeddings") {
            let depth = model.text.configuration.transformer.depth
            let features = try model.text.features(of: ids[0..<2], keeping: Set(0...depth))
            try recorded.expectEqual("out.text.embeddings", #require(features.blocks[0]))
            for block in 1...depth where recorded.has("out.text.block\(block)") {
                try recorded.expectEqual("out.text.block\(block)", #require(features.blocks[block]))
            }
        }
        guard recorded.has("out.logits_per_image") else { return }
        let images = try model.embed(pixels: recorded.deviceTensor("in.native.pixel_values"))
        try recorded.expectEqual(
            "out.logits_per_image", model.logits(images: images, texts: model.embed(ids: ids)))
    }
}
