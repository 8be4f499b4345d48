import CLIP
import FixtureSupport
import Testing
import Torch
import WeightFiles

extension CLIPParity {
    @Test(arguments: ["model.safetensors", "model.pt"])
    func openAIResNet(file: String) throws {
        for fixture in try Self.cases(.openAIResNet) {
            let model = try CLIPModel.load(fixture.path(file))
            guard case .resNet(let trunk, let pool) = model.vision else {
                Issue.record("\(fixture.name): not a ResNet")
                continue
            }
            #expect(try trunk.configuration.heads == fixture.parameters["heads"].int)
            #expect(try pool.gridSize == fixture.parameters["grid"].int)
            var features: ModifiedResNet.Features?
            for prefix in ["", "large."] {
                let pixels = try fixture.torchTensor("in.\(prefix)pixel_values")
                try fixture.expectEqual("out.\(prefix)stem", trunk.stem(pixels))
                let maps = try trunk.features(of: pixels)
                for (level, map) in zip(2..., maps.all) {
                    try fixture.expectEqual("out.\(prefix)c\(level)", map)
                }
                if prefix.isEmpty { try fixture.expectEqual("out.image_embeds", pool(maps.c5)) }
                features = maps
            }
            try expectRegions(fixture, pool, #require(features).c5)

            let ids = try fixture.torchTensor("out.input_ids")
            try fixture.expectEqual("out.text_embeds", model.text.embedding(of: ids))
            let images = try model.embed(pixels: fixture.torchTensor("in.pixel_values"))
            try fixture.expectEqual(
                "out.logits_per_image", model.logits(images: images, texts: model.embed(ids: ids)))
        }
    }

    /// Crops, crops pooled, and regions pooled without crops.
    private func expectRegions(_ fixture: FixtureCase, _ pool: AttentionPool, _ map: Tensor) throws {
        let parameters = try fixture.parameters
        let sampling = try RegionSampling.roiAlign(
            fixture.torchTensor("in.large.boxes"),
            images: fixture.integers("in.large.box_image").map { Int($0) },
            mapSize: Size2D(map.size(2), map.size(3)), gridSize: parameters["grid"].int,
            scale: parameters["roi_scale"].float, samplingRatio: parameters["roi_sampling_ratio"].int,
            isAligned: parameters["roi_aligned"].bool)
        let crops = try sampling.crops(of: map)
        try fixture.expectEqual("out.large.roi", crops)
        try fixture.expectEqual("out.large.region_embeds", pool(crops))
        try fixture.expectEqual("out.large.region_embeds", pool(map, regions: sampling))
    }

    @Test func openAIFilesKeepTheirTypes() throws {
        for fixture in try Self.cases(.openAIResNet) {
            let types = try fixture.expected["file_dtypes"].object.mapValues { try $0.string }
            let archive = try WeightFile.open(fixture.path("model.pt"))
            #expect(Set(archive.keys) == Set(types.keys))
            for (key, type) in types { #expect(try archive.tensor(named: key).dtype.rawValue == type) }
        }
    }
}
