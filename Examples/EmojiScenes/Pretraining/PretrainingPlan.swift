/// How the vision-language model is trained, step by step.
///
/// Three stages: captions of one category learn similar embeddings (text alone); pictures learn the embeddings of their
/// category's captions, with the text tower frozen; both towers learn together.
struct PretrainingPlan: Sendable, Hashable, Codable {
    var seed: UInt64 = 1
    var textSteps = 150
    var imageSteps = 5_000
    var jointSteps = 300
    var textBatch = 160
    var imageBatch = 64
    var jointBatch = 128
    var textLearningRate = 1e-3
    var learningRate = 6e-4
    var weightDecay = 0.05
    var warmupSteps = 150
    /// The share of the image stage after which pictures are as hard as in tests.
    var curriculum = 0.35
    /// The share of the image stage on pictures of 64 pixels.
    var smallPictures = 0.5
    /// The share of pictures that show other objects too.
    var others: Float = 0.65
    /// The share of pictures that look like regions of scenes.
    var regions: Float = 0
    /// The share of both image stages after which sizes are mixed.
    var mixedPictures = 0.75
    /// Whether products and convolutions are computed in bfloat16, which is faster on some processors.
    var usesBFloat16 = false

    /// The stage of a step.
    enum Stage: Sendable { case text, image, joint }

    var totalSteps: Int { textSteps + imageSteps + jointSteps }

    func stage(of step: Int) -> Stage {
        step < textSteps ? .text : step < textSteps + imageSteps ? .image : .joint
    }

    /// The difficulty of the pictures of a step, 0 to 1.
    func difficulty(at step: Int) -> Float {
        Float(min(Double(step - textSteps) / max(curriculum * Double(imageSteps), 1), 1))
    }

    /// The side in pixels of the pictures of a step.
    ///
    /// Small pictures come first, because they are cheap; several sizes at the end, so that objects of more sizes are
    /// learned.
    func side(at step: Int, _ random: inout RandomStream) -> Int {
        let done = Double(step - textSteps)
        if done < smallPictures * Double(imageSteps) { return 64 }
        guard done >= mixedPictures * Double(imageSteps + jointSteps) else { return 96 }
        let choice = random.unit()
        return choice < 0.2 ? 64 : choice < 0.75 ? 96 : 128
    }
}
