import Torch

extension CLIPConfiguration {
    /// The architecture in a `config.json` of transformers' `CLIPModel`; what it leaves out has transformers' defaults.
    /// - Throws: ``CLIPError`` when the file is of another kind of model or cannot be built; `WeightFileError` when it
    ///   cannot be read.
    public init(huggingFace path: String) throws {
        let file = try ConfigurationFile(path: path)
        let kind = try file.text("model_type")
        guard kind == nil || kind == "clip", file.has("vision_config") || file.has("text_config") else {
            throw CLIPError(
                path, reason: "describes a model of the kind \"\(kind ?? "unknown")\", not a CLIP")
        }
        // Early files repeat the values under *_dict, which count more.
        let vision = try file.object("vision_config").overridden(by: file.object("vision_config_dict"))
        let text = try file.object("text_config").overridden(by: file.object("text_config_dict"))
        let embeddingWidth = try file.integer("projection_dim") ?? 512
        let end = try text.integer("eos_token_id") ?? 49_407
        self.init(
            vision: .transformer(
                .init(
                    transformer: try Self.transformer(
                        vision, width: 768, depth: 12, heads: 12, hidden: 3_072),
                    patchSize: try vision.integer("patch_size") ?? 32,
                    imageSize: try vision.integer("image_size") ?? 224, embeddingWidth: embeddingWidth)),
            text: .init(
                transformer: try Self.transformer(text, width: 512, depth: 12, heads: 8, hidden: 2_048),
                vocabularySize: try text.integer("vocab_size") ?? 49_408,
                contextLength: try text.integer("max_position_embeddings") ?? 77,
                embeddingWidth: embeddingWidth,
                // Files from before the end token was configurable say 2, which is an exclamation mark; transformers
                // takes the highest id then.
                endToken: end == 2 ? .highest : .id(end)))
        try validate(path)
    }

    private static func transformer(
        _ file: ConfigurationFile, width: Int, depth: Int, heads: Int, hidden: Int
    ) throws -> TransformerConfiguration {
        let name = try file.text("hidden_act") ?? Activation.quickGELU.rawValue
        guard let activation = Activation(rawValue: name) else {
            throw CLIPError(
                file.path,
                reason: "\"hidden_act\" is \"\(name)\"; known are "
                    + Activation.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return TransformerConfiguration(
            width: try file.integer("hidden_size") ?? width,
            depth: try file.integer("num_hidden_layers") ?? depth,
            heads: try file.integer("num_attention_heads") ?? heads,
            hiddenWidth: try file.integer("intermediate_size") ?? hidden, activation: activation,
            epsilon: try file.number("layer_norm_eps") ?? 1e-5)
    }
}
