import FixtureSupport
import Testing
import Torch
import WeightFiles

@testable import CLIP

@Suite struct ConfigurationTests {
    @Test func huggingFaceDefaultsAreThoseOfTransformers() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            #"{"model_type": "clip", "vision_config": {}, "text_config": {}}"#, "config.json")
        var expected = CLIPConfiguration.viTB32
        expected.text.endToken = .id(49_407)
        #expect(try CLIPConfiguration(huggingFace: path) == expected)
    }

    @Test func oldFilesRepeatValuesThatCountMore() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            """
            {"vision_config": {"hidden_act": "quick_gelu"}, "vision_config_dict": {"hidden_act": "gelu"},
             "text_config": {"eos_token_id": 2}, "text_config_dict": null}
            """, "config.json")
        let configuration = try CLIPConfiguration(huggingFace: path)
        guard case .transformer(let vision) = configuration.vision else { throw CLIPError("", reason: "") }
        #expect(vision.transformer.activation == .gelu)
        #expect(configuration.text.transformer.activation == .quickGELU)
        #expect(configuration.text.endToken == .highest)
    }

    @Test func openCLIPFilesOfBothTowers() throws {
        let folder = try TemporaryFolder()
        let resNet = try folder.write(
            """
            {"model_cfg": {"embed_dim": 1024, "quick_gelu": true,
              "vision_cfg": {"image_size": 224, "layers": [3, 4, 6, 3], "width": 64, "patch_size": null},
              "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12}}}
            """, "resnet.json")
        #expect(try CLIPConfiguration(openCLIP: resNet) == .resNet50)
        let huge = try folder.write(
            """
            {"embed_dim": 1024,
             "vision_cfg": {"image_size": 224, "layers": 32, "width": 1280, "head_width": 80, "patch_size": 14},
             "text_cfg": {"width": 1024, "heads": 16, "layers": 24}}
            """, "huge.json")
        let configuration = try CLIPConfiguration(openCLIP: huge)
        guard case .transformer(let vision) = configuration.vision else { throw CLIPError("", reason: "") }
        #expect(vision.transformer.heads == 16)
        #expect(vision.transformer.activation == .gelu)
        #expect(configuration.text.transformer.depth == 24)
    }

    @Test(arguments: [
        (#"{"model_type": "siglip", "vision_config": {}}"#, "siglip"),
        (#"{"vision_config": {"hidden_size": 770}}"#, "do not divide"),
        (#"{"vision_config": {"num_hidden_layers": 1000000000}}"#, "number of blocks"),
        (#"{"vision_config": {"hidden_size": "wide"}}"#, "vision_config.hidden_size"),
        (#"{"vision_config": {"hidden_act": "mish"}}"#, "mish"),
        (#"{"vision_config": {"patch_size": 0}}"#, "patch size"),
        (#"{"vision_config": {"image_size": 9223372036854775807}}"#, "image size"),
        (#"{"vision_config": []}"#, "not an object"),
        ("[]", "no JSON object"), ("{", "byte"),
    ])
    func brokenFilesSayWhatIsWrong(text: String, expected: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, "config.json")
        let error = #expect(throws: CLIPError.self) { try CLIPConfiguration(huggingFace: path) }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        #expect(error?.description.hasPrefix(path) == true)
    }

    @Test func towersOfOtherKindsAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            #"{"embed_dim": 8, "vision_cfg": {"timm_model_name": "vit_x"}, "text_cfg": {}}"#, "c.json")
        let error = #expect(throws: CLIPError.self) { try CLIPConfiguration(openCLIP: path) }
        #expect(error?.description.contains("timm_model_name") == true)
    }

    /// What the shapes tell must be what the network was built from.
    @Test(arguments: [
        (CLIPConfiguration.tinyTransformer, CheckpointFormat.openAI, ""),
        (.tinyTransformer, .huggingFace, ""), (.tinyResNet, .openAI, "module."),
    ])
    func shapesTellTheArchitecture(
        configuration: CLIPConfiguration, format: CheckpointFormat, prefix: String
    ) throws {
        let model = try CLIPModel(configuration, format: format)
        try model.store.initialize(seed: 1)
        let stored = StoredTensors(try model.store.stored { prefix + $0 })
        let inferred = try CLIPConfiguration(
            inferredFrom: stored, prefix: prefix, format: format, activation: .quickGELU)
        #expect(inferred == configuration)
    }
}

extension CLIPConfiguration {
    /// A transformer that takes no time.
    static let tinyTransformer = CLIPConfiguration(
        vision: .transformer(
            .init(
                transformer: .init(width: 128, depth: 3, activation: .quickGELU), patchSize: 8, imageSize: 32,
                embeddingWidth: 24)),
        text: .init(
            transformer: .init(width: 64, depth: 2, hiddenWidth: 96, activation: .quickGELU),
            vocabularySize: 50, contextLength: 12, embeddingWidth: 24))

    /// A ResNet that takes no time.
    static let tinyResNet = CLIPConfiguration(
        vision: .resNet(.init(blocks: [1, 2, 1, 1], width: 4, imageSize: 96, embeddingWidth: 24)),
        text: tinyTransformer.text)
}
