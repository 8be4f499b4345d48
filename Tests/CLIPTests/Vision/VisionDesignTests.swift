import FixtureSupport
import Foundation
import Testing
import Torch
import WeightFiles

@testable import CLIP

/// What the recorded EVA-02s and Perception Encoders do not show: rectangles, sizes that are told by shapes, files that are
/// refused.
@Suite struct VisionDesignTests {
    @Test func rowsAndColumnsTurnByTheirOwnLength() {
        let scaled = RotaryPositions(.rowsScaled(grid: 16), headWidth: 4, hasClassToken: true)
        // Nothing for the class token; then a pair for the row and one for the column.
        let angles = scaled.angles(Size2D(2, 4))
        #expect(angles.prefix(4) == [0, 0, 0, 0])
        #expect(angles.suffix(4) == [8, 8, 12, 12])
        let counted = RotaryPositions(.columnsCounted(first: 1), headWidth: 4, hasClassToken: false)
        #expect(counted.angles(Size2D(2, 4)).suffix(4) == [4, 4, 2, 2])
    }

    @Test func picturesOfAnyShapeGoThroughEveryDesign() throws {
        let text = TextTransformer.Configuration(
            transformer: .init(width: 16, depth: 1, heads: 2, activation: .gelu), vocabularySize: 32,
            contextLength: 8, embeddingWidth: 12)
        func tower(_ design: VisionTransformer.Design) -> CLIPConfiguration {
            CLIPConfiguration(
                vision: .transformer(
                    .init(
                        design, transformer: .init(width: 16, depth: 2, heads: 2, activation: .gelu),
                        patchSize: 4, imageSize: 16, embeddingWidth: 12)),
                text: text)
        }
        for design in [
            VisionTransformer.Design.clip, .eva02, .perceptionEncoder(hasClassToken: true),
            .perceptionEncoder(hasClassToken: false),
        ] {
            let model = try CLIPModel(tower(design), format: design == .eva02 ? .eva : .openAI)
            try model.store.initialize(seed: 1)
            for (height, width) in [(16, 16), (8, 24), (21, 13)] {
                let pixels = try Tensor.randomNormal([2, 3, height, width], generator: Generator(seed: 2))
                #expect(try model.embed(pixels: pixels).shape == [2, 12])
                guard case .transformer(let vision) = model.vision else { continue }
                let features = try vision.features(of: pixels, keeping: [1])
                let grid = [height / 4, width / 4]
                #expect(try features.map(at: 1).shape == [2, 16] + grid)
                #expect(try vision.normalizedMap(of: features).shape == [2, 16] + grid)
                if vision.poolingHead == nil {
                    #expect(try vision.denseMap(of: features).shape == [2, 12] + grid)
                } else {
                    #expect(throws: CLIPError.self) { try vision.denseMap(of: features) }
                }
            }
            #expect(throws: CLIPError.self) { try model.embed(pixels: Tensor.zeros([1, 3, 3, 16])) }
        }
    }

    @Test func aKeptValuePathIsTheComputedOne() throws {
        let folder = try TemporaryFolder()
        let model = try CLIPModel.load(
            Fixtures.case("eva", "trunk-original").modelWithHeads(in: folder))
        guard case .transformer(let tower) = model.vision else { throw CLIPError(reason: "") }
        let pixels = try Tensor.randomNormal([1, 3, 40, 24], generator: Generator(seed: 3))
        let kept = try tower.features(of: pixels, keepingValuePath: true)
        #expect(try tower.denseMap(of: kept).isEqual(to: tower.denseMap(of: tower.features(of: pixels))))
    }

    // MARK: Files

    private func eva() throws -> PyTorchArchive {
        try PyTorchArchive(contentsOf: Fixtures.case("eva", "trunk-original").path("EVA02_CLIP_mini_psz4.pt"))
    }

    private func file(_ folder: TemporaryFolder, _ name: String, _ keep: (String) -> String?) throws -> String
    {
        let weights = try eva()
        let tensors = try weights.keys.compactMap { key -> StoredTensor? in
            guard let new = keep(key) else { return nil }
            var tensor = try weights.tensor(named: key)
            tensor.name = new
            return tensor
        }
        try PyTorchArchive.write(.tensors(tensors), to: folder.file(name))
        return folder.file(name)
    }

    @Test func whatIsNoWholeModelIsNamed() throws {
        let folder = try TemporaryFolder()
        _ = try Fixtures.case("eva", "trunk-original").modelWithHeads(in: folder)
        func failure(_ path: String) -> String {
            #expect(throws: (any Error).self) { try CLIPModel.load(path) }.map { "\($0)" } ?? ""
        }
        let image = try file(folder, "image.pt") { $0.hasPrefix("visual.") ? $0 : nil }
        #expect(failure(image).contains("the image tower of an EVA-02 alone"))
        let other = try file(folder, "other.pt") { $0.replacing("attn.q_bias", with: "attn.qkv.bias") }
        #expect(failure(other).contains("custom_text"))
        let renamed = try file(folder, "renamed.pt") { $0.replacing(".w3.", with: ".w4.") }
        #expect(failure(renamed).contains("w3"))
        let short = try file(folder, "short.pt") { $0.hasPrefix("visual.blocks.1.norm2") ? nil : $0 }
        #expect(failure(short).contains("visual.blocks.1.norm2"))
        let bytes = try Data(contentsOf: URL(filePath: folder.file("EVA02_CLIP_mini_psz4.pt")))
        try folder.write(bytes.prefix(bytes.count / 2), "half.pt")
        #expect(failure(folder.file("half.pt")).contains("half.pt"))
        // Without the numbers of heads beside it a miniature has heads that cannot be turned, or none at all.
        try FileManager.default.removeItem(atPath: folder.file("open_clip_config.json"))
        #expect(
            try CLIPCheckpoint(folder.file("EVA02_CLIP_mini_psz4.pt")).configuration.text.transformer.heads
                == 1)
        try folder.write(#"{"vision_cfg": {"pt_hw_seq_len": 14}}"#, "open_clip_config.json")
        #expect(failure(folder.file("EVA02_CLIP_mini_psz4.pt")).contains("pt_hw_seq_len"))
    }

    @Test func widthsOfPublishedModelsTellTheirHeads() throws {
        #expect(CLIPConfiguration.perceptionEncoderG14.vision.heads == 16)
        #expect(CLIPConfiguration.perceptionEncoderL14.vision.heads == 16)
        #expect(CLIPConfiguration.eva02L14.vision.heads == 16)
        #expect(CLIPConfiguration.eva02B16.vision.heads == 12)
        #expect(
            CLIPConfiguration.eva02L14.vision.hidden == 2730
                && CLIPConfiguration.eva02B16.vision.hidden == 2048)
    }

    @Test func picturesArePreparedAsTheAuthorsDo() throws {
        let folder = try TemporaryFolder()
        let recorded = try Fixtures.case("pe", "trunk")
        let link = try recorded.modelWithHeads(in: folder)
        try FileManager.default.removeItem(atPath: folder.file("open_clip_config.json"))
        // Shapes alone: heads of 64 places where the width has no more.
        let preprocessor = try CLIPModel.load(link).preprocessor()
        #expect(preprocessor == .perceptionEncoder(side: 64))
        #expect(preprocessor.normalization == .half && preprocessor.filter == .bilinear)
        let timm = try CLIPModel.load(recorded.path("open_clip")).preprocessor()
        #expect(timm == preprocessor)
        let eva = try CLIPModel.load(Fixtures.case("eva", "trunk-timm").path(""))
        #expect(try eva.preprocessor() == .openAI(side: 64))
    }
}

extension CLIPConfiguration.Vision {
    fileprivate var heads: Int {
        if case .transformer(let tower) = self { tower.transformer.heads } else { 0 }
    }

    fileprivate var hidden: Int {
        if case .transformer(let tower) = self { tower.transformer.hiddenWidth } else { 0 }
    }
}
