import Torch

/// What a trainer trains.
public protocol TrainableDetector: AnyObject {
    /// All parameters; those that are frozen stay as they are.
    var parameters: ParameterStore { get }

    /// The named terms of the loss of a batch, `float32` tensors without dimensions; their sum is minimised.
    /// - Parameter generator: Where the choice of anchors and regions is drawn from.
    /// - Throws: `TorchError`, `DetectionError`.
    func losses(_ batch: [TrainingExample], generator: Generator) throws -> [(name: String, value: Tensor)]
}
