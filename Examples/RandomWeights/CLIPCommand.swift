import ArgumentParser
import CLIP
import Foundation
import Imaging
import Support
import Torch
import WeightFiles

/// `random-weights clip`
struct CLIPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clip",
        abstract: "Writes a CLIP with random weights and its authors' names.",
        discussion: """
            A ResNet's running statistics come from one pass over pictures: with their initial values, \
            activations would grow or vanish from layer to layer.

            Example:
              random-weights clip --architecture resnet-small --images photographs --output random-clip
            """)

    @Option(help: "The architecture.")
    var architecture: Architecture

    @Option(help: ArgumentHelp("Pictures for the statistics of a ResNet.", valueName: "folder"))
    var images: String?

    @Option(help: "The side in pixels that pictures are resized to; 0 uses the architecture's own.")
    var size = 0

    @Option(help: "The number of pictures in a batch.")
    var batchSize = 8

    @Option(help: "The largest number of pictures to use.")
    var limit = 100

    @Option(help: "The seed of all random numbers.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("A folder with vocab.json and merges.txt.", valueName: "folder"))
    var tokenizer = "Tests/Fixtures/clip/tokenizer"

    @Option(name: [.short, .long], help: ArgumentHelp("The folder to write.", valueName: "folder"))
    var output: String

    func validate() throws {
        if batchSize < 2 {
            throw ValidationError("--batch-size must be at least 2: statistics are computed from it")
        }
        if size < 0 || limit < 1 { throw ValidationError("--size and --limit cannot be negative") }
    }

    func run() throws {
        let vocabulary = try tokenizerFiles()
        let model = try CLIPModel(architecture.configuration, format: architecture.format)
        try model.store.initialize(seed: seed)
        if case .resNet(let trunk, _) = model.vision {
            guard let images else {
                throw RandomWeightsError(
                    "--images", "is missing: a ResNet's statistics are computed from pictures")
            }
            let start = ContinuousClock.now
            let (count, rest) = try setStatistics(model, trunk, folder: images)
            let seconds = NumberText.decimals(start.duration(to: .now) / .seconds(1), 1) + " s"
            print(
                "statistics of \(count) pictures in \(seconds)"
                    + (rest > 0 ? "; \(rest) more do not fill a batch of \(batchSize)" : ""))
        }
        try write(model, vocabulary)
        print("\(output): \(model.store.weightCount()) random weights")
    }

    // MARK: Statistics

    /// Runs one pass over pictures in which every norm uses and records the statistics of its batch.
    /// - Returns: The number of pictures used, and the number left over that do not fill another batch.
    private func setStatistics(_ model: CLIPModel, _ trunk: ModifiedResNet, folder: String) throws
        -> (used: Int, rest: Int)
    {
        let names = try Folder.names(in: folder).filter { PictureExtensions.isPicture($0) }.prefix(limit)
        guard names.count >= batchSize else {
            throw RandomWeightsError(
                folder, "has \(names.count) pictures, fewer than a batch of \(batchSize)")
        }
        let side = size > 0 ? size : architecture.configuration.vision.imageSize
        let preprocessor = ImagePreprocessor.openAI(side: side)
        try model.store.unfreeze(under: "visual")
        model.store.train()
        defer {
            model.store.train(false)
            try? model.store.freeze(under: "visual")
        }
        var batches = 0
        try withoutGradients {
            for start in stride(from: 0, through: names.count - batchSize, by: batchSize) {
                let pixels = try names[start..<start + batchSize].map {
                    try preprocessor(Image(contentsOf: "\(folder)/\($0)"))
                }
                _ = try trunk.features(of: PixelValues.batch(pixels))
                batches += 1
            }
            try removeFirstValues(model.store, batches: batches)
        }
        return (batches * batchSize, names.count - batches * batchSize)
    }

    /// Running statistics start at 0 and 1 and take a tenth of every batch: the remainder of the initial values is
    /// removed, and the rest scaled to the mean of all batches.
    private func removeFirstValues(_ store: ParameterStore, batches: Int) throws {
        let rest = pow(0.9, Double(batches))
        for parameter in store.parameters(under: "visual") {
            let first = parameter.name.hasSuffix("running_var") ? 1.0 : 0.0
            guard first == 1 || parameter.name.hasSuffix("running_mean") else { continue }
            try parameter.set((parameter.value.detached() - rest * first) * (1 / (1 - rest)))
        }
    }

    // MARK: Files

    /// The tokenizer's files by name, read before any long work.
    private func tokenizerFiles() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in ["vocab.json", "merges.txt"] {
            guard let file = try? FileBytes(contentsOf: "\(tokenizer)/\(name)") else {
                throw RandomWeightsError("\(tokenizer)/\(name)", "cannot be read: use --tokenizer")
            }
            files[name] = file.array
        }
        return files
    }

    /// Matrices in half precision and norms in full precision, as in OpenAI's archives, from which readers infer the
    /// activation.
    private func write(_ model: CLIPModel, _ vocabulary: [String: [UInt8]]) throws {
        try Folder.make(output)
        let tensors = try withoutGradients {
            try model.store.parameters.filter { !$0.name.hasSuffix("num_batches_tracked") }.map {
                parameter in
                let value = try parameter.value.detached()
                let isMatrix = value.rank >= 2 && !parameter.name.hasSuffix("embedding")
                return try value.to(isMatrix ? .float16 : .float32).contiguous().stored(named: parameter.name)
            }
        }
        for (name, bytes) in vocabulary { try AtomicFile.write(bytes, to: Path.join(output, name)) }
        try Safetensors.write(
            tensors, metadata: ["format": "pt", "seed": String(seed)],
            to: Path.join(output, "model.safetensors"))
    }
}
