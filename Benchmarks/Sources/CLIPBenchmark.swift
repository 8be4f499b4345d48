import ArgumentParser
import CLIP
import Foundation
import Torch

/// ViT-B/32's towers against transformers with the same libtorch, and pooling of regions against cropping first.
///
/// The gain from bfloat16 depends on the processor: AVX512-BF16 alone has half the rate of float32 multiply-add on
/// Intel's Sapphire Rapids and Emerald Rapids (88 against 180 billion operations per second and core were measured), so
/// it only saves memory there; Intel's AMX unit, which virtual machines may hide, and AMD's Zen 4 are faster.
struct CLIPBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clip", abstract: "CLIP's towers against transformers; pooling of regions.")

    /// The parts to measure.
    enum Part: String, ExpressibleByArgument, CaseIterable {
        case images
        case texts
        case regions
    }

    @Option(help: "The number of measurements of each.")
    var runs = 5

    @Argument(help: "images, texts, regions; all by default.")
    var parts = Part.allCases

    func run() throws {
        if parts.contains(.images) { try images() }
        if parts.contains(.texts) { try texts() }
        if parts.contains(.regions) { try regions() }
    }

    /// Only the arithmetic matters: weights are random.
    private func models() throws -> (CLIPModel, CLIPModel) {
        let model = try CLIPModel(.viTB32, format: .huggingFace)
        try model.store.initialize(seed: 1)
        let narrow = try CLIPModel(.viTB32, dtype: .bfloat16, format: .huggingFace)
        for (parameter, source) in zip(narrow.store.parameters, model.store.parameters) {
            try parameter.set(source.value)
        }
        return (model, narrow)
    }

    private func images() throws {
        let peer = Peer(script: "clip.py").run(["images", "--runs", "\(runs)"])
        let (model, narrow) = try models()
        for (name, count, size) in [("8 images at 224", 8, 224), ("1 image at 640", 1, 640)] {
            let pixels = try Tensor.randomNormal([count, 3, size, size], generator: Generator(seed: 3))
            try compare(name, peer) { try ($0 ? narrow : model).embed(pixels: pixels) }
        }
    }

    private func texts() throws {
        let peer = Peer(script: "clip.py").run(["texts", "--runs", "\(runs)"])
        let (model, narrow) = try models()
        // Prompts of a vocabulary: 7 to 12 tokens with start and end, padded to 77 here and to the longest in the peer,
        // since this package ignores columns after the last end token.
        var ids = [Int64](repeating: 49_407, count: 32 * 77)
        for row in 0..<32 {
            ids[row * 77] = 49_406
            for place in 1..<(6 + row % 6) { ids[row * 77 + place] = Int64(320 + 97 * place + row) }
        }
        let prompts = try Tensor(ids, shape: [32, 77])
        try compare("32 prompts", peer) { try ($0 ? narrow : model).embed(ids: prompts) }
        var full = (0..<32 * 77).map { Int64(320 + $0 % 1_000) }
        for row in 0..<32 { full[row * 77 + 76] = 49_407 }
        let texts = try Tensor(full, shape: [32, 77])
        try compare("32 texts of 77 tokens", peer) { try ($0 ? narrow : model).embed(ids: texts) }
    }

    /// `body` receives whether to use bfloat16.
    private func compare(_ name: String, _ peer: [String: Any]?, _ body: (Bool) throws -> Tensor) throws {
        let single = try Measurement(runs: runs) { _ = try body(false) }
        let half = try Measurement(runs: runs) { _ = try body(true) }
        print(name.padding(toLength: 24, withPad: " ", startingAt: 0), terminator: "")
        print("float32 \(formatted(seconds: single.median))", terminator: "")
        print(", bfloat16 \(formatted(seconds: half.median))", terminator: "")
        print(" (\(rounded(single.median / half.median)) times as fast)", terminator: "")
        if let seconds = peer?[name] as? Double, let narrow = peer?["\(name), bfloat16"] as? Double {
            print("; transformers / Swift: float32 \(rounded(seconds / single.median))", terminator: "")
            print(", bfloat16 \(rounded(narrow / half.median))", terminator: "")
        }
        print("")
    }

    /// 1,000 regions of a ResNet-50 at 1,024 pixels.
    private func regions() throws {
        let store = ParameterStore()
        guard case .resNet(let configuration) = CLIPConfiguration.resNet50.vision else { return }
        let pool = try AttentionPool(store.root, configuration)
        try store.initialize(seed: 1)
        try store.freeze()
        let map = try Tensor.randomNormal([1, 2_048, 32, 32], generator: Generator(seed: 2)).relu()
        let generator = try Generator(seed: 5)
        let corners = try Tensor.random([1_000, 2], generator: generator) * 800
        let sizes = try Tensor.random([1_000, 2], generator: generator) * 200 + 20
        let boxes = try Tensor.cat([corners, corners + sizes], dimension: 1)
        let sampling = try RegionCropping.cellCenters(boxes, mapSize: Size2D(32, 32), gridSize: pool.gridSize)
        // In chunks, because the crops of all regions would take 400 MB and their tokens several times that.
        let crops = try sampling.crops(of: map)
        var cropped: Tensor?
        let before = try Measurement(runs: 1) {
            cropped = try Tensor.cat(crops.split(125).map { try pool($0) })
        }
        var projected: Tensor?
        let after = try Measurement(runs: runs) { projected = try pool(map, regions: sampling) }
        guard let cropped, let projected else { return }
        let difference: Double = try (cropped - projected).abs().max().item()
        print("1,000 regions of R50 at 1,024 pixels: \(formatted(seconds: after.median))", terminator: "")
        print(
            "; cropped first \(formatted(seconds: before.median)), without the crops themselves",
            terminator: "")
        print(" (\(rounded(before.median / after.median)) times as long), largest difference \(difference)")
    }
}
