#if FVLM_TORCH
    import ArgumentParser
    import CLIP
    import FVLM
    import Foundation
    import Torch
    import WeightFiles

    /// `fvlm convert`
    struct ConvertCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "convert", abstract: "Brings weights of other projects into this one's form.",
            subcommands: [ConvertOfficialCommand.self])
    }

    /// `fvlm convert official`
    struct ConvertOfficialCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "official",
            abstract: "Makes a detector's folder of a checkpoint of the published F-VLM.",
            discussion: """
                The checkpoint is the file checkpoint_184000 of the official release, the CLIP OpenAI's archive that it \
                was trained upon (RN50.pt, RN50x4.pt, RN50x16.pt).

                Example:
                  fvlm convert official checkpoint_184000 --clip RN50.pt --output fvlm-r50
                """)

        @Argument(help: "The checkpoint.")
        var checkpoint: String

        @Option(help: ArgumentHelp("The CLIP that it was trained upon.", valueName: "file"))
        var clip: String

        @Option(name: [.short, .long], help: ArgumentHelp("The detector's folder.", valueName: "folder"))
        var output: String

        func run() async throws {
            let published = try PublishedCheckpoint(path: checkpoint)
            let model = try CLIPModel.load(clip)
            var configuration = DetectorConfiguration()
            configuration.clip = URL(filePath: clip).standardizedFileURL.path
            let network = try DetectorNetwork(configuration.architecture(for: model.configuration))
            try published.check(model)
            try published.load(into: network)
            try ModelFolder(output).write(configuration, network: network, vocabulary: nil)
            let step = published.step.map { " of step \($0)" } ?? ""
            print(
                "\(output): \(network.store.trainableWeightCount) trained parameters\(step), upon \(configuration.clip)"
            )
        }
    }
#endif
