import Torch

extension CLIPConfiguration {
    /// The architecture in an `open_clip_config.json`, or in one of OpenCLIP's model files.
    /// - Throws: ``CLIPError`` for towers that are not built here (other than CLIP's own transformers and ResNets);
    ///   `WeightFileError` when the file cannot be read.
    public init(openCLIP path: String) throws {
        let file = try ConfigurationFile(path: path)
        let model = file.has("model_cfg") ? try file.object("model_cfg") : file
        guard model.has("vision_cfg"), model.has("text_cfg"),
            let embeddingWidth = try model.integer("embed_dim")
        else {
            throw CLIPError(path, reason: "lacks \"embed_dim\", \"vision_cfg\" or \"text_cfg\" of OpenCLIP")
        }
        let vision = try model.object("vision_cfg")
        let text = try model.object("text_cfg")
        for (part, key) in [
            (vision, "timm_model_name"), (text, "hf_model_name"), (vision, "attentional_pool"),
        ] where part.has(key) && (try? part.boolean(key)) != .some(.some(false)) {
            throw CLIPError(
                path, reason: "\"\(key)\" asks for a tower that is none of CLIP's transformers and ResNets")
        }
        let activation: Activation = try model.boolean("quick_gelu") ?? false ? .quickGELU : .gelu
        let width = try vision.integer("width") ?? 768
        let imageSize = try vision.integers("image_size") ?? [224]
        guard let side = imageSize.first, imageSize.allSatisfy({ $0 == side }) else {
            throw CLIPError(path, reason: "\"image_size\" \(imageSize) is not that of a square")
        }
        let layers = try vision.integers("layers") ?? [12]
        // ResNets: 64 places of a head unless said otherwise, of the last stage's 32 times the width.
        let headWidth = try vision.integer("head_width") ?? 64
        try Limits.check(path, "head width", headWidth, 1...65_536)
        try Limits.check(path, "width", width, 1...65_536)
        let tower: Vision
        if layers.count != 1 {
            tower = .resNet(
                .init(
                    blocks: layers, width: width, imageSize: side, heads: width * 32 / headWidth,
                    embeddingWidth: embeddingWidth))
        } else {
            let ratio = try vision.number("mlp_ratio") ?? 4
            try Limits.check(path, "mlp ratio", Int(min(max(ratio, 0), 1e6)), 1...64)
            tower = .transformer(
                .init(
                    transformer: .init(
                        width: width, depth: layers[0], heads: width / headWidth,
                        hiddenWidth: Int(Double(width) * ratio), activation: activation),
                    patchSize: try vision.integer("patch_size") ?? 32, imageSize: side,
                    embeddingWidth: embeddingWidth))
        }
        self.init(
            vision: tower,
            text: .init(
                transformer: .init(
                    width: try text.integer("width") ?? 512, depth: try text.integer("layers") ?? 12,
                    heads: try text.integer("heads") ?? 8, activation: activation),
                vocabularySize: try text.integer("vocab_size") ?? 49_408,
                contextLength: try text.integer("context_length") ?? 77, embeddingWidth: embeddingWidth))
        try validate(path)
    }
}
