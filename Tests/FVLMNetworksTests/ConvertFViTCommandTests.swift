import CLIP
import FVLM
import FixtureSupport
import Foundation
import RegionDetection
import Testing
import Torch
import TorchFixtures
import WeightFiles

import FVLMCommand

@testable import FVLMNetworks

/// `fvlm convert fvit` with the recorded checkpoints, on trunks that are made of the image towers in them.
@Suite struct ConvertFViTCommandTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// An EVA-02 CLIP whose image tower is the checkpoint's and whose texts are random, with what a miniature's shapes do not
    /// tell beside it.
    private func trunk(
        of recorded: FixtureCase, in name: String, change: (inout [StoredTensor]) -> Void = { _ in }
    )
        throws -> String
    {
        let sizes = try recorded.parameters["trunk_sizes"]
        let weights = try MMDetectionWeights(PyTorchArchive(contentsOf: recorded.path("fvit.pth")))
        var tensors = try weights.keys.filter { $0.hasPrefix("visual.") }.map {
            try weights.tensor(named: $0)
        }
        let text = TextTransformer.Configuration(
            transformer: TransformerConfiguration(width: 16, depth: 1, heads: 2, activation: .gelu),
            vocabularySize: 64, contextLength: 16, embeddingWidth: try recorded.parameters["dim"].int)
        let store = ParameterStore()
        _ = try TextTransformer(store.root, text, format: .eva)
        try store.initialize(seed: 1)
        tensors += try store.stored()
        tensors.append(try Tensor([Float(4.6)]).reshaped([]).stored(named: "logit_scale"))
        change(&tensors)
        try folder.write(
            """
            {"vision_cfg": {"head_width": \(try sizes["width"].int / sizes["heads"].int)},
             "text_cfg": {"heads": 2}}
            """, "\(name)/open_clip_config.json")
        let path = folder.file("\(name)/eva.pt")
        try PyTorchArchive.write(["state_dict": .tensors(tensors)], to: path)
        return path
    }

    private func arguments(_ recorded: FixtureCase, _ trunk: String, _ output: String) throws -> [String] {
        let parameters = try recorded.parameters
        let rpn = try parameters["rpn"]
        return [
            "convert", "fvit", recorded.path("fvit.pth"), "--trunk", trunk, "--output", folder.file(output),
            "--base-classes", recorded.path("seen_classes.json"),
            "--set", "trunk.pyramidBlocks=\(try parameters["out_indices"].ints.map { $0 + 1 })",
            "--set", "input.size=\(try parameters["size"].int)",
            "--set", "network.proposalCandidates=[100, \(try rpn["nms_pre"].int)]",
            "--set", "network.proposalCount=[100, \(try rpn["max_per_img"].int)]",
            "--set", "scoring.limit=\(try parameters["max_per_img"].int)",
        ]
    }

    @Test(arguments: try Fixtures.names("fvit").filter { $0.hasPrefix("end-to-end") })
    func aFolderDetectsWhatTheOriginalDetects(_ name: String) async throws {
        let recorded = try Fixtures.case("fvit", name)
        let parameters = try recorded.parameters
        let trunk = try trunk(of: recorded, in: "trunk")
        try await FVLMNetworksTool.run(arguments(recorded, trunk, "detector"))

        let output = folder.file("detector")
        let detector = try Detector.load(output)
        #expect(try ModelFolder(output).license == FViTCheckpoint.license)
        let vocabulary = try Vocabulary(contentsOf: ModelFolder(output).vocabulary)
        #expect(try vocabulary.names == parameters["names"].strings)
        let unseen = Set(try parameters["unseen"].ints)
        #expect(vocabulary.isBase == vocabulary.names.indices.map { !unseen.contains($0) })
        #expect(detector.wasTrained(on: vocabulary.names[0]) == !unseen.contains(0))
        let content = try parameters["img_shape"].ints
        let found = try detector.network.detections(
            in: ImageBatch(
                pixels: recorded.torchTensor("in.image"), sizes: [Size2D(content[0], content[1])]),
            trunk: detector.trunk, texts: vocabulary.matrix(for: detector.identity, withBackground: true),
            names: vocabulary.names, isBase: vocabulary.isBase.map { [true] + $0 },
            options: detector.configuration.scoring)[0]
        try recorded.expectEqual("out.scores", Tensor(found.map(\.score)))
        try recorded.expectEqual("out.labels", Tensor(found.map { Int64($0.classIndex) }))

        // A picture goes all the way, and the license is shown where a user looks for it.
        let shape = try recorded.shape("in.picture")
        try Image(width: shape[1], height: shape[0], pixels: recorded.bytes("in.picture"))
            .write(to: folder.file("picture.png"))
        let run = try Program([
            "detect", folder.file("picture.png"), "--model", output, "--verbose", "--results",
            folder.file("found.jsonl"),
        ])
        #expect(run.status == 0 && run.errors.contains(FViTCheckpoint.license))
        #expect(try String(contentsOfFile: folder.file("found.jsonl"), encoding: .utf8).contains("\"label\""))
        #expect(try Program(["inspect", output]).output.contains("license: \(FViTCheckpoint.license)"))
    }

    @Test func transferSetsTheScoresOfOtherClasses() async throws {
        let recorded = try Fixtures.case("fvit", "end-to-end-coco")
        let trunk = try trunk(of: recorded, in: "trunk")
        try await FVLMNetworksTool.run(arguments(recorded, trunk, "detector") + ["--transfer"])
        let scoring = try DetectorConfiguration(
            contentsOf: ModelFolder(folder.file("detector")).configuration
        )
        .scoring
        #expect(scoring.baseWeight == 0.3 && scoring.novelWeight == 0.3 && scoring.backgroundWeight == 0.3)
        #expect(scoring.detectorTemperature == 0.02 && !scoring.normalizesScores)
    }

    @Test func filesThatDoNotBelongTogetherAreNamed() async throws {
        let recorded = try Fixtures.case("fvit", "end-to-end-coco")
        let other = try Fixtures.case("fvit", "end-to-end-lvis")
        let trunk = try trunk(of: recorded, in: "trunk")
        func failure(_ arguments: [String]) async -> String {
            await #expect(throws: (any Error).self) { try await FVLMNetworksTool.run(arguments) }
                .map { "\($0)" } ?? ""
        }
        // The trunk of another detector, and one of the same size with other weights.
        let foreign = try self.trunk(of: other, in: "foreign")
        #expect(try await failure(arguments(recorded, foreign, "a")).contains("trunk"))
        let encoder = try Fixtures.case("pe", "trunk").path("open_clip")
        #expect(
            try await failure(arguments(recorded, encoder, "a")).contains("needs an EVA-02 CLIP as its trunk")
        )
        let changed = try self.trunk(of: recorded, in: "changed") { tensors in
            let place = tensors.firstIndex { $0.name == "visual.norm.bias" } ?? 0
            let shape = tensors[place].shape
            if let ones = try? Tensor.ones(shape).stored(named: "visual.norm.bias") { tensors[place] = ones }
        }
        let text = try await failure(arguments(recorded, changed, "a"))
        #expect(text.contains("backbone.visual.norm.bias") && text.contains("trained on"))

        // Damaged and renamed files, and files of something else.
        var bytes = try Data(contentsOf: URL(filePath: recorded.path("fvit.pth")))
        try folder.write(bytes.prefix(bytes.count / 2), "truncated.pth")
        bytes.removeAll()
        let weights = try PyTorchArchive(contentsOf: recorded.path("fvit.pth"))
        let state = try weights.keys.filter { $0.hasPrefix("state_dict.") }.map { key in
            var tensor = try weights.tensor(named: key)
            tensor.name = String(key.dropFirst("state_dict.".count))
            return tensor
        }
        func write(_ name: String, _ change: (String) -> String?) throws -> String {
            let tensors = state.compactMap { tensor -> StoredTensor? in
                guard let key = change(tensor.name) else { return nil }
                var copy = tensor
                copy.name = key
                return copy
            }
            try PyTorchArchive.write(["state_dict": .tensors(tensors)], to: folder.file(name))
            return folder.file(name)
        }
        let cases: [(String, String)] = [
            (folder.file("truncated.pth"), "truncated.pth"),
            (try write("renamed.pth") { $0.replacing("neck.", with: "neck.other.") }, "belong to no part"),
            (try write("missing.pth") { $0.contains("fpn_convs.2") ? nil : $0 }, "fpn_output4"),
            (try write("heads.pth") { $0.contains("interpolate1") ? nil : $0 }, "adapter.up4"),
            (try write("rcnn.pth") { $0.contains("visual") ? nil : $0 }, "no F-ViT"),
            (trunk, "not of an mmdet detector"),
        ]
        for (path, reason) in cases {
            var arguments = try arguments(recorded, trunk, "b")
            arguments[2] = path
            arguments += ["--classes-file", recorded.path("all_classes.json")]
            #expect(await failure(arguments).contains(reason), "\(path)")
        }
        #expect(!FileManager.default.fileExists(atPath: ModelFolder(folder.file("b")).configuration))
    }
}
