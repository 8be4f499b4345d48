import Support
import Torch

extension CLIPConfiguration {
    /// Reads the architecture from an `open_clip_config.json` or from one of OpenCLIP's model files.
    ///
    /// Settings that OpenCLIP's models have and the towers here lack (`CLIPVisionCfg` and `CLIPTextCfg` in open_clip's
    /// `model.py`) are rejected by name unless they have their default value; those without effect are ignored.
    /// - Throws: ``CLIPError`` if the file cannot be read or describes an unsupported tower.
    package init(openCLIP path: String) throws {
        let file = try ConfigurationFile(contentsOf: path)
        let model = file.has("model_cfg") ? try file.object("model_cfg") : file
        guard model.has("vision_cfg"), model.has("text_cfg"),
            let embeddingWidth = try model.integer("embed_dim")
        else {
            throw CLIPError(path, reason: "lacks \"embed_dim\", \"vision_cfg\" or \"text_cfg\" of OpenCLIP")
        }
        let (vision, text) = (try model.object("vision_cfg"), try model.object("text_cfg"))
        for (part, settings) in [
            (model, Settings.model), (vision, Settings.vision), (text, Settings.text),
        ] { try settings.check(part) }
        let quick = try model.boolean("quick_gelu") ?? false
        let side = try vision.side("image_size") ?? 224
        let layers = try vision.integers("layers") ?? [12]
        self.init(
            vision: layers.count == 1
                ? try Self.transformer(
                    vision, depth: layers[0], side: side, quick: quick, embeddingWidth: embeddingWidth)
                : try Self.resNet(vision, blocks: layers, side: side, embeddingWidth: embeddingWidth),
            text: try Self.textTower(text, quick: quick, embeddingWidth: embeddingWidth))
        try validate(path)
    }

    /// Takes from an `open_clip_config.json` what the shapes of EVA-02's and Perception Encoder's tensors do not tell: the
    /// number of heads of both towers, `vision_cfg.head_width` and `text_cfg.heads`.
    /// - Throws: ``CLIPError`` for settings of another tower than the published ones, and when the file cannot be read.
    mutating func takeHeads(openCLIP path: String) throws {
        let file = try ConfigurationFile(contentsOf: path)
        let model = file.has("model_cfg") ? try file.object("model_cfg") : file
        let (vision, text) = (try model.object("vision_cfg"), try model.object("text_cfg"))
        // Of EVA-CLIP's model files: settings that change what the tower computes.
        for key in ["rope", "intp_freq", "naiveswiglu", "subln", "qkv_bias"] {
            try vision.refuse(key, unless: [.boolean(true)])
        }
        for key in ["global_average_pool", "postnorm"] { try vision.refuse(key, unless: [.boolean(false)]) }
        try vision.refuse("pt_hw_seq_len", unless: [.integer(16)])
        try vision.refuse("timm_proj", unless: [])
        try vision.refuse("timm_pool", unless: [.string("token"), .string("map")])
        if let heads = try text.integer("heads") { self.text.transformer.heads = heads }
        guard case .transformer(var tower) = self.vision, let width = try vision.integer("head_width") else {
            return
        }
        try Limits.check(path, "head width", width, 1...65_536)
        tower.transformer.heads = tower.transformer.width / width
        self.vision = .transformer(tower)
    }

    private static func resNet(
        _ file: ConfigurationFile, blocks: [Int], side: Int, embeddingWidth: Int
    ) throws -> Vision {
        let width = try file.integer("width") ?? 768
        // Heads are 64 wide by default; in a ResNet they divide the last stage's width, 32 times `width`.
        let headWidth = try file.integer("head_width") ?? 64
        try Limits.check(file.path, "head width", headWidth, 1...65_536)
        try Limits.check(file.path, "width", width, 1...65_536)
        return .resNet(
            .init(
                blocks: blocks, width: width, imageSize: side, heads: width * 32 / headWidth,
                embeddingWidth: embeddingWidth))
    }

    private static func transformer(
        _ file: ConfigurationFile, depth: Int, side: Int, quick: Bool, embeddingWidth: Int
    ) throws -> Vision {
        try file.refuse("pool_type", unless: [.string("tok")])
        let width = try file.integer("width") ?? 768
        let headWidth = try file.integer("head_width") ?? 64
        try Limits.check(file.path, "head width", headWidth, 1...65_536)
        return .transformer(
            .init(
                transformer: try blocks(
                    file, width: width, depth: depth, heads: width / headWidth, quick: quick),
                patchSize: try file.side("patch_size") ?? 16, imageSize: side, embeddingWidth: embeddingWidth)
        )
    }

    private static func textTower(
        _ file: ConfigurationFile, quick: Bool, embeddingWidth: Int
    ) throws -> TextTransformer.Configuration {
        try file.refuse("pool_type", unless: [.string("argmax"), .string("eos")])
        let takesLast = try file.text("pool_type") == "eos"
        return .init(
            transformer: try blocks(
                file, width: file.integer("width") ?? 512, depth: file.integer("layers") ?? 12,
                heads: file.integer("heads") ?? 8, quick: quick),
            vocabularySize: try file.integer("vocab_size") ?? 49_408,
            contextLength: try file.integer("context_length") ?? 77, embeddingWidth: embeddingWidth,
            endToken: takesLast ? .id(try file.integer("eos_id") ?? 2) : .highest)
    }

    private static func blocks(
        _ file: ConfigurationFile, width: Int, depth: Int, heads: Int, quick: Bool
    ) throws -> TransformerConfiguration {
        try Limits.check(file.path, "width", width, 1...65_536)
        let ratio = try file.number("mlp_ratio") ?? 4
        try Limits.check(file.path, "mlp ratio", Int(min(max(ratio, 0), 1e6)), 1...64)
        let norm = try file.object("norm_kwargs")
        try norm.refuseOthers(than: ["eps", "elementwise_affine", "bias"])
        for key in ["elementwise_affine", "bias"] { try norm.refuse(key, unless: [.boolean(true)]) }
        return TransformerConfiguration(
            width: width, depth: depth, heads: heads, hiddenWidth: Int(Double(width) * ratio),
            activation: try activation(file.object("act_kwargs"), quick: quick),
            epsilon: try norm.number("eps") ?? 1e-5)
    }

    /// OpenAI's approximation, or PyTorch's GELU with its one argument.
    private static func activation(_ arguments: ConfigurationFile, quick: Bool) throws -> Activation {
        if quick {
            try arguments.refuseOthers(than: [])
            return .quickGELU
        }
        try arguments.refuseOthers(than: ["approximate"])
        try arguments.refuse("approximate", unless: [.string("none"), .string("tanh")])
        return try arguments.text("approximate") == "tanh" ? .geluTanh : .gelu
    }

    /// The settings of one section of OpenCLIP's configuration.
    private struct Settings {
        /// Settings that are read here or do not affect the arithmetic of the supported towers.
        let accepted: Set<String>
        /// Settings that must be absent, null or one of these values.
        let fixed: [String: [JSONValue]]

        func check(_ part: ConfigurationFile) throws {
            for (key, values) in fixed.sorted(by: { $0.key < $1.key }) {
                try part.refuse(key, unless: values)
            }
            try part.refuseOthers(than: accepted.union(fixed.keys))
        }

        static let model = Settings(
            accepted: [
                "embed_dim", "vision_cfg", "text_cfg", "quick_gelu", "init_logit_scale", "init_logit_bias",
                "nonscalar_logit_scale", "cast_dtype", "output_dict", "custom_text",
            ], fixed: ["multimodal_cfg": []])

        /// The settings of a block, in either tower.
        private static let block: [String: [JSONValue]] = [
            "ls_init_value": [],
            // The attention of "custom" computes the same while the settings below are off.
            "block_type": [.string("default"), .string("custom")],
            "qk_norm": [.boolean(false)], "scaled_cosine_attn": [.boolean(false)],
            "scale_heads": [.boolean(false)], "scale_attn_inner": [.boolean(false)],
            "scale_attn": [.boolean(false)], "scale_fc": [.boolean(false)],
        ]

        static let vision = Settings(
            accepted: [
                "layers", "width", "head_width", "mlp_ratio", "patch_size", "image_size", "patch_dropout",
                "pool_type", "output_tokens", "act_kwargs", "norm_kwargs", "attn_pooler_queries",
                "attn_pooler_heads", "n_queries", "timm_model_pretrained", "timm_pool", "timm_proj",
                "timm_proj_bias", "timm_drop", "timm_drop_path",
                // The order does not matter if the class token is the pooled one.
                "final_ln_after_pool",
                // Both kinds of positions are stored with the weights.
                "pos_embed_type",
            ],
            fixed: block.merging(
                [
                    "timm_model_name": [], "attentional_pool": [.boolean(false)],
                    "no_ln_pre": [.boolean(false)], "input_patchnorm": [.boolean(false)],
                    "global_average_pool": [.boolean(false)],
                ], uniquingKeysWith: { $1 }))

        static let text = Settings(
            accepted: [
                "context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio", "pad_id", "eos_id",
                "pool_type", "output_tokens", "act_kwargs", "norm_kwargs", "final_ln_after_pool",
                "hf_model_pretrained", "hf_proj_type", "hf_pooler_type", "proj", "pooler_type",
                // The choice of tokenizer: the one next to the weights must be CLIP's.
                "hf_tokenizer_name", "tokenizer_mode",
            ],
            fixed: block.merging(
                [
                    "hf_model_name": [], "tokenizer_kwargs": [.object([:])], "embed_cls": [.boolean(false)],
                    "no_causal_mask": [.boolean(false)], "proj_bias": [.boolean(false)],
                    "proj_type": [.string("linear")],
                ], uniquingKeysWith: { $1 }))
    }
}
