import CLIP
import FVLM
import Imaging
import RegionDetection
import Torch

/// A detector with random weights, on the processor and on the device, and what it looks at.
final class CheckSubject {
    let family: Family
    let device: Device
    let configuration: DetectorConfiguration
    let side: Int
    private let clipConfiguration: CLIPConfiguration

    init(_ family: Family, isFull: Bool, device: Device) {
        self.family = family
        self.device = device
        var configuration = DetectorConfiguration()
        if let preset = try? DetectorConfiguration(
            preset: family == .published
                ? (isFull ? "published" : "published-small") : (isFull ? "vit" : "vit-small"))
        {
            configuration = preset
        }
        if !isFull { configuration.input.size = 160 }
        self.configuration = configuration
        side = configuration.input.size
        switch (family, isFull) {
        case (.published, true): clipConfiguration = .resNet50
        case (.published, false):
            clipConfiguration = .resNet(
                blocks: [1, 1, 1, 1], width: 64, imageSize: 224, embeddingWidth: 256, textWidth: 128)
        case (.transformer, true): clipConfiguration = .viTB32
        case (.transformer, false):
            clipConfiguration = CLIPConfiguration(
                vision: .transformer(
                    .init(
                        transformer: .init(width: 256, depth: 3, activation: .quickGELU), patchSize: 32,
                        imageSize: 224, embeddingWidth: 256)),
                text: .init(
                    transformer: .init(width: 128, depth: 1, activation: .quickGELU), embeddingWidth: 256))
        }
    }

    /// The detector on a device: the same weights everywhere, up to rounding.
    func detector(on device: Device, dtype: DType = .float32) throws -> Detector {
        let clip = try CLIPModel(
            clipConfiguration, dtype: dtype, format: family == .published ? .openAI : .huggingFace)
        try clip.store.initialize(seed: 1)
        try clip.store.freeze()
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.initialize(seed: 2)
        let paths = Set(network.store.parameters.map { $0.name.prefix { $0 != "." } }.map(String.init))
        for path in paths where path != "temperature" { try network.store.convert(under: path, dtype: dtype) }
        for store in [clip.store, network.store] {
            try store.convert(device: device, format: .channelsLast)
        }
        return try Detector(configuration: configuration, clip: clip, network: network)
    }

    private var cached: [Device: Detector] = [:]

    /// As ``detector(on:)``, made once.
    func shared(on device: Device) throws -> Detector {
        if let detector = cached[device] { return detector }
        let detector = try detector(on: device)
        cached[device] = detector
        return detector
    }

    func texts(_ count: Int) throws -> Tensor {
        try Tensor.randomNormal(
            [count + 1, clipConfiguration.embeddingWidth], generator: Generator(seed: 3)
        ).normalized()
    }

    func vocabulary(_ count: Int, for identity: CLIPIdentity? = nil) throws -> Vocabulary {
        let texts = try texts(count)
        return try Vocabulary(
            classes: (0..<count).map { Vocabulary.Class("class \($0)") }, templates: ["{}"],
            embeddings: texts[1...].contiguous(),
            background: .init(phrase: "background", embedding: texts[0].contiguous()),
            clip: identity ?? shared(on: .cpu).identity)
    }

    func pixels(_ count: Int) throws -> Tensor {
        try Tensor.randomNormal([count, 3, side, side], generator: Generator(seed: 4))
    }

    /// Pictures of noise and squares; every third one is gray all over.
    func pictures(_ count: Int) throws -> [Image] {
        try (0..<count).map { number in
            guard number % 3 != 2 else { return try Image(width: side, height: side, filledWith: .white) }
            var state = UInt32(number + 1)
            let pixels = (0..<side * side * 3).map { place -> UInt8 in
                state = state &* 1_664_525 &+ 1_013_904_223
                let (x, y) = (place / 3 % side, place / 3 / side)
                let isInside = (side / 4..<side / 2).contains(x) && (side / 4..<side / 2).contains(y)
                return isInside ? 200 : UInt8(truncatingIfNeeded: state >> 24)
            }
            return try Image(width: side, height: side, pixels: pixels)
        }
    }

    /// Seven objects an image.
    func examples(_ count: Int) throws -> [TrainingExample] {
        let generator = try Generator(seed: 5)
        let unit = Float(side) / 224
        let corners = (0..<7).map { index -> [Float] in
            let (x, y) = (Float(index * 24 + 4) * unit, Float(index % 3 * 60 + 8) * unit)
            return [x, y, x + Float(40 + index * 4) * unit, y + Float(50 + index * 6) * unit]
        }
        return try (0..<count).map { image in
            TrainingExample(
                imageID: Int64(image),
                pixels: try Tensor.randomNormal([3, side, side], generator: generator),
                boxes: try Boxes(corners), classes: (0..<7).map { ($0 * 11 + image) % 80 },
                masks: corners.map { box in
                    let numbers = box.map { Double($0) }
                    return .polygons([
                        [
                            numbers[0], numbers[1], numbers[2], numbers[1], numbers[2], numbers[3],
                            numbers[0], numbers[3],
                        ]
                    ])
                }, crowd: try Boxes([]))
        }
    }

    func trainee(_ detector: Detector) throws -> Trainee {
        Trainee(
            trunk: detector.trunk, network: detector.network,
            texts: try texts(80).to(device: detector.device),
            padding: ImageBatch.Padding(multiple: configuration.sizeMultiple(for: clipConfiguration)))
    }
}

/// A detector in training.
struct Trainee {
    let trunk: any Trunk
    let network: DetectorNetwork
    let texts: Tensor
    let padding: ImageBatch.Padding

    var parameters: ParameterStore { network.store }

    func losses(_ examples: [TrainingExample], generator: Generator) throws -> [(
        name: String, value: Tensor
    )] {
        try network.losses(of: examples, trunk: trunk, texts: texts, padding: padding, generator: generator)
            .terms
    }
}
