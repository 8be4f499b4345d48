import ArgumentParser
import Foundation

/// Models with random weights, for what can be shown without anybody's trained ones: a CLIP to train a detector upon, and
/// a checkpoint of the published F-VLM at full size.
@main
struct RandomWeights: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "random-weights",
        abstract: "Writes models with random weights in the forms that trained ones come in.",
        subcommands: [CLIPCommand.self, OfficialCommand.self])
}

/// What keeps a model from being written.
struct RandomWeightsError: Error, CustomStringConvertible {
    let description: String

    init(_ subject: String, _ reason: String) { description = "\(subject): \(reason)" }
}
