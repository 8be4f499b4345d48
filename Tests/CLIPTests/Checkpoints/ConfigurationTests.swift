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
        ("[]", "not a JSON object"), ("{", "byte"),
    ])
    func brokenFilesSayWhatIsWrong(text: String, expected: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, "config.json")
        let error = #expect(throws: CLIPError.self) { try CLIPConfiguration(huggingFace: path) }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        #expect(error?.description.hasPrefix(path) == true)
    }

    /// transformers 5.24 takes the parts under *_dict as wholes, alone too.
    @Test("B36: early files have their parts under dict") func earlyFilesHaveTheirPartsUnderDict() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            """
            {"model_type": "clip", "text_config": {"hidden_size": 64, "num_attention_heads": 4},
             "text_config_dict": {"hidden_act": "gelu_new"}, "vision_config_dict": {"patch_size": [16, 16]}}
            """, "config.json")
        let configuration = try CLIPConfiguration(huggingFace: path)
        #expect(configuration.text.transformer.width == 512)
        #expect(configuration.text.transformer.activation == .geluTanh)
        guard case .transformer(let vision) = configuration.vision else { throw CLIPError(reason: "") }
        #expect(vision.patchSize == 16)
    }

    @Test(arguments: [
        #""vision_config": {"num_channels": 4}"#, #""text_config": {"model_type": "siglip_text_model"}"#,
        #""quantization_config": {"bits": 4}"#,
    ]) func settingsOfTransformersThatAreNotBuiltAreRefused(_ setting: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("{\"model_type\": \"clip\", \(setting)}", "config.json")
        let error = #expect(throws: CLIPError.self) { try CLIPConfiguration(huggingFace: path) }
        #expect(error?.reason.contains("unsupported network") == true)
    }

    /// A file of OpenCLIP with settings in its three parts.
    private func openCLIP(
        _ folder: TemporaryFolder, model: String = "", vision: String = "", text: String = ""
    ) throws -> String {
        func part(_ settings: String, _ more: String) -> String {
            settings + (more.isEmpty ? "" : ", " + more)
        }
        return try folder.write(
            """
            {"model_cfg": {\(part(#""embed_dim": 48"#, model)),
              "vision_cfg": {\(part(#""image_size": 32, "layers": 2, "width": 64, "head_width": 16"#, vision))},
              "text_cfg": {\(part(#""width": 64, "heads": 4, "layers": 2"#, text))}}}
            """, "open_clip_config.json")
    }

    /// Settings of open_clip 3.3 that change what its towers compute.
    @Test(
        "B03: settings of OpenCLIP that are not built are refused",
        arguments: [
            ("vision", #""pool_type": "avg""#),
            ("vision", #""final_ln_after_pool": true, "pool_type": "avg""#),
            ("vision", #""no_ln_pre": true"#), ("vision", #""attentional_pool": "parallel""#),
            ("vision", #""ls_init_value": 1e-5"#), ("vision", #""qk_norm": true"#),
            ("vision", #""timm_model_name": "vit_x""#), ("vision", #""norm_kwargs": {"bias": false}"#),
            ("vision", #""act_kwargs": {"inplace": true}"#), ("vision", #""new_setting": 1"#),
            ("text", #""no_causal_mask": true"#), ("text", #""pool_type": "last""#),
            ("text", #""pool_type": "first""#),
            ("text", #""embed_cls": true"#), ("text", #""proj_type": "none""#),
            ("text", #""proj_bias": true"#),
            ("text", #""scale_fc": true"#), ("text", #""hf_model_name": "bert""#),
            ("text", #""tokenizer_kwargs": {"clean": "whitespace"}"#),
            ("model", #""multimodal_cfg": {"width": 8}"#),
            ("model", #""quick_gelu": true"#),
        ]) func settingsOfOpenCLIPThatAreNotBuiltAreRefused(part: String, setting: String) throws
    {
        let folder = try TemporaryFolder()
        let path = try openCLIP(
            folder, model: part == "model" ? setting : "", vision: part == "vision" ? setting : "",
            text: part == "text"
                ? setting : setting.contains("quick_gelu") ? #""act_kwargs": {"approximate": "tanh"}"# : "")
        let error = #expect(throws: CLIPError.self) { try CLIPConfiguration(openCLIP: path) }
        let key = setting.contains("quick_gelu") ? "approximate" : setting.split(separator: "\"")[0]
        #expect(error?.subject == path)
        #expect(error?.reason.contains(key) == true || setting.contains(", "), "\(error?.reason ?? "")")
    }

    @Test("B03: settings of open CLIP that change nothing are accepted")
    func settingsOfOpenCLIPThatChangeNothingAreAccepted() throws {
        let folder = try TemporaryFolder()
        let plain = try CLIPConfiguration(openCLIP: openCLIP(folder))
        let same = try CLIPConfiguration(
            openCLIP: openCLIP(
                folder,
                model: #""init_logit_bias": -10, "nonscalar_logit_scale": true, "multimodal_cfg": null"#,
                vision:
                    #""output_tokens": true, "patch_dropout": 0.5, "pool_type": "tok", "block_type": "custom", "#
                    + #""final_ln_after_pool": true, "attentional_pool": false, "norm_kwargs": null, "mlp_ratio": 4"#,
                text: #""pool_type": "argmax", "output_tokens": true, "pad_id": 1, "act_kwargs": {}"#))
        #expect(same == plain)
    }

    @Test("B03: settings of open CLIP that are built") func settingsOfOpenCLIPThatAreBuilt() throws {
        let folder = try TemporaryFolder()
        let configuration = try CLIPConfiguration(
            openCLIP: openCLIP(
                folder,
                vision:
                    #""norm_kwargs": {"eps": 0.1}, "act_kwargs": {"approximate": "tanh"}, "patch_size": [8, 8]"#,
                text: #""norm_kwargs": {"eps": 1e-6}, "mlp_ratio": 2, "pool_type": "eos", "eos_id": 7"#))
        guard case .transformer(let vision) = configuration.vision else { throw CLIPError(reason: "") }
        #expect(vision.transformer.epsilon == 0.1)
        #expect(vision.transformer.activation == .geluTanh)
        #expect(vision.patchSize == 8)
        #expect(configuration.text.transformer.epsilon == 1e-6)
        #expect(configuration.text.transformer.hiddenWidth == 128)
        #expect(configuration.text.endToken == .id(7))
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
