import Torch

/// The naming of a checkpoint's tensors, which is also the naming of the parameters of the layers here.
///
/// There is one structure of layers a design of towers; only the names and two layouts differ: the attention's projections
/// (separate or packed) and the orientation of the projections into the common space.
///
/// timm's names for EVA-02 and Perception Encoder, in OpenCLIP's files, are no format of their own: ``TimmWeights`` gives
/// their tensors the names that the authors' files have.
///
/// | part | ``huggingFace`` | ``openAI`` | ``eva`` |
/// |---|---|---|---|
/// | patches | `vision_model.embeddings.patch_embedding` | `visual.conv1` | `visual.patch_embed.proj` |
/// | vision positions | `vision_model.embeddings.position_embedding.weight` | `visual.positional_embedding` | `visual.pos_embed` |
/// | first vision norm | `vision_model.pre_layrnorm` | `visual.ln_pre` | none |
/// | vision blocks | `vision_model.encoder.layers.N` | `visual.transformer.resblocks.N` | `visual.blocks.N` |
/// | attention of a block | `self_attn.{q,k,v,out}_proj` | `attn.in_proj_*`, `attn.out_proj` | as ``openAI`` (text) |
/// | pooling head | none | `visual.attn_pool` (Perception Encoder) | none |
/// | last vision norm | `vision_model.post_layernorm` | `visual.ln_post` | `visual.norm` |
/// | vision projection | `visual_projection.weight` [E, width] | `visual.proj` [width, E] | `visual.head.weight` [E, width] |
/// | ResNet | none | `visual.{conv,bn}{1,2,3}`, `visual.layer{1..4}`, `visual.attnpool` | none |
/// | tokens | `text_model.embeddings.token_embedding` | `token_embedding` | `text.token_embedding` |
/// | text positions | `text_model.embeddings.position_embedding.weight` | `positional_embedding` | `text.positional_embedding` |
/// | text blocks | `text_model.encoder.layers.N` | `transformer.resblocks.N` | `text.transformer.resblocks.N` |
/// | last text norm | `text_model.final_layer_norm` | `ln_final` | `text.ln_final` |
/// | text projection | `text_projection.weight` [E, width] | `text_projection` [width, E] | `text.text_projection` [width, E] |
package enum CheckpointFormat: String, Sendable, Hashable, CaseIterable {
    /// The names of transformers' `CLIPModel`.
    case huggingFace
    /// The names of OpenAI's and OpenCLIP's state dictionaries, and Perception Encoder's.
    case openAI
    /// The names of EVA-CLIP's state dictionaries; of the blocks of the image tower see ``EVABlock``.
    case eva
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
        /// Whether the projection is [width, E] rather than [E, width].
        let projectionIsTransposed: Bool
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
    /// Whether class token and positions of the image tower have a first dimension of one.
    var positionsAreBatched = false
    /// The scope of a Perception Encoder's pooling head.
    var poolingHead = "visual.attn_pool"
    /// The scope of a ResNet; nil if the format has none.
    let resNet: String?
}

extension CheckpointFormat {
    /// The names of this format.
    var names: CheckpointNames {
        switch self {
        case .huggingFace: .huggingFace
        case .openAI: .openAI
        case .eva: .eva
        }
    }
}

extension CheckpointNames {
    fileprivate static let huggingFace = CheckpointNames(
        text: Tower(
            embedding: "text_model.embeddings.token_embedding",
            positions: ("text_model.embeddings.position_embedding", "weight"),
            blocks: "text_model.encoder.layers", lastNorm: "text_model.final_layer_norm",
            projection: ("text_projection", "weight"), projectionIsTransposed: false),
        vision: Tower(
            embedding: "vision_model.embeddings.patch_embedding",
            positions: ("vision_model.embeddings.position_embedding", "weight"),
            blocks: "vision_model.encoder.layers", lastNorm: "vision_model.post_layernorm",
            projection: ("visual_projection", "weight"), projectionIsTransposed: false),
        classToken: ("vision_model.embeddings", "class_embedding"),
        // The misspelling is in the checkpoints.
        firstVisionNorm: "vision_model.pre_layrnorm",
        block: Block(
            attention: "self_attn", attentionLayout: .named, firstNorm: "layer_norm1",
            secondNorm: "layer_norm2", expansion: "fc1", contraction: "fc2"),
        resNet: nil)

    fileprivate static let openAI = CheckpointNames(
        text: Tower(
            embedding: "token_embedding", positions: ("", "positional_embedding"),
            blocks: "transformer.resblocks", lastNorm: "ln_final", projection: ("", "text_projection"),
            projectionIsTransposed: true),
        vision: Tower(
            embedding: "visual.conv1", positions: ("visual", "positional_embedding"),
            blocks: "visual.transformer.resblocks", lastNorm: "visual.ln_post",
            projection: ("visual", "proj"), projectionIsTransposed: true),
        classToken: ("visual", "class_embedding"), firstVisionNorm: "visual.ln_pre",
        block: Block(
            attention: "attn", attentionLayout: .packed, firstNorm: "ln_1", secondNorm: "ln_2",
            expansion: "c_fc", contraction: "c_proj"),
        resNet: "visual")

    fileprivate static let eva = CheckpointNames(
        text: Tower(
            embedding: "text.token_embedding", positions: ("text", "positional_embedding"),
            blocks: "text.transformer.resblocks", lastNorm: "text.ln_final",
            projection: ("text", "text_projection"), projectionIsTransposed: true),
        vision: Tower(
            embedding: "visual.patch_embed.proj", positions: ("visual", "pos_embed"),
            blocks: "visual.blocks", lastNorm: "visual.norm", projection: ("visual.head", "weight"),
            projectionIsTransposed: false),
        classToken: ("visual", "cls_token"), firstVisionNorm: "visual.norm_pre",
        block: openAI.block, positionsAreBatched: true, resNet: nil)
}

extension ParameterScope {
    /// The scope of `place` inside this one.
    func scope(of place: CheckpointNames.Place) -> ParameterScope {
        place.scope.isEmpty ? self : self / place.scope
    }
}
