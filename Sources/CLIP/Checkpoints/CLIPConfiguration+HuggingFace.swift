import Support
import Torch

extension CLIPConfiguration {
    /// Reads the architecture from a `config.json` of transformers' `CLIPModel`; missing values take transformers'
    /// defaults.
    /// - Throws: ``CLIPError`` if the file cannot be read, describes another kind of model, or is not supported.
    package init(huggingFace path: String) throws {
        let file = try ConfigurationFile(contentsOf: path)
        let kind = try file.text("model_type")
        let parts = ["text_config", "vision_config", "text_config_dict", "vision_config_dict"]
        guard kind == "clip" || kind == nil && parts.contains(where: file.has) else {
            throw CLIPError(
                path, reason: "describes a \"\(kind ?? "unknown")\" model, not a CLIP")
        }
        try file.refuse("quantization_config", unless: [])
        // Early files keep a part under *_dict, either alone or next to a shortened one; transformers then uses it as a
        // whole.
        func part(_ name: String) throws -> ConfigurationFile {
            try file.object(file.has("\(name)_dict") ? "\(name)_dict" : name)
        }
        let (vision, text) = (try part("vision_config"), try part("text_config"))
        try vision.refuse("model_type", unless: [.string("clip_vision_model"), .string("clip")])
        try text.refuse("model_type", unless: [.string("clip_text_model"), .string("clip")])
        try vision.refuse("num_channels", unless: [.integer(3)])
        let embeddingWidth = try file.integer("projection_dim") ?? 512
        let end = try text.integer("eos_token_id") ?? 49_407
        self.init(
            vision: .transformer(
                .init(
                    transformer: try Self.transformer(
                        vision, width: 768, depth: 12, heads: 12, hidden: 3_072),
                    patchSize: try vision.side("patch_size") ?? 32,
                    imageSize: try vision.side("image_size") ?? 224, embeddingWidth: embeddingWidth)),
            text: .init(
                transformer: try Self.transformer(text, width: 512, depth: 12, heads: 8, hidden: 2_048),
                vocabularySize: try text.integer("vocab_size") ?? 49_408,
                contextLength: try text.integer("max_position_embeddings") ?? 77,
                embeddingWidth: embeddingWidth,
                // Files from before the end token was configurable give 2, which is an exclamation mark; transformers
                // then uses the highest id.
                endToken: end == 2 ? .highest : .id(end)))
        try validate(path)
    }

    private static func transformer(
        _ file: ConfigurationFile, width: Int, depth: Int, heads: Int, hidden: Int
    ) throws -> TransformerConfiguration {
        TransformerConfiguration(
            width: try file.integer("hidden_size") ?? width,
            depth: try file.integer("num_hidden_layers") ?? depth,
            heads: try file.integer("num_attention_heads") ?? heads,
            hiddenWidth: try file.integer("intermediate_size") ?? hidden,
            activation: try activation(file), epsilon: try file.number("layer_norm_eps") ?? 1e-5)
    }

    /// transformers' names of functions that have a different name here (`activations.py`).
    private static let aliases: [String: Activation] = [
        "gelu_python": .gelu, "gelu_new": .geluTanh, "gelu_fast": .geluTanh, "gelu_accurate": .geluTanh,
        "gelu_python_tanh": .geluTanh, "swish": .silu, "linear": .identity,
    ]

    private static func activation(_ file: ConfigurationFile) throws -> Activation {
        let name = try file.text("hidden_act") ?? Activation.quickGELU.rawValue
        guard let activation = Activation(rawValue: name) ?? aliases[name] else {
            let known = Activation.allCases.map(\.rawValue) + aliases.keys.sorted()
            throw CLIPError(
                file.path,
                reason: "\"hidden_act\" is \"\(name)\"; expected one of \(known.joined(separator: ", "))"
            )
        }
        return activation
    }
}
