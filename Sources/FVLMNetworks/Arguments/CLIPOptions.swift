import ArgumentParser
import CLIP
import FVLMCommand
import Foundation
import Hub
import Support
import Torch

extension Activation: ExpressibleByArgument {}

/// The CLIP used by a command.
struct CLIPOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A CLIP: a snapshot folder, a weight file, or a name in the Hugging Face cache.",
            valueName: "path or name"), completion: .file())
    var model: String

    @Flag(help: "Download a model given by name if it is not in the cache.")
    var download = false

    @Option(help: "The branch, tag or commit of a model given by name.")
    var revision = "main"

    @OptionGroup var precision: PrecisionArguments

    @Option(help: "quick_gelu or gelu, for weights without a configuration.")
    var activation: Activation?

    @Option(
        help: ArgumentHelp(
            "The tokenizer's folder or file, if not next to the weights.", valueName: "path"),
        completion: .file())
    var tokenizer: String?

    @OptionGroup var device: DeviceArguments

    @OptionGroup var threads: ThreadArguments

    @OptionGroup var messages: MessageArguments

    /// The folders and files of the CLIP, into which nothing may be written.
    var models: [String?] {
        [try? ModelCache().path(of: model, revision: revision), tokenizer]
    }

    /// Loads the model, downloading it first if requested.
    func load() async throws -> CLIPModel {
        try threads.apply()
        let options = CLIPModel.LoadingOptions(
            dtype: precision.dtype, device: try device.resolved(), activation: activation, revision: revision)
        if download, FileStatus(model) == nil, let name = ModelName(model) {
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
                advice: "pass --download to download it, or the path of a folder")
        }
    }

    /// Prints choices and omissions of loading as notes.
    private func noted(_ model: CLIPModel) -> CLIPModel {
        for note in model.notes { StandardError.note(note) }
        return model
    }

    /// The tokenizer given by option, otherwise the one next to the weights.
    func loadTokenizer(_ model: CLIPModel) throws -> Tokenizer {
        guard let tokenizer else { return try model.tokenizer() }
        let loaded = try Tokenizer(contentsOf: tokenizer)
        try model.check(loaded)
        return loaded
    }
}
