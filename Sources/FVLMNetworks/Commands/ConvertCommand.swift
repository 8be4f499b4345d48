import ArgumentParser
import CLIP
import FVLM
import FVLMCommand
import Foundation
import Hub
import RegionDetection
import Support
import Torch
import WeightFiles

/// `fvlm convert`
struct ConvertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .convert,
        subcommands: [
            ConvertPublishedCommand.self, ConvertFViTCommand.self, ConvertDetectron2Command.self,
            ConvertOfficialCommand.self,
        ])
}

/// `fvlm convert published`
struct ConvertPublishedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "published",
        abstract: "Converts a checkpoint of the published F-VLM to a detector's folder.",
        discussion: """
            The checkpoint is the file checkpoint_184000 of the published release, and the CLIP is OpenAI's archive \
            that it was trained with (RN50.pt, RN50x4.pt, RN50x16.pt). With --download, the checkpoint is the name of \
            a release, r50, r50x4 or r50x16; missing files are downloaded into the detector's folder.

            Examples:
              fvlm convert published checkpoint_184000 --clip RN50.pt --output fvlm-r50
              fvlm convert published r50 --download --output fvlm-r50
            """)

    @Argument(help: "The checkpoint; with --download r50, r50x4 or r50x16.", completion: .file())
    var checkpoint: String

    @Option(help: ArgumentHelp("The CLIP that it was trained with.", valueName: "file"), completion: .file())
    var clip: String?

    @Flag(help: "Download the checkpoint and its CLIP; an interrupted download is resumed.")
    var download = false

    @Option(
        name: [.short, .long], help: ArgumentHelp("The detector's folder.", valueName: "folder"),
        completion: .directory)
    var output: String

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        if download {
            guard PublishedRelease(rawValue: checkpoint) != nil, clip == nil else {
                let names = PublishedRelease.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--download requires one of \(names) and no --clip")
            }
        } else if clip == nil {
            throw ValidationError("pass --clip, or --download for the published files")
        }
    }

    func run() async throws {
        let folder = ModelFolder(output)
        let lock = try folder.begin(
            notOver: OutputGuard(
                download ? [] : [checkpoint], models: [clip.flatMap { try? ModelCache().path(of: $0) }]))
        defer { withExtendedLifetime(lock) {} }
        var configuration = DetectorConfiguration()
        var (checkpoint, clip) = (checkpoint, clip ?? "")
        if download, let release = PublishedRelease(rawValue: checkpoint) {
            // Next to the detector and named relative to it: the folder can be moved.
            configuration.clip = "clip/\(release.clip.name)"
            clip = "\(output)/\(configuration.clip)"
            checkpoint = "\(output)/download/\(release.checkpoint.name)"
            try await fetch(release.checkpoint, to: checkpoint)
            try await fetch(release.clip, to: clip)
            let tokenizer = PublishedRelease.tokenizer
            try await fetch(tokenizer, to: "\(output)/clip/\(tokenizer.name)")
        } else {
            configuration.clip = Path.standardized(clip)
        }
        let published = try PublishedCheckpoint(contentsOf: checkpoint)
        let model = try CLIPModel.load(clip)
        let network = try DetectorNetwork(configuration, for: model.configuration)
        try published.check(model)
        try published.load(into: network)
        try folder.write(
            configuration, network: network, vocabulary: nil, license: PublishedCheckpoint.license)
        let step = published.step.map { " of step \($0)" } ?? ""
        try StandardOutput.print(
            "\(output): \(network.store.trainableWeightCount) trained parameters\(step) for \(configuration.clip)"
        )
        StandardError.note("license of the weights: \(PublishedCheckpoint.license)")
    }

    private func fetch(_ file: PublishedRelease.File, to path: String) async throws {
        let bar = ProgressBar("download")
        try await FileDownload(file.address, sha256: file.sha256).run(to: path) {
            bar.update($0 >> 20, of: $1.map { $0 >> 20 }, unit: " MB of \(file.name)")
        }
        bar.finish()
    }
}

/// `fvlm convert official`, the former name of `fvlm convert published`.
struct ConvertOfficialCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "official", shouldDisplay: false)

    @OptionGroup var published: ConvertPublishedCommand

    func run() async throws {
        StandardError.note("fvlm convert official is now called fvlm convert published")
        try await published.run()
    }
}

/// `fvlm convert detectron2`
struct ConvertDetectron2Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "detectron2",
        abstract: "Writes a detector's trained weights with detectron2's names.",
        discussion: """
            The file's extension selects its format: .safetensors, or .pth or .pt for PyTorch. The adapter, the \
            projection to embeddings and the temperature, which detectron2 lacks, become parts of its backbone and box \
            predictor.

            Example:
              fvlm convert detectron2 --model runs/coco/model --output heads.pth
            """)

    @Option(
        name: [.short, .long], help: ArgumentHelp("The detector's folder.", valueName: "folder"),
        completion: .directory)
    var model: String

    @Option(
        name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"),
        completion: .file())
    var output: String

    @OptionGroup var messages: MessageArguments

    func validate() throws {
        guard ["safetensors", "pth", "pt"].contains(Path.suffix(output)) else {
            throw ValidationError("--output must end in .safetensors, .pth or .pt")
        }
    }

    func run() throws {
        try OutputGuard([], models: [model]).check(file: output)
        let weights = try Safetensors(contentsOf: ModelFolder(model).weights)
        let tensors = try weights.keys.map { key in
            var tensor = try weights.tensor(named: key)
            tensor.name = Detectron2Checkpoint.key(for: key)
            return tensor
        }
        switch Path.suffix(output) {
        case "safetensors": try Safetensors.write(tensors, metadata: ["format": "pt"], to: output)
        default: try PyTorchArchive.write(["model": .tensors(tensors)], to: output)
        }
        try StandardOutput.print("\(output): \(tensors.count) tensors")
    }
}

extension ModelFolder {
    /// Begins a new detector's folder, which no other run writes into meanwhile.
    ///
    /// - Throws: `FileFailure` when it holds a detector, an input would be replaced, or another run has it.
    func begin(notOver inputs: OutputGuard) throws(FileFailure) -> FolderLock {
        for path in [path, configuration, weights] { try inputs.check(path) }
        guard FileStatus(configuration) == nil else {
            throw FileFailure(
                path, reason: "holds a detector already", advice: "name another folder", exitStatus: .failure)
        }
        return try FolderLock(making: path)
    }
}
