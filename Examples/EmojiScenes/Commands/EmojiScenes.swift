import ArgumentParser

/// The program.
@main
struct EmojiScenes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emoji-scenes",
        abstract:
            "Scenes of emoji: a data set, a vision-language model and a benchmark that need no download of weights.",
        subcommands: [
            RenderCommand.self, PretrainCommand.self, ZeroShotCommand.self, BenchmarkCommand.self,
            RegionsCommand.self, PreviewCommand.self, ReproduceCommand.self,
            WeightsCommand.self,
        ])
}
