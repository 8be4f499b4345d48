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

    /// At 1,024 pixels a matrix of scores has 4,097 x 4,097 numbers a head, 2 GB for these towers' 32.
    @Test(
        .enabled(if: PeakMemory.canBeReset),
        arguments: [
            VisionTransformer.Design.clip, .eva02, .perceptionEncoder(hasClassToken: true),
        ])
    func attentionHoldsNoMatrixOfScores(_ design: VisionTransformer.Design) throws {
        let store = ParameterStore()
        let tower = try VisionTransformer(
            store.root,
            .init(
                design, transformer: .init(width: 128, depth: 1, heads: 32, activation: .gelu), patchSize: 16,
                imageSize: 224, embeddingWidth: 8),
            format: design == .eva02 ? .eva : .openAI)
        try store.initialize(seed: 1)
        let pixels = try Tensor.randomNormal([1, 3, 1024, 1024], generator: Generator(seed: 2))
        let growth = try PeakMemory.growth {
            let state = try withoutGradients { try tower.lastState(of: tower.features(of: pixels)) }
            #expect(state.shape == [1, 4097, 128])
        }
        #expect(growth < 1 << 30)
    }

    // MARK: Files

    private static let eva = ("eva", "trunk-original", "EVA02_CLIP_mini_psz4.pt")
    private static let perceptionEncoder = ("pe", "trunk", "PE-Core-mini.pt")

    /// A recorded file whose tensors are renamed, or left out.
    private func file(
        _ folder: TemporaryFolder, _ name: String, of model: (String, String, String) = eva,
        _ keep: (String) -> String?
    ) throws -> String {
        let weights = try PyTorchArchive(contentsOf: Fixtures.case(model.0, model.1).path(model.2))
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

    @Test func whatIsNoWholePerceptionEncoderIsNamed() throws {
        let folder = try TemporaryFolder()
        _ = try Fixtures.case("pe", "trunk").modelWithHeads(in: folder)
        func failure(_ name: String, _ keep: (String) -> String?) throws -> String {
            let path = try file(folder, name, of: Self.perceptionEncoder, keep)
            return #expect(throws: (any Error).self) { try CLIPModel.load(path) }.map { "\($0)" } ?? ""
        }
        #expect(
            try failure("short.pt") { $0.hasPrefix("visual.attn_pool.mlp") ? nil : $0 }.contains(
                "attn_pool.mlp"))
        let renamed = try failure("renamed.pt") {
            $0.replacing("attn_pool.layernorm", with: "attn_pool.norm")
        }
        #expect(renamed.contains("attn_pool.layernorm"))
        // The blocks of another tower, and the texts of none.
        let mixed = try failure("mixed.pt") {
            $0.replacing("visual.transformer.resblocks", with: "visual.blocks")
        }
        #expect(mixed.contains("visual."))
        let image = try failure("image.pt") { $0.hasPrefix("visual.") ? $0 : nil }
        #expect(image.contains("image.pt"))
        let whole = try Data(
            contentsOf: URL(filePath: Fixtures.case("pe", "trunk").path(Self.perceptionEncoder.2)))
        try folder.write(whole.prefix(whole.count / 2), "half.pt")
        let half = #expect(throws: (any Error).self) { try CLIPModel.load(folder.file("half.pt")) }
        #expect("\(half.map { "\($0)" } ?? "")".contains("half.pt"))
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

/// The most memory that the process has held.
private enum PeakMemory {
    private static let reset = "/proc/self/clear_refs"

    static var canBeReset: Bool { FileManager.default.isWritableFile(atPath: reset) }

    /// How much more `body` holds at its peak than before it, in bytes.
    static func growth(_ body: () throws -> Void) throws -> Int {
        try Data("5".utf8).write(to: URL(filePath: reset))
        let before = try value("VmRSS")
        try body()
        return try value("VmHWM") - before
    }

    private static func value(_ key: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(key + ":") })
        return try 1024 * #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }
}
