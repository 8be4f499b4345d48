import ArgumentParser
import CLIP
import FVLMCommand
import Foundation
import Support
import Torch

/// `fvlm embed text`
struct EmbedTextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "text",
        abstract: "Embeds texts.",
        discussion: """
            Writes a safetensors file with `embeddings` [N, E] float32 of length 1 and the texts in the metadata \
            (`names`, a JSON list), or prints one JSON object per text.

            Example:
              fvlm embed text "a photo of a cat" "a photo of a dog" --model clip-vit-base-patch32 \
            --output texts.safetensors
            """)

    @Argument(help: "Texts.")
    var texts: [String] = []

    @Option(help: "A file with one text per line; - reads standard input.", completion: .file())
    var file: String?

    @OptionGroup var clip: CLIPOptions

    @Option(
        name: [.short, .long], help: ArgumentHelp("The safetensors file to write.", valueName: "file"),
        completion: .file())
    var output: String?

    @Flag(help: "Print one JSON object per text.")
    var json = false

    @Option(help: "The number of texts per batch.")
    var batchSize = 32

    func validate() throws {
        if texts.isEmpty == (file == nil) { throw ValidationError("pass texts or --file") }
        if output == nil, !json { throw ValidationError("pass --output or --json") }
        try BatchSize.check(batchSize)
    }

    func run() async throws {
        try OutputGuard([file], models: clip.models).check(file: output)
        let texts = try file.map { try TextFile(contentsOf: $0).lines.map { String($0) } } ?? texts
        let model = try await clip.load()
        let bar = ProgressBar("texts")
        let context = model.configuration.text.contextLength
        let embeddings = try model.embed(
            texts: texts, tokenizer: clip.loadTokenizer(model), batchSize: batchSize,
            progress: { bar.update($0, of: texts.count) },
            onTruncation: { index, tokens in
                StandardError.note(
                    "text \(index + 1) takes \(tokens) tokens and is truncated: the text tower reads \(context)"
                )
            })
        bar.finish()
        if let output { try EmbedCommand.write(embeddings, names: texts, of: model, to: output) }
        if json { try EmbedCommand.printLines(embeddings, names: texts, key: "text") }
    }
}
