import CLIP
import FixtureSupport
import Testing
import Torch
import TorchFixtures
import WeightFiles

extension CLIPParity {
    /// The stages of the trunk at the trained size and at another one, whole pictures and regions.
    func compareResNet(_ recorded: FixtureCase, model path: String) throws {
        let model = try CLIPModel.load(
            path, options: .init(device: TestDevice.current, activation: .quickGELU))
        guard case .resNet(let trunk, let pool) = model.vision else {
            Issue.record("\(recorded): not a ResNet")
            return
        }
        #expect(try trunk.configuration.heads == recorded.parameters["heads"].int)
        #expect(try pool.gridSize == recorded.parameters["grid"].int)
        for prefix in ["", "large."] {
            let pixels = try recorded.deviceTensor("in.\(prefix)pixel_values")
            try recorded.expectEqual("out.\(prefix)stem", trunk.stem(pixels))
            let maps = try trunk.features(of: pixels)
            for (level, map) in zip(2..., maps.all) {
                try recorded.expectEqual("out.\(prefix)c\(level)", map)
            }
            if prefix.isEmpty {
                try recorded.expectEqual("out.image_embeds", pool(maps.c5))
            } else {
                try compareRegions(recorded, pool, maps.c5)
            }
        }
        let ids = try recorded.deviceTensor("out.input_ids")
        try recorded.expectEqual("out.text_embeds", model.text.embedding(of: ids))
    }

    /// Crops, crops pooled, and regions pooled without crops.
    private func compareRegions(_ recorded: FixtureCase, _ pool: AttentionPool, _ map: Tensor) throws {
        let parameters = try recorded.parameters
        let sampling = try RegionCropping.roiAlign(
            recorded.torchTensor("in.large.boxes"),
            images: recorded.integers("in.large.box_image").map { Int($0) },
            mapSize: Size2D(map.size(2), map.size(3)), gridSize: parameters["grid"].int,
            scale: parameters["roi_scale"].float, samplingRatio: parameters["roi_sampling_ratio"].int,
            isAligned: parameters["roi_aligned"].bool)
        let crops = try sampling.crops(of: map)
        try recorded.expectEqual("out.large.roi", crops)
        try recorded.expectEqual("out.large.region_embeds", pool(crops))
        try recorded.expectEqual("out.large.region_embeds", pool(map, regions: sampling))
    }

    /// The element types in OpenAI's archive.
    func compareFileTypes(_ recorded: FixtureCase) throws {
        let types = try recorded.expected["file_dtypes"].object.mapValues { try $0.string }
        let archive = try WeightFile.open(recorded.path("model.pt"))
        #expect(Set(archive.keys) == Set(types.keys))
        for (key, type) in types { #expect(try archive.tensor(named: key).dtype.rawValue == type) }
    }
}
