import Torch

/// How a checkpoint names its tensors, and with that how the layers here name their parameters.
///
/// There is one structure of layers; only the names and two layouts differ: the attention's projections (separate or
/// packed) and the orientation of the projections into the common space.
///
/// | part | ``huggingFace`` | ``openAI`` |
/// |---|---|---|
/// | patches | `vision_model.embeddings.patch_embedding` | `visual.conv1` |
/// | vision positions | `vision_model.embeddings.position_embedding.weight` | `visual.positional_embedding` |
/// | first vision norm | `vision_model.pre_layrnorm` | `visual.ln_pre` |
/// | vision blocks | `vision_model.encoder.layers.N` | `visual.transformer.resblocks.N` |
/// | attention of a block | `self_attn.{q,k,v,out}_proj` | `attn.in_proj_*`, `attn.out_proj` |
/// | last vision norm | `vision_model.post_layernorm` | `visual.ln_post` |
/// | vision projection | `visual_projection.weight` [E, width] | `visual.proj` [width, E] |
/// | ResNet | none | `visual.{conv,bn}{1,2,3}`, `visual.layer{1..4}`, `visual.attnpool` |
/// | tokens | `text_model.embeddings.token_embedding` | `token_embedding` |
/// | text positions | `text_model.embeddings.position_embedding.weight` | `positional_embedding` |
/// | text blocks | `text_model.encoder.layers.N` | `transformer.resblocks.N` |
/// | last text norm | `text_model.final_layer_norm` | `ln_final` |
/// | text projection | `text_projection.weight` [E, width] | `text_projection` [width, E] |
public enum CheckpointFormat: String, Sendable, Hashable, CaseIterable {
    /// The names of transformers' `CLIPModel`.
    case huggingFace
    /// The names of OpenAI's and OpenCLIP's state dictionaries.
    case openAI
}

/// The names inside a block of a transformer.
struct BlockNames {
    let attention: String
    let attentionLayout: MultiHeadAttention.Layout
    let firstNorm: String
    let secondNorm: String
    let expansion: String
    let contraction: String
}

extension CheckpointFormat {
    var blockNames: BlockNames {
        switch self {
        case .huggingFace:
            BlockNames(
                attention: "self_attn", attentionLayout: .named, firstNorm: "layer_norm1",
                secondNorm: "layer_norm2", expansion: "fc1", contraction: "fc2")
        case .openAI:
            BlockNames(
                attention: "attn", attentionLayout: .packed, firstNorm: "ln_1", secondNorm: "ln_2",
                expansion: "c_fc", contraction: "c_proj")
        }
    }
}
