import ArgumentParser
import CLIP
import COCO
import FVLMCommand
import Foundation
import Support
import Torch
import WeightFiles

/// `fvlm vocabulary import`
struct VocabularyImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Imports embeddings from a NumPy file, such as the published F-VLM's.",
        discussion: """
            Rows are in the order of the names; if there is one more row than names, the first is the background. With \
            --annotations, rows are indexed by the categories' ids, as in the published coco_embed.npy (91 rows, the \
            background in row 0). --background-file uses row 0 of another file, such as r50_bg_empty_embed.npy.

            Examples:
              fvlm vocabulary import coco_embed.npy --annotations instances_val2017.json --model RN50.pt \
            --output coco.safetensors
              fvlm vocabulary import rows.npy --classes-file names.txt --background-file r50_bg_empty_embed.npy \
            --model RN50.pt --output mine.safetensors
            """)

    @Argument(help: "The embeddings, a NumPy array (.npy) with one row per class.", completion: .file())
    var embeddings: String

    @OptionGroup var clip: CLIPOptions
    @OptionGroup var names: ClassOptions

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Classes and ids from an annotation file.", valueName: "file"), completion: .file()
    )
    var annotations: String?

    @Option(
        name: .customLong("background-file"),
        help: ArgumentHelp("A file whose row 0 is the background.", valueName: "file"), completion: .file())
    var background: String?

    @Option(
        name: .customLong("background"),
        help: ArgumentHelp("The phrase of the background row.", valueName: "phrase"))
    var phrase = "background"

    @Option(
        name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
        completion: .file())
    var output: String

    func validate() throws {
        let sources = [names.classes, names.classesFile, annotations].compactMap { $0 }
        guard sources.count == 1 else {
            throw ValidationError("pass one of --classes, --classes-file and --annotations")
        }
        if names.article != nil {
            throw ValidationError("--article has no effect on existing embeddings: remove it")
        }
    }

    func run() async throws {
        try OutputGuard(
            [embeddings, annotations, background, names.classesFile, names.templates], models: clip.models
        ).check(file: output)
        let (table, listed) = (try Self.matrix(embeddings), try classNames())
        let chosen = try rows(listed, count: table.shape[0])
        let model = try await clip.load()
        let width = model.configuration.embeddingWidth
        guard table.shape[1] == width else {
            throw CLIPError(
                embeddings,
                reason: "has rows of width \(table.shape[1]), but the CLIP's embeddings have width \(width)")
        }
        var first = chosen.hasBackground ? try table[0] : nil
        if let background {
            let other = try Self.matrix(background)
            guard other.shape[0] > 0, other.shape[1] == width else {
                throw CLIPError(
                    background, reason: "is \(other.shape), not rows of width \(width)")
            }
            first = try other[0]
        }
        let vocabulary = try Vocabulary(
            classes: listed.map { Vocabulary.Class($0.name, categoryID: $0.id.map(Int64.init)) },
            templates: PromptTemplates(named: names.templates ?? PromptTemplates.imageNet.name).templates
                .map(\.text),
            embeddings: table.indexSelected(0, Tensor(chosen.rows)),
            background: first.map { Vocabulary.Background(phrase: phrase, embedding: $0) },
            clip: model.identity())
        if let mismatch = vocabulary.mismatch(with: model) {
            StandardError.note("\(embeddings): \(mismatch)")
        }
        try vocabulary.write(to: output)
        let note = first == nil ? ", without a background row, which detection needs" : ""
        StandardError.report("\(output): \(listed.count) classes, CLIP \(vocabulary.clip)\(note)")
    }

    private func classNames() throws -> [(name: String, id: Int?)] {
        if let annotations {
            return try Dataset(contentsOf: annotations).categories.map { ($0.name, Int($0.id)) }
        }
        return try (names.given() ?? []).map { ($0.name, $0.categoryID.map { Int($0) }) }
    }

    /// The rows of the classes, and whether row 0 is the background.
    private func rows(_ classes: [(name: String, id: Int?)], count: Int) throws -> (
        rows: [Int], hasBackground: Bool
    ) {
        if annotations != nil {
            let ids = classes.compactMap(\.id)
            guard let last = ids.max(), let least = ids.min(), least >= 1, last < count else {
                throw CLIPError(
                    embeddings,
                    reason: "has \(count) rows, the categories' ids are \(ids.min() ?? 0) to "
                        + "\(ids.max() ?? 0); row 0 is the background")
            }
            return (ids, true)
        }
        guard count == classes.count || count == classes.count + 1 else {
            throw CLIPError(
                embeddings,
                reason: "has \(count) rows for \(classes.count) names; expected as many, or one more for the "
                    + "background in row 0")
        }
        let hasBackground = count > classes.count
        return (classes.indices.map { $0 + (hasBackground ? 1 : 0) }, hasBackground)
    }

    private static func matrix(_ path: String) throws -> Tensor {
        let stored = try NumpyArray.read(path)
        guard stored.shape.count == 2, stored.dtype.isFloatingPoint else {
            throw CLIPError(
                path, reason: "is \(stored.dtype) \(stored.shape), not a matrix of embeddings")
        }
        let table = try Tensor(stored.contiguous()).to(.float32)
        guard try table.norm().item().isFinite else {
            throw CLIPError(path, reason: "contains values that are NaN or infinite")
        }
        return table
    }
}
