import ArgumentParser
import CLIP
import COCO
import RegionDetection
import FixtureSupport
import Foundation
import FVLM
import Imaging
import Testing
import Torch
import WeightFiles

import FVLMCommand

@testable import FVLMNetworks

/// The commands around a detector's weights and vocabularies, with a recorded CLIP.
@Suite struct ModelCommandTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func path(_ name: String) -> String { folder.path + "/" + name }

    private var clip: String { SmallDetector.clip }

    /// A matrix as NumPy writes it.
    private func writeArray(_ name: String, _ rows: [[Float]]) throws {
        let header =
            "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows.count), \(rows[0].count)), }\n"
        var bytes = [0x93] + Array("NUMPY".utf8) + [1, 0]
        bytes += [UInt8(header.utf8.count), 0] + Array(header.utf8)
        for value in rows.joined() {
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
        try Data(bytes).write(to: URL(filePath: path(name)))
    }

    @Test func officialEmbeddingsBecomeAVocabulary() async throws {
        let width = try CLIPModel.load(clip).configuration.embeddingWidth
        let rows = (0..<6).map { row in (0..<width).map { Float(row * 100 + $0) } }
        try writeArray("coco_embed.npy", rows)
        try writeArray("background.npy", [rows[5], rows[0]])
        // Rows are counted by ids, with holes between them, and row 0 is the background.
        var annotations = Dataset()
        annotations.categories = [
            COCO.Category(id: 4, name: "dog"), COCO.Category(id: 1, name: "traffic light, red"),
        ]
        try annotations.write(to: path("annotations.json"))
        try await FVLMNetworksTool.run([
            "vocabulary", "import", path("coco_embed.npy"), "--annotations", path("annotations.json"),
            "--model", clip, "--output", path("coco.safetensors"),
        ])
        let coco = try Vocabulary(contentsOf: path("coco.safetensors"))
        #expect(coco.names == ["dog", "traffic light, red"] && coco.templates.count == 80)
        #expect(coco.classes.map(\.categoryID) == [4, 1])
        #expect(try coco.embeddings.array(of: Float.self) == rows[4] + rows[1])
        #expect(try coco.background?.embedding.array(of: Float.self) == rows[0])
        try coco.check(CLIPModel.load(clip).identity())

        try await FVLMNetworksTool.run([
            "vocabulary", "import", path("coco_embed.npy"), "--classes", "a, b, c, d, e, f",
            "--background-file",
            path("background.npy"), "--model", clip, "--output", path("own.safetensors"),
        ])
        let own = try Vocabulary(contentsOf: path("own.safetensors"))
        #expect(try own.embeddings.array(of: Float.self) == Array(rows.joined()))
        #expect(own.classes.allSatisfy { $0.categoryID == nil })
        #expect(try own.background?.embedding.array(of: Float.self) == rows[5])

        try writeArray("narrow.npy", [[1, 2], [3, 4]])
        try writeArray("broken.npy", [rows[0], [.nan] + rows[1].dropFirst()])
        for (arguments, reason) in [
            (["coco_embed.npy", "--classes", "a, b"], "6 rows for 2 names"),
            (["narrow.npy", "--classes", "a, b"], "rows of width 2"),
            (["broken.npy", "--classes", "a, b"], "NaN or infinite"),
            (["annotations.json", "--classes", "a, b"], "not a NumPy array"),
        ] {
            let error = await #expect(throws: (any Error).self) {
                try await FVLMNetworksTool.run(
                    ["vocabulary", "import", path(arguments[0])] + arguments.dropFirst() + [
                        "--model", clip, "--output", path("none.safetensors"),
                    ])
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains(reason))
        }
    }

    /// The origin's defect 29: drawing asked for results that there were not. What is found is drawn; pictures of one
    /// name do not replace each other.
    @Test func whatIsFoundIsDrawn() async throws {
        try SmallDetector.write(to: path("model"))
        let files = try ["a", "b"].map { folder in
            try FileManager.default.createDirectory(
                atPath: path(folder), withIntermediateDirectories: true)
            let file = path("\(folder)/street.png")
            try Image(width: 60, height: 40, filledWith: .white).write(to: file)
            return file
        }
        try await FVLMNetworksTool.run(
            ["detect"] + files + [
                "--model", path("model"), "--classes", "dog, cat", "--score-threshold", "0",
                "--set", "input.size=64", "--output", path("found"),
            ])
        let names = try FileManager.default.contentsOfDirectory(atPath: path("found")).sorted()
        #expect(names == ["street-2.png", "street.png"])
        for name in names {
            let drawn = try Image(contentsOf: path("found/\(name)"))
            #expect(drawn.size == ImageSize(width: 60, height: 40))
            #expect(try drawn != Image(width: 60, height: 40, filledWith: .white))
        }
    }

    /// Heads under detectron2's names go into another detector through the reader of detectron2's files.
    @Test(arguments: ["heads.safetensors", "heads.pth"])
    func headsAreWrittenForDetectron2(_ name: String) async throws {
        let model = try CLIPModel.load(clip)
        let (configuration, network) = try SmallDetector.write(to: path("model"))
        try await FVLMNetworksTool.run([
            "convert", "detectron2", "--model", path("model"), "--output", path(name),
        ])

        let file = try WeightFile.open(path(name))
        #expect(file.keys.count == network.store.parameters.count)
        for key in [
            "backbone.fpn_lateral2.weight", "proposal_generator.rpn_head.conv.weight",
            "roi_heads.box_head.fc1.weight", "roi_heads.box_predictor.bbox_pred.bias",
            "roi_heads.box_predictor.projection.weight", "roi_heads.mask_head.deconv.weight",
        ] { #expect(file.keys.contains { $0.hasSuffix(key) }, "\(key)") }
        let other = try DetectorNetwork(configuration, for: model.configuration)
        try other.store.initialize(seed: 2)
        let root = other.store.root
        try Detectron2Checkpoint(file).load(
            [
                .pyramid: root / "fpn", .proposals: root / "rpn_head", .boxHead: root / "box_head",
                .boxRegression: root, .maskHead: root / "mask_head",
            ], classSpecific: .average, otherShapes: .reject, seed: 0)
        for (a, b) in zip(network.store.parameters, other.store.parameters)
        where !["projection.weight", "projection.bias", "temperature"].contains(a.name) {
            #expect(try a.value.isEqual(to: b.value), "\(a.name)")
        }
        await #expect(throws: (any Error).self) {
            try await FVLMNetworksTool.run([
                "convert", "detectron2", "--model", path("model"), "--output", path("a.bin"),
            ])
        }
    }

    @Test(arguments: [
        ["convert", "published", "checkpoint", "--output", "x"],
        ["convert", "official", "checkpoint", "--output", "x"],
        ["convert", "published", "r51", "--download", "--output", "x"],
        ["convert", "published", "r50", "--download", "--clip", "RN50.pt", "--output", "x"],
        ["cache", "config.yaml", "--views", "0", "--output", "x"],
        ["vocabulary", "import", "a.npy", "--model", "m", "--output", "x"],
    ]) func wrongUseIsRefused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try FVLMNetworksTool.parseAsRoot(arguments) }
    }
}
