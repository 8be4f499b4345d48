import CLIP
import Foundation
import Support
import Torch

/// A pretraining in a folder: started, resumed after an interruption, and exported as a model at the end.
struct PretrainingRun {
    let plan: PretrainingPlan
    /// The folder of drawings from Tools/setup-emoji.
    let glyphs: String
    /// The folder for the checkpoint and the model.
    let output: String
    /// A checkpoint whose weights to start from.
    var from: String?
    /// Steps between tests of zero-shot accuracy.
    var evaluationInterval = 1_000
    /// Minutes between checkpoints.
    var checkpointMinutes = 3.0

    /// The model's folder.
    var modelFolder: String { output + "/model" }
    /// The file to resume from.
    var checkpoint: String { output + "/checkpoint.safetensors" }

    /// Writes the model of the last checkpoint.
    func export() throws {
        let (trainer, _) = try prepared()
        try CLIPFolder.write(trainer, to: modelFolder)
        print("the model of step \(trainer.step) is in \(modelFolder)")
    }

    /// Trains the remaining steps and writes the model.
    func train() throws {
        let start = ContinuousClock.now
        let (trainer, set) = try prepared()
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
            if trainer.step > plan.textSteps, trainer.step % evaluationInterval == 0 || isLast {
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

    /// The trainer, at its current step.
    private func prepared() throws -> (Pretrainer, GlyphSet) {
        let start = ContinuousClock.now
        let list = try CategoryList()
        let set = try GlyphSet(GlyphFolder(path: glyphs), categories: list.known, styles: GlyphStyle.seen)
        try Folder.make(modelFolder)
        try LearnedVocabulary(learnedFrom: CaptionBook.texts(of: list.all), size: 2_000).write(
            to: modelFolder)
        let trainer = try Pretrainer(plan: plan, glyphs: set, tokenizer: Tokenizer(contentsOf: modelFolder))
        print(
            "\(set.categories.count) categories, \(trainer.tokenizer.vocabularyCount) tokens, "
                + "\(trainer.clip.model.store.weightCount()) weights, "
                + "ready after \(NumberText.decimals(seconds(since: start), 1)) s")
        if FileStatus(checkpoint) != nil {
            try trainer.resume(from: checkpoint)
            print("resuming at step \(trainer.step)")
        } else if let from {
            try trainer.begin(from: from)
            print("starting from the weights of \(from)")
        }
        return (trainer, set)
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

/// The elapsed time in seconds.
func seconds(since start: ContinuousClock.Instant) -> Double {
    let parts = (ContinuousClock.now - start).components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
}
