import FVLM
import FixtureSupport
import Imaging
import Torch

/// Detectors of both families with the same random heads, on any device.
enum DeviceDetector {
    static func detector(isResNet: Bool, on device: Device, settings: [String] = []) throws -> Detector {
        let folder = Fixtures.folder("clip").appending(path: isResNet ? "openai-rn" : "hf-vit").path
        let clip = try CLIPModel.load(
            isResNet ? folder + "/model.pt" : folder + "/model", options: .init(device: device))
        var configuration = try DetectorConfiguration(preset: isResNet ? "published" : "vit")
        configuration.trunk.adapterChannels = [8, 8, 8, 8]
        configuration = try configuration.with(
            settings: [
                "input.size=128", "network.width=8", "network.hidden=16", "network.proposalCount=[50, 20]",
                "scoring.scoreThreshold=0", "scoring.limit=10",
            ] + settings)
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.initialize(seed: 3)
        try network.store.convert(device: device.kind == .cpu ? nil : device, format: .channelsLast)
        return try Detector(configuration: configuration, clip: clip, network: network)
    }

    /// Pictures of one shape that differ.
    static func picture(_ number: Int = 0, width: Int = 128, height: Int = 90) throws -> Image {
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let isInside = (20 + 10 * number..<80).contains(x) && (20..<70).contains(y)
                pixels += [
                    UInt8((x + 40 * number) % 256), UInt8(y * (2 + number) % 256), isInside ? 220 : 30,
                ]
            }
        }
        return try Image(width: width, height: height, pixels: pixels)
    }

    static func vocabulary(_ names: [String], _ detector: Detector) throws -> Vocabulary {
        try Vocabulary(
            encoding: names.map { Vocabulary.Class($0) }, templates: .single, with: detector.clip,
            tokenizer: detector.clip.tokenizer())
    }
}
