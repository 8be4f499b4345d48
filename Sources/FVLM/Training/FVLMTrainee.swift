import Detection
import Torch

/// A model in training: the detector learns, the trunk is looked at.
public final class FVLMTrainee: TrainableDetector {
    /// The model.
    public let model: FVLMModel

    /// The embeddings of the classes that are trained on, [K, E], row 0 the background.
    public let texts: Tensor

    /// Heights and widths of batches are multiples of it.
    public let sizeMultiple: Int

    /// A model that learns classes with these embeddings.
    public init(model: FVLMModel, texts: Tensor, sizeMultiple: Int) {
        self.model = model
        self.texts = texts
        self.sizeMultiple = sizeMultiple
    }

    /// The parameters of the trained part.
    public var parameters: ParameterStore { model.network.store }

    /// The named terms of the loss of a batch.
    /// - Throws: `CLIPError`, `DetectionError` for a class that the texts lack, `TorchError`.
    public func losses(_ batch: [TrainingExample], generator: Generator) throws -> [(
        name: String, value: Tensor
    )] {
        let images = try ImageBatch(batch.map(\.pixels), multiple: sizeMultiple)
        let features = try model.trunk.features(of: images.pixels, scoresRegions: false)
        return try model.network.losses(
            features.levels, sizes: images.sizes, examples: batch, texts: texts, generator: generator
        ).terms
    }
}
