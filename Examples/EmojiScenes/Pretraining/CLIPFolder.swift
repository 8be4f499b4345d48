import CLIP
import Foundation
import Support
import WeightFiles

/// A trained CLIP as a folder in OpenCLIP's format, next to the tokenizer's files.
enum CLIPFolder {
    /// Writes the configuration and float16 weights.
    static func write(_ trainer: Pretrainer, to folder: String) throws {
        let configuration = trainer.clip.model.configuration
        guard case .resNet(let vision) = configuration.vision else { return }
        let text = configuration.text
        let json = """
            {
              "model_cfg": {
                "embed_dim": \(configuration.embeddingWidth),
                "quick_gelu": false,
                "vision_cfg": {
                  "image_size": \(vision.imageSize),
                  "layers": \(vision.blocks),
                  "width": \(vision.width),
                  "head_width": \(vision.width * 32 / vision.heads),
                  "patch_size": null
                },
                "text_cfg": {
                  "context_length": \(text.contextLength),
                  "vocab_size": \(text.vocabularySize),
                  "width": \(text.transformer.width),
                  "heads": \(text.transformer.heads),
                  "layers": \(text.transformer.depth)
                }
              },
              "preprocess_cfg": {
                "mean": [0.48145466, 0.4578275, 0.40821073],
                "std": [0.26862954, 0.26130258, 0.27577711]
              }
            }

            """
        try AtomicFile.write(json, to: folder + "/open_clip_config.json")
        try Safetensors.write(
            trainer.clip.exported(), metadata: ["format": "pt", "seed": String(trainer.plan.seed)],
            to: folder + "/open_clip_model.safetensors")
    }
}
