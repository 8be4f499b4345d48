import ArgumentParser
import CLIP
import FVLMCommand
import Foundation
import Imaging
import Support
import Torch

/// `fvlm embed image`
struct EmbedImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Embeds pictures, or classifies them without training.",
        discussion: """
            Writes a safetensors file with `embeddings` [N, E] float32 of length 1 and the paths in the metadata \
            (`names`, a JSON list). With classes, prints the most probable ones for every picture.

            Examples:
              fvlm embed image photos/ --model clip-vit-base-patch32 --output photos.safetensors
              fvlm embed image cat.jpg --model clip-vit-base-patch32 --classes "cat, dog, traffic light"
            """)

    @OptionGroup var pictures: PictureArguments

    @OptionGroup var clip: CLIPOptions
    @OptionGroup var classOptions: ClassOptions

    @Option(
        help: ArgumentHelp("Classes from a file created by fvlm vocabulary.", valueName: "file"),
        completion: .file())
    var vocabulary: String?

    @Option(help: "The number of classes to show per picture.")
    var top = 5

    @Option(
        name: [.short, .long], help: ArgumentHelp("The safetensors file to write.", valueName: "file"),
        completion: .file())
    var output: String?

    @Flag(help: "Print one JSON object per picture.")
    var json = false

    @Option(help: "The number of pictures per batch.")
    var batchSize = 16

    @OptionGroup var shards: ShardArguments

    func validate() throws {
        try classOptions.check(vocabulary: vocabulary)
        let hasClasses = classOptions.classes != nil || classOptions.classesFile != nil || vocabulary != nil
        if !hasClasses, output == nil, !json, shards.folder == nil {
            throw ValidationError("pass --output, --json, classes or --into")
        }
        try shards.refuse([("--output", output != nil), ("--json", json), ("classes", hasClasses)])
        try BatchSize.check(batchSize)
        if top < 1 { throw ValidationError("--top must be at least 1") }
    }

    func run() async throws {
        if let folder = shards.folder { return try await runShards(into: folder) }
        let files = try pictures.files()
        try OutputGuard(
            files + pictures.lists + [classOptions.classesFile, classOptions.templates, vocabulary],
            models: clip.models
        ).check(file: output)
        let model = try await clip.load()
        let classifier = try classifier(model)
        let bar = ProgressBar("pictures")
        var failures = 0
        let (embeddings, indices) = try await model.embed(
            files: files, preprocessor: model.preprocessor(), batchSize: batchSize,
            onUnreadable: { _, error in
                try pictures.leaveOut(error, of: files.count)
                failures += 1
            },
            progress: { bar.update($0, of: files.count) })
        bar.finish()
        let names = indices.map { files[$0].displayedPath }
        if let output { try EmbedCommand.write(embeddings, names: names, of: model, to: output) }
        if let classifier {
            try show(classifier, classifier.probabilities(embeddings), names)
        } else if json {
            try EmbedCommand.printLines(embeddings, names: names, key: "file")
        }
        if failures > 0 {
            StandardError.note("\(failures) of \(files.count) pictures were skipped")
            throw ExitCode.failure
        }
    }

    /// Works shard by shard: a file of embeddings for each.
    private func runShards(into folder: String) async throws {
        let work = try ShardedWork(pictures, shards, folder: folder)
        let model = try await clip.load()
        let preprocessor = try model.preprocessor()
        try await work.run(
            .embeddings, ending: ".safetensors",
            identity: ["CLIP": model.identity().description, "precision": clip.precision.value.rawValue]
        ) { files, path in
            var outcome = ShardedWork.Outcome()
            let bar = ProgressBar("pictures")
            let (embeddings, indices) = try await model.embed(
                files: files, preprocessor: preprocessor, batchSize: batchSize,
                onUnreadable: { file, error in
                    try pictures.leaveOut(error, of: .max)
                    outcome.add(error, of: file)
                },
                progress: { bar.update($0, of: files.count) })
            bar.finish()
            try EmbedCommand.write(
                embeddings, names: indices.map { files[$0].displayedPath }, of: model, to: path)
            outcome.pictures = indices.count
            return outcome
        }
    }

    private func classifier(_ model: CLIPModel) throws -> ZeroShotClassifier? {
        if let vocabulary {
            return try ZeroShotClassifier(Vocabulary(contentsOf: vocabulary), model: model)
        }
        guard let classes = try classOptions.given() else { return nil }
        let made = try Vocabulary(
            encoding: classes,
            templates: PromptTemplates(named: classOptions.templates ?? PromptTemplates.single.name),
            article: classOptions.article ?? .asWritten, background: nil, with: model,
            tokenizer: clip.loadTokenizer(model), note: StandardError.note)
        return try ZeroShotClassifier(made, model: model)
    }

    private struct Line: Encodable {
        struct Entry: Encodable {
            let label: String
            let probability: Float
        }

        let file: String
        let classes: [Entry]
    }

    private func show(_ classifier: ZeroShotClassifier, _ probabilities: Tensor, _ files: [String]) throws {
        guard !files.isEmpty else { return }
        let shown = min(top, classifier.names.count)
        let best = try probabilities.topk(shown, dimension: 1)
        let values = try best.values.array(of: Float.self)
        let indices = try best.indices.array(of: Int64.self)
        var rows = [["picture", "class", "probability"]]
        for (row, file) in files.enumerated() {
            let places = row * shown..<(row + 1) * shown
            let entries = places.map {
                Line.Entry(label: classifier.names[Int(indices[$0])], probability: values[$0])
            }
            if json {
                try StandardOutput.print(JSONText.line(Line(file: file, classes: entries)))
                continue
            }
            for (place, entry) in entries.enumerated() {
                rows.append([
                    place == 0 ? file : "", entry.label, String(format: "%.4f", entry.probability),
                ])
            }
        }
        if !json { try StandardOutput.print(TextTable(rows, leftAligned: 2).text, terminator: "") }
    }
}
