import CLIP
import Foundation
import Testing
import Torch

@testable import EmojiScenes

@Suite(.serialized)
struct PretrainingTests {
    private let plan: PretrainingPlan = {
        var plan = PretrainingPlan()
        (plan.textSteps, plan.imageSteps, plan.jointSteps) = (2, 2, 2)
        (plan.textBatch, plan.imageBatch, plan.jointBatch) = (4, 4, 4)
        return plan
    }()

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func trainer(_ folder: String) throws -> Pretrainer {
        let glyphs = SyntheticGlyphs.set(styles: [.noto, .openmoji])
        try LearnedVocabulary(learnedFrom: CaptionBook.texts(of: glyphs.categories), size: 600).write(
            to: folder)
        return try Pretrainer(plan: plan, glyphs: glyphs, tokenizer: Tokenizer(contentsOf: folder))
    }

    private func weights(_ trainer: Pretrainer) throws -> [String: [Float]] {
        var result: [String: [Float]] = [:]
        for parameter in trainer.clip.model.store.parameters {
            result[parameter.name] = try parameter.value.detached().to(.float32).array(of: Float.self)
        }
        return result
    }

    @Test func pairsAreLearnedInTheOrderOfTheirCounts() {
        // lo: 4 times, low</w>: 3 times, er</w>: 2 times (a tie with nothing else that is left).
        let vocabulary = LearnedVocabulary(learnedFrom: ["low low low lo"], size: 600)
        #expect(vocabulary.merges.map { "\($0.0) \($0.1)" } == ["l o", "lo w</w>"])
        #expect(vocabulary.count == 516)
        #expect(vocabulary.ids["low</w>"] == 513)
        #expect(vocabulary.ids["<|endoftext|>"] == 515)
    }

    @Test func theLibrarysTokenizerReadsTheVocabulary() throws {
        try withFolder { folder in
            let vocabulary = LearnedVocabulary(learnedFrom: ["low low low lo piñata piñata"], size: 600)
            try vocabulary.write(to: folder)
            let tokenizer = try Tokenizer(contentsOf: folder)
            #expect(tokenizer.vocabularyCount == vocabulary.count)
            let low = try #require(vocabulary.ids["low</w>"])
            #expect(tokenizer.encode("LOW low") == [tokenizer.startToken, low, low, tokenizer.endToken])
            #expect(tokenizer.encode("piñata").count == 3)
        }
    }

    @Test func anInterruptedRunEndsAsAnotherOne() throws {
        try withFolder { folder in
            let whole = try trainer(folder)
            let feed = whole.feed()
            for _ in 0..<plan.totalSteps { _ = try whole.train(feed.next()) }

            // Interrupted within the stage of pictures.
            let first = try trainer(folder)
            let firstFeed = first.feed()
            for _ in 0..<3 { _ = try first.train(firstFeed.next()) }
            firstFeed.stop()
            try first.save(to: folder + "/checkpoint.safetensors")
            let second = try trainer(folder)
            try second.resume(from: folder + "/checkpoint.safetensors")
            #expect(second.step == 3)
            let secondFeed = second.feed()
            for _ in 3..<plan.totalSteps { _ = try second.train(secondFeed.next()) }
            #expect(try weights(second) == weights(whole))
        }
    }

    @Test func checkpointsOfOtherPlansAreRefused() throws {
        try withFolder { folder in
            try trainer(folder).save(to: folder + "/checkpoint.safetensors")
            let glyphs = SyntheticGlyphs.set(styles: [.noto, .openmoji])
            var other = plan
            other.seed = 9
            let trainer = try Pretrainer(
                plan: other, glyphs: glyphs, tokenizer: Tokenizer(contentsOf: folder))
            #expect(throws: EmojiScenesError.self) {
                try trainer.resume(from: folder + "/checkpoint.safetensors")
            }
        }
    }

    @Test func theWrittenModelIsTheTrainedOne() throws {
        try withFolder { folder in
            let trainer = try trainer(folder)
            let feed = trainer.feed()
            for _ in 0..<plan.totalSteps { _ = try trainer.train(feed.next()) }
            try CLIPFolder.write(trainer, to: folder)
            let model = try CLIPModel.load(folder)

            var random = RandomStream(seed: 1, "test")
            let canvases = (0..<6).map {
                trainer.sampler.picture(category: $0, style: 0, side: 96, difficulty: 1, &random)
            }
            let pixels = try PictureBatch(canvases, labels: Array(0..<6)).pixels
            trainer.clip.model.store.train(false)
            let expected = try withoutGradients { try trainer.clip.embedding(of: pixels, isTraining: false) }
            // bfloat16 while training, float16 weights in the file.
            let cosines = try (model.embed(pixels: pixels) * expected).sum(1).array(of: Float.self)
            #expect(cosines.allSatisfy { $0 > 0.98 }, "\(cosines)")

            let texts = ["a photo of a shape red 0.", "word1"]
            let textCosines = try
                (model.embed(texts: texts, tokenizer: model.tokenizer())
                * trainer.embeddings(of: texts)).sum(1).array(of: Float.self)
            #expect(textCosines.allSatisfy { $0 > 0.99 }, "\(textCosines)")
        }
    }
}
