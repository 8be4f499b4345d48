import Torch

/// Classes of whole pictures without training: which class's text a picture is closest to.
public struct ZeroShotClassifier: Sendable {
    /// The classes, in the order of the probabilities.
    public let names: [String]

    private let rows: Tensor
    private let scale: Double

    /// A classifier of a vocabulary's classes, without its background.
    /// - Throws: ``CLIPError`` when another CLIP made the vocabulary, `TorchError`.
    public init(_ vocabulary: Vocabulary, model: CLIPModel) throws {
        names = vocabulary.names
        rows = try vocabulary.matrix(for: model.identity()).to(device: model.device)
        scale = try model.logitScale.value.exp().item()
    }

    /// The probability of every class, softmax of the cosines times the learned factor, [N, K] float32.
    /// - Parameter images: Embeddings of pictures, [N, E], of length 1.
    /// - Throws: `TorchError`.
    public func probabilities(_ images: Tensor) throws -> Tensor {
        try (images.matmul(rows.transposed(0, 1)) * scale).softmax(1)
    }
}
