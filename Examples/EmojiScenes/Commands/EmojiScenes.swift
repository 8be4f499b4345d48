import ArgumentParser
import Torch

/// The program.
@main
struct EmojiScenes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emoji-scenes",
        abstract:
            "Scenes of emoji: a data set, a vision-language model and a benchmark that need no downloaded weights.",
        subcommands: [
            RenderCommand.self, PretrainCommand.self, ZeroShotCommand.self, BenchmarkCommand.self,
            RegionsCommand.self, PreviewCommand.self, ReproduceCommand.self,
            WeightsCommand.self, ExamplesCommand.self, MovingCommand.self, LargeCommand.self,
        ])

    /// Runs a command while keeping the memory of large tensors for reuse.
    static func main() async {
        do { try Runtime.keepMemory() } catch { exit(withError: error) }
        await main(nil)
    }
}
