import CLIP
import Testing
import Torch

/// The published EVA-02 CLIPs and Perception Encoders have exactly as many parameters as the models of their names that
/// OpenCLIP 3.3.0 builds (its `model_profile.csv` has the same of EVA-02, in millions), and the original `PE` of
/// facebookresearch/perception_models for B, L and G; nothing is allocated for that.
@Suite struct PublishedSizeTests {
    /// A zero bias of the head that OpenCLIP adds to Perception Encoders is not counted; the temperature counts as text.
    @Test(arguments: [
        ("EVA02-B-16", CLIPConfiguration.eva02B16, CheckpointFormat.eva, 86_263_040, 63_428_097),
        ("EVA02-L-14-336", .eva02L14, .eva, 304_432_832, 123_650_305),
        ("PE-Core-T-16-384", .perceptionEncoderT16, .openAI, 6_140_544, 63_405_057),
        ("PE-Core-S-16-384", .perceptionEncoderS16, .openAI, 23_782_656, 63_405_057),
        ("PE-Core-B-16", .perceptionEncoderB16, .openAI, 93_672_960, 353_986_561),
        ("PE-Core-L-14-336", .perceptionEncoderL14, .openAI, 317_151_232, 353_986_561),
        ("PE-Core-bigG-14-448", .perceptionEncoderG14, .openAI, 1_882_032_640, 537_233_921),
    ])
    func parametersOfPublishedModels(
        _ name: String, _ configuration: CLIPConfiguration, _ format: CheckpointFormat, _ vision: Int,
        _ text: Int
    ) throws {
        let model = try CLIPModel(configuration, format: format)
        let counts = model.store.parameters.reduce(into: (vision: 0, text: 0)) { counts, parameter in
            let count = parameter.shape.reduce(1, *)
            if parameter.name.hasPrefix("visual.") { counts.vision += count } else { counts.text += count }
        }
        #expect(counts == (vision, text), "\(name)")
    }
}
