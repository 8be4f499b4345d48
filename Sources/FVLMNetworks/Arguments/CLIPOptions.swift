import ArgumentParser
import CLIP
import FVLMCommand
import Foundation
import Hub
import Support
import Torch

extension Activation: ExpressibleByArgument {}
extension Article: ExpressibleByArgument {}

/// Which CLIP a command uses, and how.
struct CLIPOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A CLIP: a snapshot folder, a weight file, or a name in the Hugging Face cache.",
            valueName: "path or name"))
    var model: String

    @Flag(help: "Fetch a model that is named and not in the cache.")
    var download = false

    @Option(help: "The branch, tag or commit of a model that is named.")
    var revision = "main"

    @OptionGroup var precision: PrecisionArguments

    @Option(help: "quick_gelu or gelu, for weights that come without a configuration.")
    var activation: Activation?

    @Option(
        help: ArgumentHelp(
            "The tokenizer's folder or file, if not beside the weights.", valueName: "path"))
    var tokenizer: String?

    @OptionGroup var threads: ThreadArguments

    /// Loads the model, after fetching it when that was asked for.
    func load() async throws -> CLIPModel {
        try threads.apply()
        let options = CLIPModel.LoadingOptions(
            dtype: precision.dtype, activation: activation, revision: revision)
        if download, !FileManager.default.fileExists(atPath: model), let name = ModelName(model) {
            let bar = ProgressBar("download")
            let download = try ModelDownload(name, files: .clip, revision: revision, cache: options.cache)
            let folder = try await download.run {
                bar.update($0.received >> 20, of: $0.total.map { $0 >> 20 }, unit: " MB of \($0.file)")
            }
            bar.finish()
            return try noted(CLIPModel.load(folder, options: options))
        }
        do {
            return try noted(CLIPModel.load(model, options: options))
        } catch let error as HubError {
            guard !download, ModelName(model) != nil else { throw error }
            throw HubError(
                error.subject, reason: error.reason,
                advice: "give --download to fetch it, or the path of a folder")
        }
    }

    /// Shows what loading chose or passed over.
    private func noted(_ model: CLIPModel) -> CLIPModel {
        for note in model.notes { StandardError.note(note) }
        return model
    }

    /// The tokenizer that was named, otherwise the one beside the weights.
    func loadTokenizer(_ model: CLIPModel) throws -> Tokenizer {
        guard let tokenizer else { return try model.tokenizer() }
        let loaded = try Tokenizer(contentsOf: tokenizer)
        try model.check(loaded)
        return loaded
    }
}

/// Which classes a command is about.
struct ClassOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Names of classes, separated by commas.", valueName: "a, b, c"))
    var classes: String?

    @Option(
        help: ArgumentHelp(
            "A file with a class a line: its name, and synonyms behind tabs.", valueName: "file"))
    var classesFile: String?

    @Option(help: "single, imagenet-80, or a file with a template a line ({} for the name).")
    var templates: String?

    @Option(help: "as-written (the default), or english: an before vowels.")
    var article: Article?

    /// Refuses several sources of classes, and options for the making of prompts where none are made.
    ///
    /// - Parameter vocabulary: The value of `--vocabulary`, a source too.
    func check(vocabulary: String?) throws {
        if [classes, classesFile, vocabulary].count(where: { $0 != nil }) > 1 {
            throw ValidationError("--classes, --classes-file and --vocabulary exclude each other")
        }
        guard classes == nil, classesFile == nil else { return }
        for (option, isGiven) in [("--templates", templates != nil), ("--article", article != nil)]
        where isGiven {
            throw ValidationError(
                "\(option) is about names (--classes, --classes-file); a vocabulary has its prompts already")
        }
    }

    /// The classes; nil when none were given.
    func given() throws -> [Vocabulary.Class]? {
        if let classesFile {
            return try ClassNames.classes(contentsOf: classesFile == "-" ? "/dev/stdin" : classesFile)
        }
        guard let classes else { return nil }
        let names = classes.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        try ClassNames.check(names)
        return names.map { Vocabulary.Class($0) }
    }
}
