import CLIP
import FVLM
import FixtureSupport
import Foundation
import RegionDetection
import Synchronization
import Testing
import Torch
import TrainingFixtures
import WeightFiles

@testable import Training

/// New heads on the frozen trunks of the recorded EVA-02s and Perception Encoders.
@Suite struct TransformerTrunkTests {
    private let run: SmallRun
    private let trunk: TemporaryFolder
    private var folder: TemporaryFolder { run.folder }

    init() throws {
        run = try SmallRun()
        trunk = try TemporaryFolder()
    }

    /// A training of F-ViT's heads on a recorded trunk, whose texts are random: the recorded CLIPs have no tokenizer.
    private func configuration(_ group: String, _ name: String, _ settings: [String] = []) throws
        -> TrainingConfiguration
    {
        let path = try Fixtures.case(group, name).modelWithHeads(in: trunk)
        let clip = try CLIPModel.load(path)
        let width = clip.configuration.embeddingWidth
        let rows = try Tensor.randomNormal([3, width], generator: Generator(seed: 1)).normalized()
        try Vocabulary(
            classes: [.init("dog"), .init("bus")], templates: [], embeddings: rows[0..<2],
            background: .init(phrase: "background", embedding: rows[2]), clip: clip.identity()
        ).write(to: folder.file("texts.safetensors"))
        let text = """
            preset: \(group == "pe" ? "pe-small" : "fvit-lvis-b16")
            detector:
              clip: \(path)
              input: {size: 64}
              network: {width: 16, hidden: 24, proposalCandidates: [60, 40], proposalCount: [40, 20]}
              learning: {regionsPerImage: 16, anchorsPerImage: 32}
            data: {annotations: \(folder.file("train.json")), images: \(folder.path), batchSize: 2, variation: none}
            texts: {vocabulary: \(folder.file("texts.safetensors"))}
            optimizer: {kind: adamw, learningRate: 0.003, warmupSteps: 2}
            run: {steps: 24, seed: 5, reportInterval: 1, isDeterministic: true}

            """
        return try TrainingConfiguration(yaml: text, settings: settings)
    }

    @Test(arguments: [("eva", "trunk-original", "[1, 2, 3, 4]"), ("pe", "trunk", "[1, 2, 3, 3]")])
    func newHeadsLearn(_ group: String, _ name: String, _ blocks: String) throws {
        guard group == "eva" else {
            // Three blocks are too few for four maps; another family has one.
            let message = message {
                _ = try TrainingRun(configuration(group, name), folder: folder.file("none"))
            }
            #expect(message.contains("trunk.pyramidBlocks"))
            return try learn(
                configuration(
                    group, name,
                    [
                        "detector.family=detectron2", "detector.trunk.adapterChannels=[16, 16]",
                        "detector.trunk.adapterScales=[2, 1]",
                    ]))
        }
        try learn(configuration(group, name, ["detector.trunk.pyramidBlocks=\(blocks)"]))
    }

    private func learn(_ configuration: TrainingConfiguration) throws {
        let training = try TrainingRun(configuration, folder: folder.file("run"))
        let frozen = try training.clip.store.digest()
        var losses: [Double] = []
        try training.start(resumes: false) { event in
            if case .progress(let progress) = event { losses.append(progress.loss) }
        }
        #expect(losses.count == 24 && losses.allSatisfy(\.isFinite))
        let first: Double = losses.prefix(6).reduce(0, +)
        let last: Double = losses.suffix(6).reduce(0, +)
        #expect(last < 0.8 * first, "\(losses)")
        // The trunk is as it was, and what was learned loads and detects with the trunk's own way of looking at regions.
        #expect(try training.clip.store.digest() == frozen)
        let detector = try Detector.load(folder.file("run/model"))
        #expect(try !detector.network.looksUntrained)
        let vocabulary = try Vocabulary(contentsOf: ModelFolder(folder.file("run/model")).vocabulary)
        var options = detector.configuration.scoring
        options.scoreThreshold = 0
        let found = try detector.detect(
            [Image(contentsOf: folder.file("0.png"))], vocabulary: vocabulary, options: options)
        #expect(!found[0].isEmpty && found[0].allSatisfy { $0.score.isFinite && $0.score <= 1 })
    }

    /// Heads that nobody trained are told when they are loaded.
    @Test func untrainedHeadsAreTold() throws {
        let configuration = try configuration("eva", "trunk-original").detector
        let clip = try CLIPModel.load(configuration.clip)
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.initialize(seed: 1)
        try ModelFolder(folder.file("fresh")).write(configuration, network: network, vocabulary: nil)
        let notes = Notes()
        var options = Detector.LoadingOptions()
        options.note = { notes.add($0) }
        _ = try Detector.load(folder.file("fresh"), options: options)
        #expect(notes.all.contains { $0.contains("look untrained") })
    }

    /// mmdet's Mask R-CNN is where a training of the family detectron2 begins, classes averaged.
    @Test func weightsOfMMDetectionAreABeginning() throws {
        let first = try TrainingRun(run.configuration("hf-vit"), folder: folder.file("none"))
        let renamed = try first.network.store.stored().compactMap { stored -> StoredTensor? in
            var tensor = stored
            guard let name = Self.mmdetectionName(stored.name) else { return nil }
            tensor.name = name
            return tensor
        }
        let more = try [
            Tensor.zeros([4, 2]).stored(named: "backbone.layer1.0.conv1.weight"),
            Tensor.zeros([3]).stored(named: "roi_head.bbox_head.fc_cls.bias"),
        ]
        let path = folder.file("mask_rcnn.pth")
        try PyTorchArchive.write(["state_dict": .tensors(renamed + more)], to: path)
        let second = try TrainingRun(
            run.configuration("hf-vit", ["run.seed=6", "run.initialWeights=\(path)"]),
            folder: folder.file("none"))
        for name in [
            "fpn.fpn_lateral2.weight", "rpn_head.conv.weight", "box_head.fc1.weight", "bbox_pred.bias",
            "mask_head.deconv.weight",
        ] {
            let (a, b) = (
                try #require(first.network.store[name]).value, try #require(second.network.store[name]).value
            )
            #expect(try a.isEqual(to: b), "\(name)")
        }
    }

    /// mmdet's name of a weight of Mask R-CNN; nil for what it lacks.
    private static func mmdetectionName(_ name: String) -> String? {
        let parts = name.split(separator: ".").map(String.init)
        func number(_ prefix: String) -> Int? {
            parts.count == 3 && parts[1].hasPrefix(prefix) ? Int(parts[1].dropFirst(prefix.count)) : nil
        }
        let field = parts.last ?? ""
        switch parts.first {
        case "fpn":
            if let level = number("fpn_lateral") { return "neck.lateral_convs.\(level - 2).conv.\(field)" }
            return number("fpn_output").map { "neck.fpn_convs.\($0 - 2).conv.\(field)" }
        case "rpn_head":
            let names = ["conv": "rpn_conv", "objectness_logits": "rpn_cls", "anchor_deltas": "rpn_reg"]
            return names[parts[1]].map { "rpn_head.\($0).\(field)" }
        case "box_head": return number("fc").map { "roi_head.bbox_head.shared_fcs.\($0 - 1).\(field)" }
        case "bbox_pred": return "roi_head.bbox_head.fc_reg.\(field)"
        case "mask_head":
            if let index = number("mask_fcn") { return "roi_head.mask_head.convs.\(index - 1).conv.\(field)" }
            return ["deconv": "upsample", "predictor": "conv_logits"][parts[1]].map {
                "roi_head.mask_head.\($0).\(field)"
            }
        default: return nil
        }
    }
}

/// Sentences that come from wherever.
private final class Notes: Sendable {
    private let sentences = Mutex<[String]>([])
    func add(_ sentence: String) { sentences.withLock { $0.append(sentence) } }
    var all: [String] { sentences.withLock { $0 } }
}
