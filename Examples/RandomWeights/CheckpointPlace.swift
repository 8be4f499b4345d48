import Torch

/// The path of a parameter in the published checkpoints and its layout there: the inverse of `PublishedName`.
struct CheckpointPlace {
    /// The layout of an array in the file.
    enum Layout {
        case same
        case inOneDimension
        /// [O, I, H, W] to [H, W, I, O].
        case convolution
        /// [I, O, H, W] to [H, W, I, O], both spatial directions reversed.
        case transposedConvolution
        /// [O, I] to [I, O].
        case dense
        /// [O, C H W] to [H W C, O].
        case flattenedDense
        /// [heads d] to [heads, d].
        case headsBias
        /// [heads d, I] to [I, heads, d].
        case headsKernel
        /// [O, heads d] to [heads, d, O].
        case headsOutput
        /// The rows of boxes in the order y, x, h, w, then as in another layout.
        indirect case boxes(Layout)

        /// All published attention pools have heads of width 64; smaller pools have a single head of their own width.
        private static let headWidth = 64

        func applied(to tensor: Tensor, channels: Int) throws -> Tensor {
            switch self {
            case .same: return tensor
            case .inOneDimension: return try tensor.reshaped([1])
            case .convolution: return try tensor.permuted([2, 3, 1, 0])
            case .transposedConvolution: return try tensor.permuted([2, 3, 0, 1]).flipped([0, 1])
            case .dense: return try tensor.transposed(0, 1)
            case .flattenedDense:
                let side = Int((Double(tensor.shape[1]) / Double(max(channels, 1))).squareRoot().rounded())
                return try tensor.reshaped([tensor.shape[0], channels, side, side]).permuted([2, 3, 1, 0])
                    .flattened(from: 0, to: 2)
            case .headsBias: return try tensor.reshaped([-1, min(tensor.shape[0], Self.headWidth)])
            case .headsKernel:
                return try tensor.transposed(0, 1).reshaped(
                    [tensor.shape[1], -1, min(tensor.shape[0], Self.headWidth)])
            case .headsOutput:
                return try tensor.transposed(0, 1).reshaped(
                    [-1, min(tensor.shape[1], Self.headWidth), tensor.shape[0]])
            case .boxes(let next):
                let rows = (0..<tensor.shape[0]).map { $0 / 4 * 4 + [1, 0, 3, 2][$0 % 4] }
                return try next.applied(to: tensor.indexSelected(0, Tensor(rows)), channels: channels)
            }
        }
    }

    /// The keys that lead to the array.
    let path: [String]

    /// The layout of the array.
    let layout: Layout

    /// Whether it belongs to the norms' statistics, which the file stores separately.
    var isStatistic: Bool { path.last == "mean" || path.last == "var" }

    /// The path of the parameter called `name`; nil if the published model does not have it.
    init?(_ name: String, rank: Int) {
        var parts = name.split(separator: ".").map(String.init)
        guard let field = parts.popLast() else { return nil }
        let leaves = ["bias": "bias", "running_mean": "mean", "running_var": "var"]
        func leaf(_ isNorm: Bool) -> String? {
            field == "weight" ? (isNorm ? "scale" : "kernel") : leaves[field]
        }
        if parts.first == "visual", parts.dropFirst().first == "attnpool" {
            guard let (path, layout) = Self.attentionPool(Array(parts.dropFirst(2)), field) else {
                return nil
            }
            self.path = ["task_heads_0", "attnpool"] + path
            self.layout = layout
            return
        }
        if parts.first == "visual" {
            guard let leaf = leaf(rank == 1) else { return nil }
            path = ["vision_model"] + parts.dropFirst() + [leaf]
            layout = leaf == "kernel" ? .convolution : .same
            return
        }
        if parts.isEmpty, field == "temperature" {
            path = ["task_heads_0", "temperature"]
            layout = .inOneDimension
            return
        }
        guard let module = Self.module(parts), let leaf = leaf(parts.contains("norm")) else { return nil }
        path = ["task_heads_0"] + module.path + [leaf]
        let isBox = ["rpn_head.anchor_deltas", "bbox_pred"].contains(parts.joined(separator: "."))
        let plain = leaf == "kernel" ? module.kernel : .same
        layout = isBox ? .boxes(plain) : plain
    }

    private static func attentionPool(_ parts: [String], _ field: String) -> ([String], Layout)? {
        if parts.isEmpty, field == "positional_embedding" { return ([field], .same) }
        let names = ["q_proj": "query", "k_proj": "key", "v_proj": "value", "c_proj": "out"]
        guard parts.count == 1, let projection = names[parts[0]] else { return nil }
        let isOutput = projection == "out"
        switch field {
        case "weight": return (["attn", projection, "kernel"], isOutput ? .headsOutput : .headsKernel)
        case "bias": return (["attn", projection, "bias"], isOutput ? .same : .headsBias)
        default: return nil
        }
    }

    private static func module(_ parts: [String]) -> (path: [String], kernel: Layout)? {
        func number(_ text: String, _ prefix: String) -> Int? {
            text.hasPrefix(prefix) ? Int(text.dropFirst(prefix.count)) : nil
        }
        let isNorm = parts.contains("norm")
        switch parts.first {
        case "projection": return (["fastrcnn_head_fn", "class-predict"], .dense)
        case "bbox_pred": return (["fastrcnn_head_fn", "box-predict"], .dense)
        case "fpn" where parts.count >= 2:
            let head = "feature_pyramid_fn"
            if let level = number(parts[1], "fpn_lateral") {
                return ([head, "Conv_\(level - 2)"], .convolution)
            }
            guard let level = number(parts[1], "fpn_output") else { return nil }
            return ([head, isNorm ? "p\(level)-bn" : "Conv_\(level + 2)"], .convolution)
        case "rpn_head" where parts.count >= 2:
            let head = "region_proposal_head_fn"
            let names = [
                "conv1": "rpn", "conv2": "rpn-1", "objectness_logits": "rpn-class",
                "anchor_deltas": "rpn-box",
            ]
            guard isNorm else { return names[parts[1]].map { ([head, $0], .convolution) } }
            guard let level = parts.last.flatMap({ number($0, "p") }) else { return nil }
            let suffix = parts[1] == "conv1" ? "bn" : "bn-1"
            return ([head, "SubRpnHead_\(level - 2)", "rpn-l\(level)-\(suffix)"], .same)
        case "box_head" where parts.count >= 2:
            let head = "fastrcnn_head_fn"
            if parts[1] == "fc1" { return ([head, isNorm ? "fc6_bn" : "fc6"], .flattenedDense) }
            guard let index = number(parts[1], "conv") else { return nil }
            return ([head, "conv_\(index - 1)" + (isNorm ? "_bn" : "")], .convolution)
        case "mask_head" where parts.count >= 2:
            let head = "maskrcnn_head_fn"
            if parts[1] == "predictor" { return ([head, "mask_fcn_logits"], .convolution) }
            if parts[1] == "deconv" {
                return ([head, isNorm ? "conv5-mask-bn" : "conv5-mask"], .transposedConvolution)
            }
            guard let index = number(parts[1], "mask_fcn") else { return nil }
            return ([head, "mask-conv-l\(index - 1)" + (isNorm ? "-bn" : "")], .convolution)
        default: return nil
        }
    }
}
