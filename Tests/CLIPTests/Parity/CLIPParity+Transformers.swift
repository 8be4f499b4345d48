import CLIP
import FixtureSupport
import Testing
import Torch
import TorchFixtures

extension CLIPParity {
    /// Every block of the image tower, at the trained size and at another one, and all that pooling makes of it.
    func compareVisionTransformer(_ recorded: FixtureCase, model path: String) throws {
        let model = try CLIPModel.load(path, options: .init(device: TestDevice.current))
        guard case .transformer(let tower) = model.vision else {
            Issue.record("\(recorded): not a vision transformer")
            return
        }
        let depth = tower.configuration.transformer.depth
        #expect(!recorded.has("out.block\(depth + 1)"))
        for prefix in ["", "large."] {
            let pixels = try recorded.deviceTensor(
                prefix.isEmpty ? "out.pixel_values" : "in.\(prefix)pixel_values")
            let features = try tower.features(of: pixels, keeping: Set(0...depth))
            func expect(_ key: String, _ got: Tensor?) throws {
                try recorded.expectEqual("out.\(prefix)\(key)", #require(got))
            }
            try expect("preln", features.blocks[0])
            for block in 1...depth { try expect("block\(block)", features.blocks[block]) }
            // Pooling must not need the states to be kept.
            let bare = try tower.features(of: pixels)
            try expect("last_hidden_state", tower.lastState(of: bare))
            try expect("pooled", tower.pooled(bare))
            try expect("image_embeds", tower.embedding(of: bare))
            try expect("value_map", tower.denseMap(of: bare))
        }
    }

    /// Every block of the text tower, with the mask that padding makes, and the embeddings, which need none.
    func compareTextTransformer(_ recorded: FixtureCase, model path: String) throws {
        let tower = try CLIPModel.load(path, options: .init(device: TestDevice.current)).text
        let ids = try recorded.deviceTensor("out.input_ids")
        let mask = try recorded.deviceTensor("out.attention_mask")
        let depth = tower.configuration.transformer.depth
        #expect(!recorded.has("out.text.block\(depth + 1)"))
        let features = try tower.features(of: ids, attentionMask: mask, keeping: Set(0...depth))
        try recorded.expectEqual("out.text.embeddings", #require(features.blocks[0]))
        for block in 1...depth {
            try recorded.expectEqual("out.text.block\(block)", #require(features.blocks[block]))
        }
        try recorded.expectEqual("out.text.last_hidden_state", tower.normalizedStates(of: features))
        try recorded.expectEqual("out.text.pooled", tower.pooled(features, ids: ids))
        try recorded.expectEqual("out.text_embeds", tower.embedding(of: ids))
    }

    /// Both towers together.
    func compareLogits(_ recorded: FixtureCase, model path: String) throws {
        let model = try CLIPModel.load(path, options: .init(device: TestDevice.current))
        let key = recorded.has("out.pixel_values") ? "out.pixel_values" : "in.pixel_values"
        let images = try model.embed(pixels: recorded.deviceTensor(key))
        let texts = try model.embed(ids: recorded.deviceTensor("out.input_ids"))
        try recorded.expectEqual("out.logits_per_image", model.logits(images: images, texts: texts))
    }
}
