import ArgumentParser
import CLIP
import RegionDetection
import FVLM
import Foundation
import Imaging
import Support
import Torch

/// Complete detection and training steps with the origin's preset, by stage.
///
/// The origin's Python stack (transformers and detectron2 with the same libtorch) took 1,772 ms per image in float32
/// and 1,166 in bfloat16, and 2,047 and 1,310 per training step, on two cores whose matrix products reached 195 and 420
/// GFLOP/s. Detection takes about 160 GFLOP per image: shares of the peak carry over to other machines.
struct DetectorBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detector",
        abstract: "Detection and training with ViT-B/32 at 224 pixels, random weights.")

    @Option(help: "The number of measurements of each.")
    var runs = 5

    @Option(help: "The number of images in a batch.")
    var batch = 4

    @Option(help: "The element types to measure.")
    var types: [ElementType] = ElementType.allCases

    @Option(help: "The work to measure.")
    var parts: [Part] = Part.allCases

    enum ElementType: String, ExpressibleByArgument, CaseIterable {
        case float32, bfloat16, int8
    }

    enum Part: String, ExpressibleByArgument, CaseIterable {
        case detection, training
    }

    private static let work = 160e9
    /// The work of a training step per image, counted as plain convolutions; Winograd convolution needs fewer
    /// multiplications, and the count below does not see those on other threads.
    private static let trainingWork = 247e9

    func run() throws {
        print("\(Runtime.threadCount) threads, ViT-B/32 at 224 pixels, \(batch) images per batch")
        var configuration = try DetectorConfiguration(preset: "vit-224")
        configuration.learning.regionsPerImage = 512
        let clip = try CLIPModel(.viTB32, format: .huggingFace)
        try clip.store.initialize(seed: 1)
        try clip.store.freeze()
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.initialize(seed: 2)
        let trunk = try configuration.trunk(of: clip)
        // 80 classes and the background.
        let texts = try Tensor.randomNormal(
            [81, clip.configuration.embeddingWidth], generator: Generator(seed: 3)
        ).normalized()
        for type in types {
            if type == .int8 {
                if parts.contains(.detection) { try bytes(clip, trunk, network, configuration, texts) }
                continue
            }
            let dtype = type == .float32 ? DType.float32 : .bfloat16
            let square = try Tensor.ones([4096, 4096], dtype: dtype)
            let product = try Measurement(runs: 3) { _ = try square.matmul(square) }
            let peak = 2 * 4096.0 * 4096 * 4096 / product.median
            print("\(dtype): matrix product of 4096 x 4096  \(rounded(peak / 1e9)) GFLOP/s")
            if parts.contains(.detection) { try detection(trunk, network, configuration, texts, dtype, peak) }
            if parts.contains(.training) { try training(trunk, network, texts, dtype, peak) }
            if let peak = ProcessMemory.peakBytes { print("  \(peak >> 20) MB held at most since the start") }
        }
    }

    /// Detection in bytes, with ranges found on pixels of the kind that are measured.
    private func bytes(
        _ clip: CLIPModel, _ trunk: any Trunk, _ network: DetectorNetwork,
        _ configuration: DetectorConfiguration, _ texts: Tensor
    ) throws {
        if let refusal = Quantization.refusal {
            print("int8: \(refusal)")
            return
        }
        let detector = try Detector(configuration: configuration, clip: clip, network: network)
        let pictures = try (0..<4).map { picture in
            let noise = try Tensor.random(
                in: 0..<256, [224 * 224 * 3], dtype: .uint8, generator: Generator(seed: UInt64(picture)))
            return try Image(width: 224, height: 224, pixels: noise.array(of: UInt8.self))
        }
        let quantization = try detector.quantization(of: pictures)
        let peak = try bytePeak()
        print("int8: matrix product of 4096 x 4096  \(rounded(peak / 1e9)) GOP/s")
        try detector.use(quantization)
        defer { try? detector.use(nil) }
        try detection(trunk, network, configuration, texts, .float32, peak)
        if let peak = ProcessMemory.peakBytes { print("  \(peak >> 20) MB held at most since the start") }
    }

    /// The operations in a second of a large product of bytes.
    private func bytePeak() throws -> Double {
        let store = ParameterStore()
        let layer = try Linear(store.root / "product", inputs: 4096, outputs: 4096, bias: false)
        try store.initialize(seed: 1)
        try layer.form.use(.int8(ActivationRange(low: 0, high: 255)))
        let bytes = try Tensor.ones([4096, 4096], dtype: .uint8)
        return try withoutGradients {
            2 * 4096.0 * 4096 * 4096 / (try Measurement(runs: 3) { _ = try layer(bytes) }.median)
        }
    }

    private func casts(_ dtype: DType) -> DType? { dtype == .float32 ? nil : dtype }

    /// 1,000 proposals per image, and masks for the best 100: with random weights no score is high.
    private func detection(
        _ trunk: any Trunk, _ network: DetectorNetwork, _ configuration: DetectorConfiguration,
        _ texts: Tensor, _ dtype: DType, _ peak: Double
    ) throws {
        let pixels = try Tensor.randomNormal([batch, 3, 224, 224], generator: Generator(seed: 4))
        let images = ImageBatch(pixels: pixels, sizes: [Size2D](repeating: Size2D(224, 224), count: batch))
        var options = configuration.scoring
        options.scoreThreshold = 0
        // The first pass fills caches.
        let detect = {
            try withAutocast(casts(dtype)) {
                try network.detections(
                    in: images, trunk: trunk, texts: texts, names: (1...80).map { "\($0)" }, isBase: nil,
                    options: options
                ).reduce(0) { $0 + $1.count }
            }
        }
        _ = try detect()
        let profile = StageProfile()
        var found = 0
        let time = try Measurement(runs: runs) {
            found = try StageProfile.$current.withValue(profile) { try detect() }
        }
        let perImage = time.median / Double(batch)
        let count = try OperationCount { _ = try detect() }
        let share = 100 * Self.work / perImage / peak
        print("  detection  \(formatted(seconds: perImage)) per image,", terminator: " ")
        print("\(found / batch) detections with masks each, \(rounded(share)) % of the peak")
        show(profile, images: (runs + 1) * batch)
        show(count)
    }

    /// Seven objects per image, 512 regions.
    private func training(
        _ trunk: any Trunk, _ network: DetectorNetwork, _ texts: Tensor, _ dtype: DType, _ peak: Double
    ) throws {
        // As in `fvlm train`.
        try Runtime.keepMemory(bytes: 2 << 30)
        let optimizer = try AdamW([ParameterGroup(network.store.parameters)], learningRate: 1e-4)
        let generator = try Generator(seed: 5)
        let corners = (0..<7).map { index -> [Float] in
            let (x, y) = (Float(index * 24 + 4), Float(index % 3 * 60 + 8))
            return [x, y, x + 40 + Float(index * 4), y + 50 + Float(index * 6)]
        }
        let examples = try (0..<batch).map { image in
            TrainingExample(
                imageID: Int64(image), pixels: try Tensor.randomNormal([3, 224, 224], generator: generator),
                boxes: try Boxes(corners), classes: (0..<7).map { ($0 * 11 + image) % 80 },
                masks: corners.map { box in
                    let (x1, y1, x2, y2) = (Double(box[0]), Double(box[1]), Double(box[2]), Double(box[3]))
                    return .polygons([[x1, y1, x2, y1, x2, y2, x1, y2]])
                }, crowd: try Boxes([]))
        }
        let profile = StageProfile()
        let step = {
            try StageProfile.$current.withValue(profile) {
                try optimizer.clearGradients()
                let losses = try withAutocast(casts(dtype)) {
                    try network.losses(
                        of: examples, trunk: trunk, texts: texts, padding: .init(multiple: 32),
                        generator: Generator(seed: 6)
                    ).terms
                }
                let sum = try losses.dropFirst().reduce(losses[0].value) { try $0 + $1.value }
                try StageProfile.measure(.backward) { try sum.backward() }
                try StageProfile.measure(.update) { try optimizer.step() }
            }
        }
        if let held = ProcessMemory.residentBytes { print("    before: \(held >> 20) MB held") }
        // The first steps allocate the memory that all later ones reuse.
        for _ in 0..<4 { try step() }
        profile.reset()
        let time = try Measurement(runs: runs, step)
        print("  training  \(formatted(seconds: time.median / Double(batch))) per image", terminator: "")
        print(" (\(formatted(seconds: time.median)) per step)")
        show(profile, images: (runs + 1) * batch)
        let count = try OperationCount(step)
        let share = 100 * Self.trainingWork * Double(batch) / time.median / peak
        print("    \(rounded(share)) % of the peak")
        show(count)
    }

    /// The operations per image, in total and for the largest layers.
    private func show(_ count: OperationCount) {
        let unit = 1e9 * Double(batch)
        print("    \(rounded(count.total / unit)) GFLOP per image, of these:")
        for layer in count.layers.prefix(12) {
            print("      \(rounded(layer.operations / unit))  \(layer.name)")
        }
    }

    private func show(_ profile: StageProfile, images: Int) {
        for stage in profile.stages {
            let name = stage.stage.rawValue.padding(toLength: 14, withPad: " ", startingAt: 0)
            let time = formatted(seconds: stage.seconds / Double(images))
            print("    \(name)\(time), \(stage.bytes >> 20) MB held")
        }
    }
}
