import ArgumentParser
import CLIP
import FVLMCommand
import Foundation
import Support

/// `fvlm vocabulary`
struct VocabularyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .vocabulary,
        subcommands: [
            Build.self, VocabularyExamplesCommand.self, VocabularyImportCommand.self, Show.self,
            VocabularyListsCommand.self, VocabularyCheckCommand.self, Merge.self,
        ])

    /// `fvlm vocabulary build`
    struct Build: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "build",
            abstract: "Encodes classes with a CLIP's text tower.",
            discussion: """
                Each line of --classes-file is a name, optionally followed, separated by tabs, by synonyms and by \
                id=NUMBER, the id of its category. The file may also be an annotation file (COCO, LVIS) or a list of \
                its categories: then all categories are taken, with their ids. fvlm detect --format coco writes these ids.

                Examples:
                  fvlm vocabulary build --classes-file coco.txt --novel-file novel.txt \
                --model clip-rn50 --output coco.safetensors
                  fvlm vocabulary build --classes-file instances_val2017.json --model clip-rn50 --output coco.safetensors
                """)

        @OptionGroup var clip: CLIPOptions
        @OptionGroup var classOptions: ClassOptions

        @Option(help: ArgumentHelp("The phrase of the background row.", valueName: "phrase"))
        var background = "background"

        @Flag(help: "Omit the background row.")
        var noBackground = false

        @Option(
            help: ArgumentHelp(
                "A file with the names of novel classes; all others are base.", valueName: "file"),
            completion: .file())
        var novelFile: String?

        @Option(
            help: ArgumentHelp(
                "Classes of which an object has at most one: of detections that overlap, the best is kept. May be repeated.",
                valueName: "a, b"))
        var exclusive: [String] = []

        @Option(
            help:
                "What scores of --exclusive classes are shares of: all (a softmax over all classes, the default), or group (over the group's classes and the background)."
        )
        var exclusiveScores: Vocabulary.ExclusiveScores?

        @Option(help: "The number of prompts per batch.")
        var batchSize = 64

        @Option(
            name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
            completion: .file())
        var output: String

        func validate() throws {
            if (classOptions.classes == nil) == (classOptions.classesFile == nil) {
                throw ValidationError("pass --classes or --classes-file")
            }
            if exclusiveScores != nil, exclusive.isEmpty {
                throw ValidationError("--exclusive-scores is about the groups that --exclusive names")
            }
            try BatchSize.check(batchSize)
        }

        func run() async throws {
            try OutputGuard(
                [classOptions.classesFile, classOptions.templates, novelFile],
                models: clip.models
            ).check(file: output)
            let classes = try self.classes()
            let templates = try PromptTemplates(
                named: classOptions.templates ?? PromptTemplates.imageNet.name)
            let model = try await clip.load()
            let bar = ProgressBar("prompts")
            var vocabulary = try Vocabulary(
                encoding: classes, templates: templates, article: classOptions.article ?? .asWritten,
                background: noBackground ? nil : background, with: model,
                tokenizer: clip.loadTokenizer(model), batchSize: batchSize,
                progress: { bar.update($0, of: $1) }, note: StandardError.note)
            bar.finish()
            for group in exclusive {
                vocabulary = try vocabulary.makingExclusive(
                    group.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) },
                    scores: exclusiveScores ?? .all)
            }
            try vocabulary.write(to: output)
            StandardError.report("\(output): \(classes.count) classes, CLIP \(vocabulary.clip)")
        }

        private func classes() throws -> [Vocabulary.Class] {
            var classes = try classOptions.given() ?? []
            guard let novelFile else { return classes }
            let listed = try ClassNames.list(contentsOf: novelFile)
            let novel = Set(listed.map(ClassNames.form))
            let known = Set(classes.map { ClassNames.form($0.name) })
            let unknown = listed.filter { !known.contains(ClassNames.form($0)) }
            guard unknown.isEmpty else {
                throw CLIPError(
                    novelFile,
                    reason:
                        "names unknown classes: \(unknown.prefix(5).joined(separator: ", "))")
            }
            for index in classes.indices {
                classes[index].split = novel.contains(ClassNames.form(classes[index].name)) ? .novel : .base
            }
            return classes
        }
    }

    /// `fvlm vocabulary show`
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Shows the contents of a vocabulary.",
            discussion: """
                Example:
                  fvlm vocabulary show coco.safetensors
                """)

        @Argument(help: "The vocabulary.", completion: .file())
        var file: String

        @Flag(help: "Print one JSON object.")
        var json = false

        private struct Output: Encodable {
            let classes: [Vocabulary.Class]
            let templates: [String]
            let article: String
            let background: String?
            let clip: String
            let embeddingWidth: Int
            let hasDetectorEmbeddings: Bool
        }

        @OptionGroup var messages: MessageArguments

        func run() throws {
            let vocabulary = try Vocabulary(contentsOf: file)
            if json {
                try StandardOutput.print(
                    JSONText.line(
                        Output(
                            classes: vocabulary.classes, templates: vocabulary.templates,
                            article: vocabulary.article.rawValue,
                            background: vocabulary.background?.phrase, clip: "\(vocabulary.clip)",
                            embeddingWidth: vocabulary.embeddingWidth,
                            hasDetectorEmbeddings: vocabulary.detectorEmbeddings != nil)))
                return
            }
            try StandardOutput.print(
                "CLIP        \(vocabulary.clip), embeddings of width \(vocabulary.embeddingWidth)")
            try StandardOutput.print(
                "background  \(vocabulary.background.map { "\"\($0.phrase)\"" } ?? "none")")
            try StandardOutput.print(
                "templates   \(vocabulary.templates.count), first \"\(vocabulary.templates.first ?? "")\""
            )
            try StandardOutput.print("classes     \(vocabulary.classes.count)")
            let hasIDs = vocabulary.classes.contains { $0.categoryID != nil }
            let hasGroups = vocabulary.classes.contains { $0.exclusiveGroup != nil }
            let hasExamples = vocabulary.classes.contains { $0.examples != nil }
            var rows = [
                ["class", "split"] + (hasIDs ? ["category id"] : []) + ["synonyms"]
                    + (hasGroups ? ["exclusive group"] : []) + (hasExamples ? ["made of"] : [])
            ]
            for entry in vocabulary.classes {
                let id = entry.categoryID.map { "\($0)" } ?? "-"
                rows.append(
                    [entry.name, entry.split?.rawValue ?? "-"] + (hasIDs ? [id] : [])
                        + [entry.synonyms.joined(separator: ", ")]
                        + (hasGroups ? [entry.group ?? "-"] : [])
                        + (hasExamples ? [entry.examples?.summary ?? "words"] : []))
            }
            try StandardOutput.print(
                TextTable(rows, leftAligned: rows[0].count).text, terminator: "")
        }
    }

    /// `fvlm vocabulary merge`
    struct Merge: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "merge",
            abstract: "Merges several vocabularies of one CLIP.",
            discussion: """
                Example:
                  fvlm vocabulary merge animals.safetensors tools.safetensors --output all.safetensors
                """)

        @Argument(help: "The vocabularies.", completion: .file())
        var files: [String]

        @Option(
            name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
            completion: .file())
        var output: String

        @OptionGroup var messages: MessageArguments

        func run() throws {
            try OutputGuard(files).check(file: output)
            try Vocabulary.merging(files.map { try Vocabulary(contentsOf: $0) }).write(to: output)
        }
    }
}

extension Vocabulary.ExclusiveScores: ExpressibleByArgument {}

extension Vocabulary.Class {
    /// The exclusive group, with what its scores are shares of where that is the group.
    fileprivate var group: String? {
        exclusiveGroup.map { exclusiveScores == .group ? "\($0) (softmax of its own)" : $0 }
    }
}

extension Vocabulary.Examples {
    /// How a class was made, in a few words.
    fileprivate var summary: String {
        let negatives = shown.count(where: \.isNegative)
        let pictures = Set(shown.map(\.picture)).count
        var parts = [
            "\(shown.count - negatives) boxes in \(pictures) \(pictures == 1 ? "picture" : "pictures")"
        ]
        if negatives > 0 { parts.append("\(negatives) negatives x \(JSONText.number(negativeWeight))") }
        if let ordinaryPictures, ordinaryPictures > 0 {
            parts.append(
                "beside \(ordinaryPictures) ordinary \(ordinaryPictures == 1 ? "picture" : "pictures")")
        }
        if mix > 0 { parts.append("words x \(JSONText.number(mix))") }
        return parts.joined(separator: ", ")
    }
}
