import ArgumentParser
import CLIP
import FVLM
import Foundation
import RegionDetection
import Support
import Torch

/// EVA-02 and Perception Encoder of full size as frozen trunks: their share of the matrix product's peak, and what 1,000 regions
/// cost beside them.
///
/// The peak is measured before and after each trunk, so that other work on the machine changes both alike. Operations are those
/// of the products: patches, projections, attention, perceptrons.
struct TrunkBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trunks", abstract: "EVA-02 and Perception Encoder as trunks, random weights.")

    @Option(help: "The number of measurements of each.")
    var runs = 3

    @Option(parsing: .upToNextOption, help: "The sides of the pictures in pixels.")
    var sizes = [640, 896, 1024]

    @Option(parsing: .upToNextOption, help: "The element types to measure.")
    var types = DetectorBenchmark.ElementType.allCases

    @Option(parsing: .upToNextOption, help: "The trunks to measure.")
    var models = Model.allCases

    enum Model: String, ExpressibleByArgument, CaseIterable {
        case evaB16 = "eva-b16"
        case evaL14 = "eva-l14"
        case peB16 = "pe-b16"
        case peL14 = "pe-l14"

        var configuration: CLIPConfiguration {
            switch self {
            case .evaB16: .eva02B16
            case .evaL14: .eva02L14
            case .peB16: .perceptionEncoderB16
            case .peL14: .perceptionEncoderL14
            }
        }

        var format: CheckpointFormat { self == .evaB16 || self == .evaL14 ? .eva : .openAI }
    }

    func run() throws {
        print("\(Runtime.threadCount) threads")
        for model in models {
            for type in types {
                guard case .transformer(let configuration) = model.configuration.vision else { continue }
                // The text tower plays no part, and is the larger one.
                let store = ParameterStore(dtype: type == .float32 ? .float32 : .bfloat16)
                let tower = try VisionTransformer(store.root, configuration, format: model.format)
                try store.initialize(seed: 1)
                try store.freeze()
                for size in sizes { try measure(model, tower, size - size % configuration.patchSize, type) }
            }
        }
    }

    private func measure(
        _ model: Model, _ tower: VisionTransformer, _ size: Int, _ type: DetectorBenchmark.ElementType
    ) throws {
        let trunk = try FourBlockTrunk(tower)
        let options = ScoringOptions.fvit(.coco)
        guard let scorer = try trunk.scorer(for: options) else { return }
        let pixels = try Tensor.randomNormal([1, 3, size, size], generator: Generator(seed: 2))
        let square = try Tensor.ones([4096, 4096], dtype: type == .float32 ? .float32 : .bfloat16)
        func seconds(_ body: () throws -> Void) rethrows -> Double {
            try ContinuousClock().measure { try body() } / .seconds(1)
        }
        func product() throws -> Double {
            try 2 * 4096.0 * 4096 * 4096 / seconds { _ = try square.matmul(square) }
        }
        _ = try product()
        // The first pass fills caches.
        var features = try trunk.features(of: pixels)
        var (times, shares): ([Double], [Double]) = ([], [])
        var before = try product()
        for _ in 0..<runs {
            let time = try seconds { features = try trunk.features(of: pixels) }
            let after = try product()
            times.append(time)
            shares.append(operations(tower, size) / time / ((before + after) / 2))
            before = after
        }
        let boxes = try boxes(size)
        let texts = try Tensor.randomNormal(
            [1_204, tower.configuration.embeddingWidth], generator: Generator(seed: 4))
        let classifier = try TextClassifier(fixedTemperature: options.vlmTemperature)
        let scoring = try Measurement(runs: runs) {
            let embeddings = try scorer.embeddings(of: [boxes], features: features, pixels: pixels)
            _ = try classifier(embeddings, texts: texts).softmax(1)
        }.median
        times.sort()
        shares.sort()
        let time = times[times.count / 2]
        let name = "\(model.rawValue) \(type.rawValue) at \(size)".padding(
            toLength: 26, withPad: " ", startingAt: 0)
        print(
            "\(name)\(formatted(seconds: time)), \(rounded(operations(tower, size) / 1e9)) GFLOP, "
                + "\(rounded(100 * shares[shares.count / 2])) % of the product's \(rounded(before / 1e9)) GFLOP/s; "
                + "1,000 regions and 1,204 texts \(formatted(seconds: scoring)), \(rounded(100 * scoring / time)) %"
        )
    }

    /// The multiplications and additions of a trunk's products for one picture.
    private func operations(_ tower: VisionTransformer, _ size: Int) -> Double {
        let configuration = tower.configuration
        let (width, hidden) = (
            Double(configuration.transformer.width), Double(configuration.transformer.hiddenWidth)
        )
        let isEVA = tower.poolingHead == nil
        let grid = Double(size / configuration.patchSize)
        let tokens = grid * grid + (configuration.hasClassToken ? 1 : 0)
        let patches = 2 * grid * grid * width * 3 * Double(configuration.patchSize * configuration.patchSize)
        let perceptron = (isEVA ? 6 : 4) * tokens * width * hidden
        let block = 8 * tokens * width * width + 4 * tokens * tokens * width + perceptron
        // EVA-02's last block has no attention in a trunk: a value and an output projection.
        let last = isEVA ? 4 * tokens * width * width + perceptron : block
        return patches + Double(configuration.transformer.depth - 1) * block + last
    }

    /// 1,000 boxes with sides from 16 pixels to the whole picture, their logarithms evenly spread.
    private func boxes(_ size: Int) throws -> Boxes {
        let generator = try Generator(seed: 3)
        let side = Double(size)
        let sides = try (Tensor.random([1_000, 2], generator: generator) * log(side / 16)).exp() * 16
        let corners = try (Tensor.random([1_000, 2], generator: generator)) * (sides * -1 + side)
        return try Boxes(Tensor.cat([corners, corners + sides], dimension: 1))
    }
}
