import CLIP
import Foundation
import Support
import Torch
import WeightFiles

/// Trains a small CLIP on emoji.
///
/// All random numbers are determined by the plan's seed and the step number, so a resumed run gives the same result as
/// an uninterrupted one.
final class Pretrainer {
    let plan: PretrainingPlan
    let sampler: PictureSampler
    let book: CaptionBook
    let tokenizer: Tokenizer
    let clip: TrainedCLIP
    /// The next step.
    private(set) var step = 0
    private var optimizer: AdamW
    private var bank: [Tensor] = []

    /// Starts a training.
    /// - Parameter tokenizer: Splits captions into tokens.
    init(plan: PretrainingPlan, glyphs: GlyphSet, tokenizer: Tokenizer) throws {
        self.plan = plan
        sampler = PictureSampler(glyphs: glyphs, othersShare: plan.others, regionShare: plan.regions)
        book = CaptionBook(categories: glyphs.categories)
        self.tokenizer = tokenizer
        clip = try TrainedCLIP(
            vocabularySize: tokenizer.vocabularyCount, seed: plan.seed,
            computeType: plan.usesBFloat16 ? .bfloat16 : nil)
        optimizer = try Self.optimizer(.text, clip, plan)
    }

    private static func optimizer(
        _ stage: PretrainingPlan.Stage, _ clip: TrainedCLIP, _ plan: PretrainingPlan
    ) throws
        -> AdamW
    {
        let parameters = clip.model.store.trainableParameters.filter {
            stage != .text || !($0.name.hasPrefix("visual.") || $0.name == "logit_scale")
        }
        // Gains, biases and the logit scale have no weight decay.
        func groups(_ parameters: [Parameter], rate: Double) -> [ParameterGroup] {
            [
                ParameterGroup(parameters.filter { $0.shape.count > 1 }, learningRate: rate),
                ParameterGroup(parameters.filter { $0.shape.count <= 1 }, learningRate: rate, weightDecay: 0),
            ]
        }
        let isVisual = { (parameter: Parameter) in
            parameter.name.hasPrefix("visual.") || parameter.name == "logit_scale"
        }
        let textRate = stage == .text ? plan.textLearningRate : 0.3 * plan.learningRate
        return try AdamW(
            groups(parameters.filter(isVisual), rate: plan.learningRate)
                + groups(parameters.filter { !isVisual($0) }, rate: textRate),
            learningRate: plan.learningRate, betas: (0.9, 0.98), weightDecay: plan.weightDecay)
    }

    // MARK: Steps

    /// The input of a step, made in the background.
    enum Batch: Sendable {
        /// Two captions of every category, [N, L] each.
        case captions(Tensor, Tensor)
        /// Pictures, and the tokens of their captions if both towers are trained.
        case pictures(PictureBatch, captions: Tensor?)
    }

    /// Makes the batch of a step.
    static func batch(
        step: Int, plan: PretrainingPlan, sampler: PictureSampler, book: CaptionBook, tokenizer: Tokenizer
    ) throws -> Batch {
        var random = RandomStream(seed: plan.seed, "pretraining", index: step)
        let count = book.categories.count
        func tokens(_ categories: [Int]) throws -> Tensor {
            try Self.tokens(of: categories.map { book.caption($0, &random) }, tokenizer)
        }
        let stage = plan.stage(of: step)
        switch stage {
        case .text:
            let categories = Array((0..<count).shuffled(using: &random).prefix(plan.textBatch))
            return .captions(try tokens(categories), try tokens(categories))
        case .image, .joint:
            let size = min(stage == .image ? plan.imageBatch : plan.jointBatch, count)
            var labels = Array((0..<count).shuffled(using: &random).prefix(size))
            if stage == .joint, random.chance(0.5) {
                // Categories are in Unicode's order: neighbors are similar and hard to tell apart.
                let start = random.index(count)
                labels = (0..<size).map { (start + $0) % count }
            }
            let side = plan.side(at: step, &random)
            let difficulty = plan.difficulty(at: step)
            let canvases = labels.map { label in
                sampler.picture(
                    category: label, style: random.index(sampler.glyphs.styles.count), side: side,
                    difficulty: difficulty, &random)
            }
            return .pictures(
                try PictureBatch(canvases, labels: labels),
                captions: stage == .joint ? try tokens(labels) : nil)
        }
    }

    /// A feed of the batches, starting with the next step.
    func feed() -> BatchFeed<Batch> {
        let (plan, sampler, book, tokenizer) = (plan, sampler, book, tokenizer)
        return BatchFeed(step..<plan.totalSteps) {
            try Self.batch(step: $0, plan: plan, sampler: sampler, book: book, tokenizer: tokenizer)
        }
    }

    /// Trains one step.
    /// - Returns: The loss, and the share of pictures (or captions) whose own category scores highest.
    func train(_ batch: Batch) throws -> (loss: Double, accuracy: Double) {
        let stage = plan.stage(of: step)
        // Each stage has its own optimizer: the text tower's moments from text alone would be misleading.
        if step == plan.textSteps { optimizer = try Self.optimizer(.image, clip, plan) }
        clip.model.store.train()
        let loss: Tensor
        let logits: Tensor
        let labels: [Int]
        switch batch {
        case .captions(let first, let second):
            let embeddings = try clip.embedding(ofTokens: Tensor.cat([first, second]))
            let count = try first.size(0)
            logits =
                try embeddings.narrowed(0, start: 0, length: count)
                .matmul(embeddings.narrowed(0, start: count, length: count).transposed(0, 1)) * 20
            labels = Array(0..<count)
            loss = try symmetricLoss(logits, labels)
        case .pictures(let pictures, let captions):
            let images = try clip.embedding(of: pictures.pixels, isTraining: true)
            let scale = try clip.logitScale.value.exp()
            let bank = try bank(at: step)
            logits = try images.matmul(bank.transposed(0, 1)) * scale
            labels = pictures.labels
            let bankLoss = try logits.crossEntropy(Tensor(labels.map(Int64.init)))
            if let captions {
                let texts = try clip.embedding(ofTokens: captions)
                let contrast = try symmetricLoss(
                    images.matmul(texts.transposed(0, 1)) * scale, Array(labels.indices))
                loss = try (bankLoss + contrast) * 0.5
            } else {
                loss = bankLoss
            }
        }
        try loss.backward()
        try clipGradients(of: optimizer.parameters, maximumNorm: 2)
        try optimizer.step(learningRateFactor: factor(stage))
        try optimizer.clearGradients()
        step += 1
        let chosen = try logits.detached().argmax(1).array(of: Int64.self)
        let hits = zip(chosen, labels).count { Int($0) == $1 }
        return (try loss.item(), Double(hits) / Double(labels.count))
    }

    private func factor(_ stage: PretrainingPlan.Stage) throws -> Double {
        if stage == .text {
            return try LearningRateSchedule.warmupCosine(
                warmupSteps: 30, totalSteps: plan.textSteps, minimumRatio: 0.05
            ).factor(at: step + 1)
        }
        return try LearningRateSchedule.warmupCosine(
            warmupSteps: plan.warmupSteps, totalSteps: plan.imageSteps + plan.jointSteps, minimumRatio: 0.01
        ).factor(at: step - plan.textSteps + 1)
    }

    private func symmetricLoss(_ logits: Tensor, _ labels: [Int]) throws -> Tensor {
        let targets = try Tensor(labels.map(Int64.init))
        return try (logits.crossEntropy(targets) + logits.transposed(0, 1).crossEntropy(targets)) * 0.5
    }

    /// Embeddings of one caption of every category, [K, E]: six sets while the text tower is frozen, afterwards a new
    /// one every few steps.
    private func bank(at step: Int) throws -> Tensor {
        let isJoint = plan.stage(of: step) == .joint
        let sets = isJoint ? 1 : 6
        let period = 20
        if bank.count != sets || (isJoint && step % period == 0) {
            let base = isJoint ? step / period * period : 0
            bank = try (0..<sets).map { set in
                var random = RandomStream(seed: plan.seed, "bank", index: base * 8 + set)
                return try embeddings(of: book.categories.indices.map { book.caption($0, &random) })
            }
        }
        return bank[sets == 1 ? 0 : step % sets]
    }

    /// Embeddings of texts, without gradients.
    func embeddings(of texts: [String]) throws -> Tensor {
        try withoutGradients { try clip.embedding(ofTokens: Self.tokens(of: texts, tokenizer)) }
    }

    private static func tokens(of texts: [String], _ tokenizer: Tokenizer) throws -> Tensor {
        let batch = try tokenizer.encode(texts, contextLength: TrainedCLIP.contextLength)
        return try Tensor(batch.ids, shape: [texts.count, batch.contextLength])
    }

    // MARK: Checkpoints

    /// Writes everything needed to resume.
    func save(to path: String) throws {
        let plan = try JSONText.line(plan)
        let state = try optimizer.state().map { $0.renamed("optimizer/" + $0.name) }
        try Safetensors.write(
            clip.stored() + state, metadata: ["step": String(step), "plan": plan], to: path)
    }

    /// Starts a further training from the weights of an earlier one.
    func begin(from path: String) throws { try clip.load(Safetensors(contentsOf: path)) }

    /// Resumes from a file written by ``save(to:)``.
    /// - Throws: ``EmojiScenesError`` if it belongs to another plan.
    func resume(from path: String) throws {
        let file = try Safetensors(contentsOf: path)
        let plan = try JSONText.line(plan)
        guard file.metadata["plan"] == plan, let step = file.metadata["step"].flatMap({ Int($0) }) else {
            throw EmojiScenesError(
                path,
                reason:
                    "was made with other settings (\(file.metadata["plan"] ?? "unknown")): use the same, or "
                    + "another folder")
        }
        try clip.load(file)
        self.step = step
        // A file written after the last step of a stage belongs to that stage's optimizer.
        optimizer = try Self.optimizer(step <= self.plan.textSteps ? .text : .image, clip, self.plan)
        let prefix = "optimizer/"
        let state = try file.keys.filter { $0.hasPrefix(prefix) }.map {
            try file.tensor(named: $0).renamed(String($0.dropFirst(prefix.count)))
        }
        try optimizer.load(state: StoredTensors(state, origin: path))
        bank = []
    }

}

extension StoredTensor {
    /// The same elements under another name.
    fileprivate func renamed(_ name: String) -> StoredTensor {
        var result = self
        result.name = name
        return result
    }
}
