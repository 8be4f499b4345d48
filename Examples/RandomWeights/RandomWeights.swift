import ArgumentParser
import Foundation

/// Models with random weights, for demonstrations that need no trained ones: a CLIP to train a detector on, and
/// checkpoints of the published F-VLM and of F-ViT at full size.
@main
struct RandomWeights: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "random-weights",
        abstract: "Writes models with random weights in the formats of trained ones.",
        subcommands: [CLIPCommand.self, PublishedCommand.self, FViTCommand.self])
}

/// The reason why a model cannot be written.
struct RandomWeightsError: Error, CustomStringConvertible {
    let description: String

    init(_ subject: String, _ reason: String) { description = "\(subject): \(reason)" }
}
