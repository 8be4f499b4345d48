import Torch

/// The naming of a checkpoint's tensors, which is also the naming of the parameters of the layers here.
///
/// All formats share one structure of layers; they differ in names and in two layouts: the attention's projections
/// (separate or packed) and the orientation of the projections into the shared space.
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
package enum CheckpointFormat: String, Sendable, Hashable, CaseIterable {
    /// The names of transformers' `CLIPModel`.
    case huggingFace
    /// The names of OpenAI's and OpenCLIP's state dictionaries.
    case openAI
}

/// The names of a checkpoint's parameters, from the root of the whole CLIP.
struct CheckpointNames: Sendable {
    /// A parameter that is a single tensor: its scope and its name there.
    typealias Place = (scope: String, name: String)

    /// A tower: an embedding of patches or tokens, and a transformer.
    struct Tower: Sendable {
        /// Patch convolution or token table.
        let embedding: String
        let positions: Place
        /// The list of the blocks.
        let blocks: String
        let lastNorm: String
        let projection: Place
    }

    /// The names within a block.
    struct Block: Sendable {
        let attention: String
        let attentionLayout: MultiHeadAttention.Layout
        let firstNorm: String
        let secondNorm: String
        let expansion: String
        let contraction: String
    }

    let text: Tower
    let vision: Tower
    let classToken: Place
    let firstVisionNorm: String
    let block: Block
    /// Whether the projections are [width, E] rather than [E, width].
    let projectionsAreTransposed: Bool
    /// The scope of a ResNet; nil if the format has none.
    let resNet: String?
}

extension CheckpointFormat {
    /// The names of this format.
    var names: CheckpointNames {
        switch self {
        case .huggingFace: .huggingFace
        case .openAI: .openAI
        }
    }
}

extension CheckpointNames {
    fileprivate static let huggingFace = CheckpointNames(
        text: Tower(
            embedding: "text_model.embeddings.token_embedding",
            positions: ("text_model.embeddings.position_embedding", "weight"),
            blocks: "text_model.encoder.layers", lastNorm: "text_model.final_layer_norm",
            projection: ("text_projection", "weight")),
        vision: Tower(
            embedding: "vision_model.embeddings.patch_embedding",
            positions: ("vision_model.embeddings.position_embedding", "weight"),
            blocks: "vision_model.encoder.layers", lastNorm: "vision_model.post_layernorm",
            projection: ("visual_projection", "weight")),
        classToken: ("vision_model.embeddings", "class_embedding"),
        // The misspelling is in the checkpoints.
        firstVisionNorm: "vision_model.pre_layrnorm",
        block: Block(
            attention: "self_attn", attentionLayout: .named, firstNorm: "layer_norm1",
            secondNorm: "layer_norm2", expansion: "fc1", contraction: "fc2"),
        projectionsAreTransposed: false, resNet: nil)

    fileprivate static let openAI = CheckpointNames(
        text: Tower(
            embedding: "token_embedding", positions: ("", "positional_embedding"),
            blocks: "transformer.resblocks", lastNorm: "ln_final", projection: ("", "text_projection")),
        vision: Tower(
            embedding: "visual.conv1", positions: ("visual", "positional_embedding"),
            blocks: "visual.transformer.resblocks", lastNorm: "visual.ln_post",
            projection: ("visual", "proj")),
        classToken: ("visual", "class_embedding"), firstVisionNorm: "visual.ln_pre",
        block: Block(
            attention: "attn", attentionLayout: .packed, firstNorm: "ln_1", secondNorm: "ln_2",
            expansion: "c_fc", contraction: "c_proj"),
        projectionsAreTransposed: true, resNet: "visual")
}

extension ParameterScope {
    /// The scope of `place` inside this one.
    func scope(of place: CheckpointNames.Place) -> ParameterScope {
        place.scope.isEmpty ? self : self / place.scope
    }
}
