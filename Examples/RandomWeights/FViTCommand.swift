import ArgumentParser
import CLIP
import FVLM
import Foundation
import Torch
import WeightFiles

/// `random-weights fvit`
struct FViTCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fvit",
        abstract: "Writes a checkpoint of F-ViT with random weights, in mmdet's form.",
        discussion: """
            Example:
              random-weights clip --architecture eva02-b-16 --output random-eva
              random-weights fvit --clip random-eva --preset fvit-coco-b16 --classes names.txt --output fvit.pth
            """)

    @Option(help: ArgumentHelp("The EVA-02 CLIP that the checkpoint is built on.", valueName: "folder"))
    var clip: String

    @Option(help: "The preset that says the sizes.")
    var preset: String

    @Option(help: ArgumentHelp("The names of its classes, one a line.", valueName: "file"))
    var classes: String

    @Option(help: "What everything random follows from.")
    var seed: UInt64 = 0

    @Option(name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"))
    var output: String

    func run() throws {
        let names = try ClassNames.list(contentsOf: classes)
        let model = try CLIPModel.load(clip)
        let network = try DetectorNetwork(DetectorConfiguration(preset: preset), for: model.configuration)
        try network.store.initialize(seed: seed)
        var tensors = try model.store.parameters(under: "visual").map {
            try $0.value.stored(named: "backbone." + $0.name)
        }
        for parameter in network.store.parameters {
            guard let key = Self.key(of: parameter.name) else {
                throw RandomWeightsError(parameter.name, "has no place in a checkpoint of F-ViT")
            }
            let isTemperature = parameter.name == "temperature"
            let value = try isTemperature ? Tensor([Float(50)]).reshaped([]) : parameter.value.detached()
            tensors.append(try value.contiguous().stored(named: key))
        }
        let embeddings = try Tensor.randomNormal(
            [model.configuration.embeddingWidth, names.count + 1], generator: Generator(seed: seed + 1)
        ).normalized(0)
        tensors.append(try embeddings.stored(named: "roi_head.bbox_head.all_embeddings"))
        try PyTorchArchive.write(
            ["meta": ["CLASSES": .tuple(names.map { .text($0) })], "state_dict": .tensors(tensors)],
            to: output)
        print("\(output): \(network.store.trainableWeightCount) random weights for \(clip)")
    }

    /// mmdet's name of a parameter; nil for what F-ViT does not have.
    static func key(of name: String) -> String? {
        var parts = name.split(separator: ".").map(String.init)
        guard let field = parts.popLast(), let first = parts.first else {
            return name == "temperature" ? "roi_head.bbox_head.detect_temperature" : nil
        }
        let isNorm = parts.last == "norm"
        if isNorm { parts.removeLast() }
        let leaf = (isNorm ? "bn." : "conv.") + field
        func number(_ prefix: String) -> Int? {
            parts.count > 1 && parts[1].hasPrefix(prefix) ? Int(parts[1].dropFirst(prefix.count)) : nil
        }
        switch first {
        case "adapter":
            let list = ["up4": "interpolate1", "up2": "interpolate2"]
            guard parts.count == 3, let adapter = list[parts[1]] else { return nil }
            return "backbone.\(adapter).\(parts[2]).\(field)"
        case "fpn":
            if let level = number("fpn_lateral") { return "neck.lateral_convs.\(level - 2).\(leaf)" }
            return number("fpn_output").map { "neck.fpn_convs.\($0 - 2).\(leaf)" }
        case "rpn_head":
            if let index = number("conv") { return "rpn_head.rpn_conv.\(index - 1).\(leaf)" }
            let names = ["objectness_logits": "rpn_cls", "anchor_deltas": "rpn_reg"]
            return names[parts.count > 1 ? parts[1] : ""].map { "rpn_head.\($0).\(field)" }
        case "box_head":
            if let index = number("conv") { return "roi_head.bbox_head.shared_convs.\(index - 1).\(leaf)" }
            return number("fc").map { "roi_head.bbox_head.shared_fcs.\($0 - 1).\(field)" }
        case "projection": return "roi_head.bbox_head.cls_fcs.0.\(field)"
        case "bbox_fc": return "roi_head.bbox_head.reg_fcs.0.\(field)"
        case "bbox_pred": return "roi_head.bbox_head.fc_reg.\(field)"
        case "mask_head":
            if let index = number("mask_fcn") { return "roi_head.mask_head.convs.\(index - 1).\(leaf)" }
            let names = ["deconv": "upsample", "predictor": "conv_logits"]
            return names[parts.count > 1 ? parts[1] : ""].map { "roi_head.mask_head.\($0).\(field)" }
        default: return nil
        }
    }
}
