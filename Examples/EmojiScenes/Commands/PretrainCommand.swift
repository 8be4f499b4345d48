import ArgumentParser
import CLIP
import Foundation
import Torch

/// Trains the small CLIP.
struct PretrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain", abstract: "Trains a small CLIP on pictures of emoji and their names.",
        discussion:
            "Example: emoji-scenes pretrain --output runs/emoji-clip. Run again to resume after an interruption."
    )

    @Option(help: "The folder of drawings from Tools/setup-emoji.") var glyphs = ".emoji"
    @Option(help: "The folder for the checkpoint, the log and the model.") var output: String
    @Option(help: "The seed of all random numbers.") var seed: UInt64 = 1
    @Option(help: "Steps on captions alone.") var textSteps = PretrainingPlan().textSteps
    @Option(help: "Steps on pictures, with the text tower frozen.") var imageSteps = PretrainingPlan()
        .imageSteps
    @Option(help: "Steps of both towers.") var jointSteps = PretrainingPlan().jointSteps
    @Option(help: "The highest learning rate of the image tower.") var learningRate = PretrainingPlan()
        .learningRate
    @Option(help: "A checkpoint whose weights to start from, for a further round of training.") var from:
        String?
    @Option(help: "The share of the image stage after which pictures are as hard as in tests.")
    var curriculum = PretrainingPlan().curriculum
    @Option(help: "The share of the image stage on pictures of 64 pixels.")
    var smallPictures = PretrainingPlan().smallPictures
    @Option(help: "The share of pictures that show other objects too.") var others = PretrainingPlan().others
    @Option(
        help: "The share of pictures that look like regions of scenes: crowded, and half of them blurred.")
    var regions = PretrainingPlan().regions
    @Flag(help: "Compute products and convolutions in bfloat16: faster on some processors.")
    var bfloat16 = false
    @Option(help: "Threads per operator.") var threads = 1
    @Option(help: "Steps between evaluations.") var evaluateEvery = 1_000
    @Option(help: "Minutes between checkpoints.") var checkpointMinutes = 3.0

    @Flag(help: "Only write the model of the last checkpoint.") var export = false

    mutating func run() throws {
        try Runtime.setThreadCount(threads)
        var plan = PretrainingPlan()
        (plan.seed, plan.textSteps, plan.imageSteps, plan.jointSteps) = (
            seed, textSteps, imageSteps, jointSteps
        )
        plan.learningRate = learningRate
        (plan.curriculum, plan.smallPictures) = (curriculum, smallPictures)
        (plan.others, plan.regions) = (others, regions)
        plan.usesBFloat16 = bfloat16
        var run = PretrainingRun(plan: plan, glyphs: glyphs, output: output)
        (run.from, run.evaluationInterval, run.checkpointMinutes) = (from, evaluateEvery, checkpointMinutes)
        try export ? run.export() : run.train()
    }
}
