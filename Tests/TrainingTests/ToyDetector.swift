import FVLM
import Foundation
import RegionDetection
import Support
import Torch

@testable import Training

/// A detector small enough for tests: says where in the picture the object is and of which class it is.
///
/// It has what real ones have: a norm with running statistics, a frozen part, two terms of loss, and chance that is drawn
/// from the generator.
final class ToyDetector {
    let parameters = ParameterStore()
    private let trunk: Conv2d
    private let convolution: Conv2d
    private let norm: BatchNorm2d
    private let head: Linear

    /// Called with every batch; what it gives is added to the loss.
    var disturb: (([TrainingExample]) throws -> Tensor?)?

    init(classCount: Int = 3, seed: UInt64 = 1) throws {
        let root = parameters.root
        trunk = try Conv2d(root / "trunk", inputs: 3, outputs: 6, kernel: 3, stride: 2, padding: 1)
        convolution = try Conv2d(root / "conv", inputs: 6, outputs: 8, kernel: 3, stride: 2, padding: 1)
        norm = try BatchNorm2d(root / "norm", channels: 8)
        head = try Linear(root / "head", inputs: 8 * 16, outputs: 4 + classCount)
        try parameters.initialize(seed: seed)
        try parameters.freeze(under: "trunk")
    }

    func losses(_ batch: [TrainingExample], _ generator: Generator) throws -> [(name: String, value: Tensor)]
    {
        let pixels = try Tensor.stack(batch.map(\.pixels))
        let noise = try Tensor.randomNormal(pixels.shape, generator: generator) * 0.05
        let features = try norm(convolution(trunk(pixels + noise).relu())).relu()
        let pooled = try features.adaptiveAveragePool2d(4).flattened(from: 1)
        let output = try head(pooled).to(.float32)
        let target = try Tensor.cat(batch.map { try $0.boxes.tensor[0..<1] })
        let classes = try Tensor(batch.map { Int64($0.classes[0]) })
        let side = Double(batch[0].pixels.shape[2])
        var box = try output[0..., 0..<4].smoothL1(target / side)
        if let extra = try disturb?(batch) { box = try box + extra }
        return [("box", box), ("class", try output[0..., 4...].crossEntropy(classes))]
    }
}

/// Pictures of one square each; its class is its color. Made from the row and chance alone.
struct SquareSource: ExampleSource {
    var count = 12
    var fingerprint = "squares"
    var side = 16

    /// Seconds that an example of an even row takes.
    var delay = 0.0

    func example(at row: Int, view: Int, random: inout RandomStream) throws -> TrainingExample {
        if delay > 0, row.isMultiple(of: 2) { Thread.sleep(forTimeInterval: delay) }
        let size = 4 + random.integer(below: 5)
        let (x, y) = (random.integer(below: side - size), random.integer(below: side - size))
        let channel = row % 3
        var pixels = [Float](repeating: -1, count: 3 * side * side)
        for row in y..<y + size {
            for column in x..<x + size { pixels[(channel * side + row) * side + column] = 1 }
        }
        return TrainingExample(
            imageID: Int64(row), pixels: try Tensor(pixels, shape: [3, side, side]),
            boxes: try Boxes([[Float(x), Float(y), Float(x + size), Float(y + size)]]), classes: [channel],
            masks: [.none], crowd: try Boxes.none())
    }
}

extension TrainingConfiguration {
    /// A training without a schedule.
    static func toy(
        steps: Int, batchSize: Int = 4, seed: UInt64 = 0,
        _ change: (inout TrainingConfiguration) -> Void = { _ in }
    ) -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        configuration.data.batchSize = batchSize
        configuration.optimizer.schedule = .constant
        configuration.optimizer.warmupSteps = 0
        configuration.run.steps = steps
        configuration.run.seed = seed
        change(&configuration)
        return configuration
    }
}
