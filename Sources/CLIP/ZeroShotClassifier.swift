import Torch

/// Classifies whole images without training: by the class text that an image is closest to.
public struct ZeroShotClassifier: Sendable {
    /// The classes, in the order of the probabilities.
    public let names: [String]

    private let rows: Tensor
    private let scale: Double

    /// Creates a classifier for a vocabulary's classes, without its background.
    /// - Throws: ``CLIPError`` if another CLIP made the vocabulary, `TorchError`.
    public init(_ vocabulary: Vocabulary, model: CLIPModel) throws {
        names = vocabulary.names
        rows = try vocabulary.matrix(for: model.identity()).to(device: model.device)
        scale = try model.logitScale.value.exp().item()
    }

    /// The probability of every class, softmax of the cosines times the learned scale, [N, K] float32.
    /// - Parameter images: Image embeddings, [N, E], of length 1.
    /// - Throws: `TorchError`.
    public func probabilities(_ images: Tensor) throws -> Tensor {
        try (images.matmul(rows.transposed(0, 1)) * scale).softmax(1)
    }
}
