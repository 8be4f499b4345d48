/// The weights of an mmdet 2 detector with a feature pyramid and region heads (`.pth`), under the names that the parts of a
/// detector have here.
///
/// The same names serve F-ViT and ordinary Mask R-CNN: `neck`, `rpn_head`, `roi_head.bbox_head`, `roi_head.mask_head`, and
/// `backbone.interpolate*` for F-ViT's adapter. Of a class-specific head the numbers are as they are; what becomes of them
/// is the business of who loads them.
package struct MMDetectionWeights: WeightSource {
    /// The path of the file.
    package let origin: String

    /// The names of the detector's own weights here, such as `fpn.fpn_lateral2.weight`; those of a vision transformer begin
    /// with `visual.`, and `temperature` and `embeddings` stand for F-ViT's `detect_temperature` and `all_embeddings`.
    package let keys: [String]

    /// Keys that no part here needs, by what they are.
    package let unused: [(what: String, keys: [String])]

    /// Which set of weights is taken, when the file holds several.
    package let note: String?

    private let source: UnwrappedWeights
    private let originals: [String: String]

    /// Takes the weights of a file that was opened, for example by `WeightFile.open`.
    /// - Throws: ``DetectionError`` for a file of something else, or with weights that belong to no part;
    ///   `WeightFileError` when there are several sets of weights and none is the trained one.
    package init(_ source: some WeightSource) throws {
        let signs = [
            "neck.lateral_convs.", "rpn_head.rpn_cls.weight", "roi_head.bbox_head.", "roi_head.mask_head.",
        ]
        guard let weights = try UnwrappedWeights(source, knownBy: signs) else {
            throw DetectionError(
                "MMDetectionWeights",
                "\(source.origin) has no weights like neck.lateral_convs or roi_head.bbox_head (its first are "
                    + "\(source.keys.prefix(3).joined(separator: ", "))): it is not of an mmdet detector")
        }
        var (keys, originals): ([String], [String: String]) = ([], [:])
        var (trunk, classifier, unknown): ([String], [String], [String]) = ([], [], [])
        for key in weights.keys {
            switch Self.place(of: key) {
            case .named(let name):
                guard originals.updateValue(key, forKey: name) == nil else {
                    throw DetectionError(
                        "MMDetectionWeights", "\(weights.origin) holds two tensors of \(name); one is \(key)")
                }
                keys.append(name)
            case .trunk: trunk.append(key)
            case .classifier: classifier.append(key)
            case nil: unknown.append(key)
            }
        }
        guard unknown.isEmpty else {
            let shown = unknown.prefix(8).joined(separator: ", ") + (unknown.count > 8 ? ", …" : "")
            throw DetectionError(
                "MMDetectionWeights",
                "\(weights.origin) holds \(unknown.count) weights that belong to no part of a Mask R-CNN or an "
                    + "F-ViT: \(shown)")
        }
        origin = weights.origin
        note = weights.note
        self.source = weights
        self.keys = keys
        self.originals = originals
        unused = [("the trunk", trunk), ("the classifier of fixed classes", classifier)].filter {
            !$0.1.isEmpty
        }
    }

    /// The tensor of a name here, as the file has it.
    package func tensor(named name: String) throws -> StoredTensor {
        guard let original = originals[name] else {
            throw WeightFileError(
                file: origin, place: "'\(name)'", reason: "the file has no weight of this name")
        }
        var tensor = try source.tensor(named: original)
        tensor.name = name
        return tensor
    }

    /// What the file calls a weight; nil when it has none.
    package func original(of name: String) -> String? { originals[name] }

    // MARK: Names

    private enum Place {
        case named(String)
        case trunk
        case classifier
    }

    private static func place(of key: String) -> Place? {
        let parts = key.split(separator: ".").map(String.init)
        guard let first = parts.first else { return nil }
        let rest = Array(parts.dropFirst())
        switch first {
        case "backbone":
            switch rest.first {
            case "visual": return .named(rest.joined(separator: "."))
            case "interpolate1":
                return .named((["adapter", "up4"] + rest.dropFirst()).joined(separator: "."))
            case "interpolate2":
                return .named((["adapter", "up2"] + rest.dropFirst()).joined(separator: "."))
            default: return .trunk
            }
        case "neck":
            let lists = ["lateral_convs": "fpn.fpn_lateral", "fpn_convs": "fpn.fpn_output"]
            guard rest.count == 4, let list = lists[rest[0]], let index = Int(rest[1]) else { return nil }
            return layer("\(list)\(index + 2)", Array(rest[2...]))
        case "rpn_head": return proposals(rest)
        case "roi_head" where rest.first == "bbox_head": return boxHead(Array(rest.dropFirst()))
        case "roi_head" where rest.first == "mask_head": return maskHead(Array(rest.dropFirst()))
        default: return nil
        }
    }

    /// `conv.weight`, `bn.running_mean` and the like of a module, `weight` of a bare one.
    private static func layer(_ name: String, _ rest: [String]) -> Place? {
        switch rest.first {
        case "conv" where rest.count == 2: .named("\(name).\(rest[1])")
        case "bn" where rest.count == 2: .named("\(name).norm.\(rest[1])")
        case "weight" where rest.count == 1, "bias" where rest.count == 1: .named("\(name).\(rest[0])")
        default: nil
        }
    }

    private static func proposals(_ parts: [String]) -> Place? {
        let rest = Array(parts.dropFirst())
        switch parts.first {
        case "rpn_cls": return layer("rpn_head.objectness_logits", rest)
        case "rpn_reg": return layer("rpn_head.anchor_deltas", rest)
        case "rpn_conv":
            guard let index = rest.first.flatMap({ Int($0) }) else { return layer("rpn_head.conv", rest) }
            return layer("rpn_head.conv\(index + 1)", Array(rest.dropFirst()))
        default: return nil
        }
    }

    private static func boxHead(_ parts: [String]) -> Place? {
        let rest = Array(parts.dropFirst())
        let index = rest.first.flatMap { Int($0) }
        switch (parts.first, index) {
        case ("shared_convs", let index?): return layer("box_head.conv\(index + 1)", Array(rest.dropFirst()))
        case ("shared_fcs", let index?): return layer("box_head.fc\(index + 1)", Array(rest.dropFirst()))
        case ("cls_fcs", 0): return layer("projection", Array(rest.dropFirst()))
        case ("reg_fcs", 0): return layer("bbox_fc", Array(rest.dropFirst()))
        case ("fc_reg", nil): return layer("bbox_pred", rest)
        case ("fc_cls", nil): return .classifier
        case ("detect_temperature", nil) where rest.isEmpty: return .named("temperature")
        case ("all_embeddings", nil) where rest.isEmpty: return .named("embeddings")
        default: return nil
        }
    }

    private static func maskHead(_ parts: [String]) -> Place? {
        let rest = Array(parts.dropFirst())
        switch (parts.first, rest.first.flatMap { Int($0) }) {
        case ("convs", let index?): return layer("mask_head.mask_fcn\(index + 1)", Array(rest.dropFirst()))
        case ("upsample", nil): return layer("mask_head.deconv", rest)
        case ("conv_logits", nil): return layer("mask_head.predictor", rest)
        default: return nil
        }
    }
}

// MARK: detectron2's names

extension MMDetectionWeights {
    /// The detector's weights under detectron2's names, for ``Detectron2Checkpoint``: an ordinary Mask R-CNN.
    package var detectron2: some WeightSource { Detectron2Names(base: self) }

    private struct Detectron2Names: WeightSource {
        let base: MMDetectionWeights
        let names: [String: String]
        let keys: [String]

        init(base: MMDetectionWeights) {
            self.base = base
            let pairs = base.keys.map { (Detectron2Checkpoint.key(for: $0), $0) }
            keys = pairs.map(\.0)
            names = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        }

        var origin: String { base.origin }

        func tensor(named name: String) throws -> StoredTensor {
            var tensor = try base.tensor(named: names[name] ?? name)
            tensor.name = name
            return tensor
        }
    }
}
