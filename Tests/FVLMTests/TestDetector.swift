import FVLM
import FixtureSupport
import Imaging

/// Detectors over the small CLIPs of the recorded cases, with random heads.
enum TestDetector {
    /// A detector over the first recorded CLIP of a kind.
    static func detector(isResNet: Bool, settings: [String] = [], trainedNames: [String] = []) throws
        -> Detector
    {
        let folder = Fixtures.folder("clip").appending(path: isResNet ? "openai-rn" : "hf-vit").path
        let clip = try CLIPModel.load(isResNet ? folder + "/model.pt" : folder + "/model")
        var configuration = try DetectorConfiguration(preset: isResNet ? "published" : "vit")
        configuration.trunk.adapterChannels = [8, 8, 8, 8]
        configuration = try configuration.with(
            settings: [
                "input.size=128", "network.width=8", "network.hidden=16", "network.proposalCount=[50, 20]",
                "scoring.scoreThreshold=0", "scoring.limit=10",
            ] + settings)
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.initialize(seed: 3)
        return try Detector(
            configuration: configuration, clip: clip, network: network, trainedNames: trainedNames)
    }

    /// A picture with structure, wider than high.
    static func picture(width: Int = 200, height: Int = 90) throws -> Image {
        var pixels: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let isInside = (40..<120).contains(x) && (20..<70).contains(y)
                pixels += [UInt8(x % 256), UInt8(y * 2 % 256), isInside ? 220 : 30]
            }
        }
        return try Image(width: width, height: height, pixels: pixels)
    }
}
