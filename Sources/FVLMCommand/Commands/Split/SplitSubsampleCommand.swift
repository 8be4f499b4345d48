import ArgumentParser
import COCO

/// `fvlm split subsample`
struct SplitSubsampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subsample",
        abstract: "Draws images at random, for a smaller set or a training and validation split.",
        discussion: """
            Examples:
              fvlm split subsample instances_train2017.json --count 1000 --seed 7 -o small.json
              fvlm split subsample all.json --fraction 0.9 -o train.json --rest val.json

            The same seed draws the same images on every machine.
            """)

    @Argument(help: "The annotation file; - for standard input.", completion: .file())
    var annotations: String

    @Option(
        name: .customLong("count"), help: ArgumentHelp("The number of images to draw.", valueName: "count"))
    var images: Int?

    @Option(help: "The fraction of the images to draw: above 0, at most 1.")
    var fraction: Double?

    @Option(help: "The seed of the draw.")
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp("Also write the images that were not drawn.", valueName: "file"),
        completion: .file())
    var rest: String?

    @OptionGroup var output: SplitOutput

    func validate() throws {
        if let images, images < 1 { throw ValidationError("--count needs at least 1 image") }
        if let fraction, !(fraction > 0 && fraction <= 1) {
            throw ValidationError("--fraction must be above 0 and at most 1")
        }
        if let rest, rest == output.output || rest == "-" {
            throw ValidationError("--rest needs a file of its own")
        }
    }

    func run() throws {
        guard (images == nil) != (fraction == nil) else {
            throw ValidationError("use --count COUNT or --fraction FRACTION")
        }
        try output.check([annotations], and: rest)
        let loaded = try LoadedDataset(contentsOf: annotations)
        let total = loaded.dataset.images.count
        let count = images ?? Int((Double(total) * (fraction ?? 1)).rounded())
        let (sample, others, report) = try loaded.dataset.sampled(imageCount: count, seed: seed)
        try output.write(sample, reports: [loaded.report, report], and: rest.map { ($0, others) })
    }
}
