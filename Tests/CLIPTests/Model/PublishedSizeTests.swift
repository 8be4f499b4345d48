import CLIP
import Testing
import Torch

/// The published EVA-02 CLIPs and Perception Encoders have as many parameters as their authors and OpenCLIP's
/// `model_profile.csv` say; nothing is allocated for that.
@Suite struct PublishedSizeTests {
    @Test(arguments: [
        ("EVA02-B-16", CLIPConfiguration.eva02B16, CheckpointFormat.eva, 86.26, 63.43, 0.005),
        ("EVA02-L-14-336", .eva02L14, .eva, 304.43, 123.65, 0.005),
        // Billions of the image tower, to two places; of the texts the authors do not count the tokens.
        ("PE-Core-T-16-384", .perceptionEncoderT16, .openAI, 10, 63.4, 5),
        ("PE-Core-S-16-384", .perceptionEncoderS16, .openAI, 20, 63.4, 5),
        ("PE-Core-B-16", .perceptionEncoderB16, .openAI, 90, 310 + 50.6, 7),
        ("PE-Core-L-14-336", .perceptionEncoderL14, .openAI, 320, 310 + 50.6, 7),
        ("PE-Core-G-14-448", .perceptionEncoderG14, .openAI, 1880, 470 + 63.2, 7),
    ])
    func parametersOfPublishedModels(
        _ name: String, _ configuration: CLIPConfiguration, _ format: CheckpointFormat, _ vision: Double,
        _ text: Double, _ tolerance: Double
    ) throws {
        let model = try CLIPModel(configuration, format: format)
        let counts = model.store.parameters.reduce(into: (vision: 0, text: 0)) { counts, parameter in
            let count = parameter.shape.reduce(1, *)
            if parameter.name.hasPrefix("visual.") { counts.vision += count } else { counts.text += count }
        }
        #expect(abs(Double(counts.vision) / 1e6 - vision) <= tolerance, "\(name): \(counts)")
        #expect(abs(Double(counts.text) / 1e6 - text) <= tolerance, "\(name): \(counts)")
    }
}
