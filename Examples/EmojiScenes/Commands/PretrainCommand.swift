import ArgumentParser
import CLIP
import Foundation
import Torch

/// Trains the small CLIP.
struct PretrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain", abstract: "Trains a small CLIP on pictures of emoji and their names.",
        discussion:
            "Example: emoji-scenes pretrain --output runs/emoji-clip. Run again to go on after an interruption."
    )

    @Option(help: "The folder that Tools/setup-emoji filled.") var glyphs = ".emoji"
    @Option(help: "Where checkpoint, log and model go.") var output: String
    @Option(help: "Everything random follows from it.") var seed: UInt64 = 1
    @Option(help: "Steps on captions alone.") var textSteps = PretrainingPlan().textSteps
    @Option(help: "Steps on pictures, the text tower at rest.") var imageSteps = PretrainingPlan().imageSteps
    @Option(help: "Steps of both towers.") var jointSteps = PretrainingPlan().jointSteps
    @Option(help: "The highest learning rate of the image tower.") var learningRate = PretrainingPlan()
        .learningRate
    @Option(help: "A checkpoint whose weights to begin with: a further round of training.") var from: String?
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
    @Option(help: "Threads of an operator.") var threads = 1
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
        let folder = try GlyphFolder(path: glyphs)
        let list = try CategoryList()
        let start = ContinuousClock.now
        let set = try GlyphSet(folder, categories: list.known, styles: GlyphStyle.seen)
        let modelFolder = output + "/model"
        try FileManager.default.createDirectory(atPath: modelFolder, withIntermediateDirectories: true)
        try LearnedVocabulary(learnedFrom: CaptionBook.texts(of: list.all), size: 2_000).write(
            to: modelFolder)
        let trainer = try Pretrainer(plan: plan, glyphs: set, tokenizer: Tokenizer(contentsOf: modelFolder))
        print(
            "\(set.categories.count) categories, \(trainer.tokenizer.vocabularyCount) tokens, "
                + "\(trainer.clip.model.store.weightCount()) weights, "
                + String(format: "ready after %.1f s", seconds(since: start)))
        let checkpoint = output + "/checkpoint.safetensors"
        if FileManager.default.fileExists(atPath: checkpoint) {
            try trainer.resume(from: checkpoint)
            print("goes on at step \(trainer.step)")
        } else if let from {
            try trainer.begin(from: from)
            print("begins with the weights of \(from)")
        }
        if export {
            try CLIPFolder.write(trainer, to: modelFolder)
            print("the model of step \(trainer.step) is in \(modelFolder)")
            return
        }
        let feed = trainer.feed()
        defer { feed.stop() }
        var (lastSave, lastReport, lastStep) = (ContinuousClock.now, ContinuousClock.now, trainer.step)
        var (loss, accuracy, count) = (0.0, 0.0, 0)
        while trainer.step < plan.totalSteps {
            let result = try trainer.train(feed.next())
            (loss, accuracy, count) = (loss + result.loss, accuracy + result.accuracy, count + 1)
            if trainer.step % 100 == 0 || trainer.step == plan.totalSteps || trainer.step == plan.textSteps {
                let elapsed = seconds(since: lastReport)
                let step = trainer.step
                print(
                    String(
                        format: "step %d/%d %@ loss %.3f accuracy %.3f %.3f s/step, %.0f s",
                        step, plan.totalSteps, "\(plan.stage(of: step - 1))", loss / Double(count),
                        accuracy / Double(count), elapsed / Double(max(step - lastStep, 1)),
                        seconds(since: start)))
                (lastReport, lastStep, loss, accuracy, count) = (.now, step, 0, 0, 0)
            }
            let isLast = trainer.step == plan.totalSteps
            if trainer.step > plan.textSteps, trainer.step % evaluateEvery == 0 || isLast {
                try report(trainer, set, rounds: isLast ? 3 : 1)
                lastReport = .now
            }
            if isLast || seconds(since: lastSave) > checkpointMinutes * 60 {
                try trainer.save(to: checkpoint)
                lastSave = .now
            }
            fflush(nil)
        }
        try CLIPFolder.write(trainer, to: modelFolder)
        print("the model is in \(modelFolder)")
    }

    private func report(_ trainer: Pretrainer, _ set: GlyphSet, rounds: Int) throws {
        trainer.clip.model.store.train(false)
        let texts = try trainer.embeddings(
            of: set.categories.map { CaptionBook.sentence($0.name, CaptionBook.prompt) })
        let test = ZeroShotTest(glyphs: set, seed: 77)
        for (index, style) in set.styles.enumerated() {
            let accuracy = try test.accuracy(
                style: index, categories: Array(set.categories.indices), texts: texts, rounds: rounds
            ) { try trainer.clip.embedding(of: $0, isTraining: false) }
            print(
                String(
                    format: "  zero-shot %@: top-1 %.3f top-5 %.3f of %d", style.rawValue, accuracy.top1,
                    accuracy.top5,
                    accuracy.pictures))
        }
    }
}

/// Seconds that have passed.
func seconds(since start: ContinuousClock.Instant) -> Double {
    let parts = (ContinuousClock.now - start).components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
}
