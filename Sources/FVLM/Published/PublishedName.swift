/// The parameter of an array in the published F-VLM's checkpoints, and how its layout differs.
///
/// Names and layouts are those of google-research's `fvlm/` (Flax linen): kernels are height, width, inputs, outputs;
/// dense kernels inputs, outputs.
struct PublishedName: Sendable, Hashable {
    /// The conversion of an array's layout.
    enum Layout: Sendable, Hashable {
        /// Unchanged.
        case same
        /// A single number in one dimension.
        case scalar
        /// [H, W, I, O] to [O, I, H, W].
        case convolution
        /// [H, W, I, O] to [I, O, H, W], both spatial directions reversed.
        case transposedConvolution
        /// [I, O] to [O, I].
        case dense
        /// [H W C, O], rows and columns before channels, to [O, C H W].
        case flattenedDense
        /// [heads, d] to [heads d].
        case headsBias
        /// [I, heads, d] to [heads d, I].
        case headsKernel
        /// [heads, d, O] to [O, heads d].
        case headsOutput
    }

    /// The parameter's name here.
    let name: String

    /// The conversion of the array's layout.
    let layout: Layout

    /// Parses a path in a checkpoint; nil for arrays that are not parameters.
    init?(path: String) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.starts(with: ["optimizer", "target"]) || parts.starts(with: ["model_state", "batch_stats"]) {
            parts.removeFirst(2)
        } else if parts.first == "params" || parts.first == "batch_stats" {
            parts.removeFirst()
        } else {
            return nil
        }
        guard let leaf = parts.popLast(), let first = parts.first else { return nil }
        if first == "vision_model" {
            guard let field = Self.fields[leaf] else { return nil }
            name = (["visual"] + parts.dropFirst() + [field]).joined(separator: ".")
            layout = leaf == "kernel" ? .convolution : .same
            return
        }
        guard first == "task_heads_0" else { return nil }
        parts.removeFirst()
        if parts.isEmpty, leaf == "temperature" {
            (name, layout) = ("temperature", .scalar)
            return
        }
        guard let head = parts.first else { return nil }
        let rest = Array(parts.dropFirst())
        let found: (String, Layout)?
        switch head {
        case "attnpool": found = Self.attentionPool(rest, leaf)
        case "feature_pyramid_fn": found = Self.pyramid(rest, leaf)
        case "region_proposal_head_fn": found = Self.proposals(rest, leaf)
        case "fastrcnn_head_fn": found = Self.boxHead(rest, leaf)
        case "maskrcnn_head_fn": found = Self.maskHead(rest, leaf)
        default: found = nil
        }
        guard let found else { return nil }
        (name, layout) = found
    }

    private static let fields = [
        "kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var",
    ]

    private static func entry(_ module: String, _ leaf: String, kernel: Layout) -> (String, Layout)? {
        fields[leaf].map { ("\(module).\($0)", leaf == "kernel" ? kernel : .same) }
    }

    /// The number between a prefix and a suffix.
    private static func number(_ text: String, _ prefix: String, _ suffix: String = "") -> Int? {
        guard text.hasPrefix(prefix), text.hasSuffix(suffix), text.count > prefix.count + suffix.count else {
            return nil
        }
        return Int(text.dropFirst(prefix.count).dropLast(suffix.count))
    }

    private static func attentionPool(_ parts: [String], _ leaf: String) -> (String, Layout)? {
        let pool = "visual.attnpool"
        if parts.isEmpty, leaf == "positional_embedding" { return ("\(pool).positional_embedding", .same) }
        let projections = ["query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "c_proj"]
        guard parts.count == 2, parts[0] == "attn", let projection = projections[parts[1]] else { return nil }
        let isOutput = parts[1] == "out"
        switch leaf {
        case "kernel": return ("\(pool).\(projection).weight", isOutput ? .headsOutput : .headsKernel)
        case "bias": return ("\(pool).\(projection).bias", isOutput ? .same : .headsBias)
        default: return nil
        }
    }

    private static func pyramid(_ parts: [String], _ leaf: String) -> (String, Layout)? {
        guard parts.count == 1 else { return nil }
        if let level = number(parts[0], "p", "-bn") {
            return entry("fpn.fpn_output\(level).norm", leaf, kernel: .same)
        }
        guard let index = number(parts[0], "Conv_"), (0...8).contains(index) else { return nil }
        // Laterals of levels 2 to 5, outputs of levels 2 to 5, level 6.
        let module = index < 4 ? "fpn.fpn_lateral\(index + 2)" : "fpn.fpn_output\(index - 2)"
        return entry(module, leaf, kernel: .convolution)
    }

    private static func proposals(_ parts: [String], _ leaf: String) -> (String, Layout)? {
        let modules = [
            "rpn": "conv1", "rpn-1": "conv2", "rpn-class": "objectness_logits", "rpn-box": "anchor_deltas",
        ]
        if parts.count == 1, let module = modules[parts[0]] {
            return entry("rpn_head.\(module)", leaf, kernel: .convolution)
        }
        guard parts.count == 2, number(parts[0], "SubRpnHead_") != nil else { return nil }
        if let level = number(parts[1], "rpn-l", "-bn-1") {
            return entry("rpn_head.conv2.norm.p\(level)", leaf, kernel: .same)
        }
        guard let level = number(parts[1], "rpn-l", "-bn") else { return nil }
        return entry("rpn_head.conv1.norm.p\(level)", leaf, kernel: .same)
    }

    private static func boxHead(_ parts: [String], _ leaf: String) -> (String, Layout)? {
        guard parts.count == 1 else { return nil }
        switch parts[0] {
        case "fc6": return entry("box_head.fc1", leaf, kernel: .flattenedDense)
        case "fc6_bn": return entry("box_head.fc1.norm", leaf, kernel: .same)
        case "box-predict": return entry("bbox_pred", leaf, kernel: .dense)
        case "class-predict": return entry("projection", leaf, kernel: .dense)
        default: break
        }
        if let index = number(parts[0], "conv_", "_bn") {
            return entry("box_head.conv\(index + 1).norm", leaf, kernel: .same)
        }
        guard let index = number(parts[0], "conv_") else { return nil }
        return entry("box_head.conv\(index + 1)", leaf, kernel: .convolution)
    }

    private static func maskHead(_ parts: [String], _ leaf: String) -> (String, Layout)? {
        guard parts.count == 1 else { return nil }
        switch parts[0] {
        case "conv5-mask": return entry("mask_head.deconv", leaf, kernel: .transposedConvolution)
        case "conv5-mask-bn": return entry("mask_head.deconv.norm", leaf, kernel: .same)
        case "mask_fcn_logits": return entry("mask_head.predictor", leaf, kernel: .convolution)
        default: break
        }
        if let index = number(parts[0], "mask-conv-l", "-bn") {
            return entry("mask_head.mask_fcn\(index + 1).norm", leaf, kernel: .same)
        }
        guard let index = number(parts[0], "mask-conv-l") else { return nil }
        return entry("mask_head.mask_fcn\(index + 1)", leaf, kernel: .convolution)
    }
}
