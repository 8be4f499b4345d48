import CLIP
import FixtureSupport
import Foundation
import FVLM

/// A detector with random weights on a recorded CLIP.
enum SmallDetector {
    static var clip: String {
        Fixtures.folder("clip").appending(path: "openai-rn/model.pt").path
    }

    /// Writes it into a folder.
    @discardableResult
    static func write(to folder: String, seed: UInt64 = 1) throws -> (
        configuration: DetectorConfiguration, network: DetectorNetwork
    ) {
        var configuration = try DetectorConfiguration(preset: "vit-small")
        configuration.clip = clip
        configuration = try configuration.with(settings: ["network.width=8", "network.hidden=16"])
        let model = try CLIPModel.load(clip)
        let network = try DetectorNetwork(configuration, for: model.configuration)
        try network.store.initialize(seed: seed)
        try ModelFolder(folder).write(configuration, network: network, vocabulary: nil)
        return (configuration, network)
    }
}
