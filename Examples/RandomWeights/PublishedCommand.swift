import ArgumentParser
import CLIP
import FVLM
import Foundation
import Torch

/// `random-weights published`
struct PublishedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "published",
        abstract: "Writes a checkpoint of the published F-VLM with random weights, in the published format.",
        discussion: """
            Example:
              random-weights clip --architecture resnet50 --images photographs --output random-rn50
              random-weights published --clip random-rn50 --output checkpoint_184000
            """)

    @Option(help: ArgumentHelp("The CLIP that the checkpoint is built on.", valueName: "folder"))
    var clip: String

    @Option(help: "The seed of all random numbers.")
    var seed: UInt64 = 0

    @Option(name: [.short, .long], help: ArgumentHelp("The file to write.", valueName: "file"))
    var output: String

    func run() throws {
        let model = try CLIPModel.load(clip)
        let network = try DetectorNetwork(DetectorConfiguration(), for: model.configuration)
        try network.store.initialize(seed: seed)
        let parameters = network.store.parameters + model.store.parameters(under: "visual")
        try RandomCheckpoint(
            step: 184_000, parameters.map { (name: $0.name, value: try $0.value.detached()) }
        ).write(to: output)
        print("\(output): \(network.store.trainableWeightCount) random weights on \(clip)")
    }
}
