import CLIP
import FixtureSupport
import Testing
import Torch

extension CLIPParity {
    @Test(arguments: ["", "/model.safetensors", "/pytorch_model.bin"])
    func huggingFaceImages(file: String) throws {
        for fixture in try Self.cases(.huggingFaceModel) {
            let model = try CLIPModel.load(fixture.path("model") + file)
            guard case .transformer(let tower) = model.vision else {
                Issue.record("\(fixture.name): not a vision transformer")
                continue
            }
            for prefix in ["", "large."] {
                let pixels = try fixture.torchTensor(
                    prefix.isEmpty ? "out.pixel_values" : "in.\(prefix)pixel_values")
                let depth = tower.configuration.transformer.depth
                #expect(!fixture.has("out.block\(depth + 1)"))
                let features = try tower.features(of: pixels, keeping: Set(0...depth))
                func expect(_ key: String, _ got: Tensor?) throws {
                    try fixture.expectEqual("out.\(prefix)\(key)", #require(got))
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
    }

    @Test func huggingFaceTexts() throws {
        for fixture in try Self.cases(.huggingFaceModel) {
            let model = try CLIPModel.load(fixture.path("model"))
            let tower = model.text
            let ids = try fixture.torchTensor("out.input_ids")
            let mask = try fixture.torchTensor("out.attention_mask")
            let depth = tower.configuration.transformer.depth
            #expect(!fixture.has("out.text.block\(depth + 1)"))
            let features = try tower.features(of: ids, attentionMask: mask, keeping: Set(0...depth))
            try fixture.expectEqual("out.text.embeddings", #require(features.blocks[0]))
            for block in 1...depth {
                try fixture.expectEqual("out.text.block\(block)", #require(features.blocks[block]))
            }
            try fixture.expectEqual("out.text.last_hidden_state", tower.normalizedStates(of: features))
            try fixture.expectEqual("out.text.pooled", tower.pooled(features, ids: ids))
            try fixture.expectEqual("out.text_embeds", tower.embedding(of: ids))

            let images = try model.embed(pixels: fixture.torchTensor("out.pixel_values"))
            try fixture.expectEqual(
                "out.logits_per_image", model.logits(images: images, texts: model.embed(ids: ids)))
        }
    }
}
