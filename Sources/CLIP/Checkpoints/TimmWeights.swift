import Torch
import WeightFiles

/// An OpenCLIP checkpoint whose image tower is timm's, under the names of the tower's authors.
///
/// timm has EVA-02 and Perception Encoder under names of its own, and splits the query of a pooling head from key and
/// value. Numbers and their order are the same (timm 1.0, `eva.py`, `checkpoint_filter_fn`).
struct TimmWeights: WeightSource {
    /// Whose tower it is.
    enum Kind: Sendable, Hashable {
        case eva02
        case perceptionEncoder
    }

    /// Where a tensor comes from.
    private enum Place: Sendable {
        case key(String)
        /// Without the dimensions of one before its own.
        case unbatched(String, rank: Int)
        case transposed(String)
        /// One below the other.
        case joined([String])
    }

    let kind: Kind
    let origin: String
    let keys: [String]
    private let base: UnwrappedWeights
    private let places: [String: Place]

    /// Nil when the image tower is not one of timm's that are built here.
    /// - Throws: ``CLIPError`` for a tower that cannot be one of the authors'.
    init?(_ base: UnwrappedWeights) throws {
        let available = Set(base.keys)
        if available.contains("visual.trunk.attn_pool.latent") {
            kind = .perceptionEncoder
        } else if available.contains("visual.trunk.blocks.0.attn.q_proj.weight"),
            available.contains("visual.trunk.blocks.0.mlp.fc1_g.weight")
        {
            kind = .eva02
        } else {
            return nil
        }
        self.base = base
        origin = base.origin
        var places: [String: Place] = [:]
        var keys: [String] = []
        for key in base.keys {
            guard let (name, place) = Self.place(of: key, kind) else { continue }
            places[name] = place
            keys.append(name)
        }
        if kind == .perceptionEncoder { try Self.checkHead(base) }
        self.places = places
        self.keys = keys
    }

    /// The authors' projection has no bias; timm's is zero.
    private static func checkHead(_ base: UnwrappedWeights) throws {
        let name = "visual.trunk.head.bias"
        guard base.keys.contains(name) else { return }
        guard try base.tensor(named: name).floats().allSatisfy({ $0 == 0 }) else {
            throw CLIPError(
                base.origin, reason: "'\(name)' is not zero, as it is in every Perception Encoder")
        }
    }

    func tensor(named name: String) throws -> StoredTensor {
        guard let place = places[name] else { return try base.tensor(named: name) }
        switch place {
        case .key(let key):
            var tensor = try base.tensor(named: key)
            tensor.name = name
            return tensor
        case .unbatched(let key, let rank):
            let tensor = try base.tensor(named: key)
            let extra = max(tensor.shape.count - rank, 0)
            guard tensor.shape.prefix(extra).allSatisfy({ $0 == 1 }) else { return tensor }
            return try StoredTensor(
                name: name, dtype: tensor.dtype, shape: Array(tensor.shape.dropFirst(extra)),
                strides: Array(tensor.strides.dropFirst(extra)), storage: tensor.storage,
                storageOffset: tensor.storageOffset)
        case .transposed(let key):
            let tensor = try base.tensor(named: key)
            return try StoredTensor(
                name: name, dtype: tensor.dtype, shape: tensor.shape.reversed(),
                strides: tensor.strides.reversed(), storage: tensor.storage,
                storageOffset: tensor.storageOffset)
        case .joined(let keys):
            return try Tensor.cat(keys.map { try Tensor(base.tensor(named: $0)) }).stored(named: name)
        }
    }

    // MARK: Names

    /// The author's name of timm's `key`, and how its tensor is made; nil for what is a part of another one, or nothing.
    private static func place(of key: String, _ kind: Kind) -> (name: String, place: Place)? {
        let trunk = "visual.trunk."
        guard key.hasPrefix(trunk) else {
            // Texts are below `text.` as in EVA-CLIP's files; Perception Encoder's have them at the top.
            guard kind == .perceptionEncoder, key.hasPrefix("text.") else { return (key, .key(key)) }
            return (String(key.dropFirst("text.".count)), .key(key))
        }
        let rest = String(key.dropFirst(trunk.count))
        switch kind {
        case .eva02:
            return ("visual." + renamed(rest, evaNames), .key(key))
        case .perceptionEncoder:
            switch rest {
            case "cls_token": return ("visual.class_embedding", .unbatched(key, rank: 1))
            case "pos_embed": return ("visual.positional_embedding", .unbatched(key, rank: 2))
            case "head.weight": return ("visual.proj", .transposed(key))
            case "head.bias": return nil
            case "attn_pool.q.weight", "attn_pool.q.bias":
                let part = rest.hasSuffix("weight") ? "weight" : "bias"
                let query = trunk + "attn_pool.q.\(part)"
                return (
                    "visual.attn_pool.attn.in_proj_\(part)",
                    .joined([query, trunk + "attn_pool.kv.\(part)"])
                )
            case "attn_pool.kv.weight", "attn_pool.kv.bias": return nil
            default:
                if rest.hasPrefix("norm.") { return ("visual.ln_post." + rest.dropFirst(5), .key(key)) }
                let list = rest.hasPrefix("blocks.") ? "transformer.res" : ""
                return ("visual." + list + renamed(rest, perceptionNames), .key(key))
            }
        }
    }

    /// Parts of names, in the order in which they are replaced.
    private static let evaNames = [
        (".attn.norm.", ".attn.inner_attn_ln."), (".mlp.norm.", ".mlp.ffn_ln."), (".mlp.fc1_g.", ".mlp.w1."),
        (".mlp.fc1_x.", ".mlp.w2."), (".mlp.fc2.", ".mlp.w3."), (".attn.q_proj.bias", ".attn.q_bias"),
        (".attn.v_proj.bias", ".attn.v_bias"),
    ]

    private static let perceptionNames = [
        ("patch_embed.proj.", "conv1."), ("norm_pre.", "ln_pre."), ("attn_pool.latent", "attn_pool.probe"),
        ("attn_pool.proj.", "attn_pool.attn.out_proj."), ("attn_pool.norm.", "attn_pool.layernorm."),
        (".mlp.fc1.", ".mlp.c_fc."), (".mlp.fc2.", ".mlp.c_proj."), (".attn.qkv.", ".attn.in_proj_"),
        (".attn.proj.", ".attn.out_proj."), (".norm1.", ".ln_1."), (".norm2.", ".ln_2."),
    ]

    private static func renamed(_ name: String, _ parts: [(String, String)]) -> String {
        parts.reduce(name) { $0.replacing($1.0, with: $1.1) }
    }
}
