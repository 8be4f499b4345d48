import Torch

extension CLIPModel {
    /// Embeddings of whole pictures, [N, E] float32 of length 1.
    /// - Parameter pixels: [N, 3, H, W], normalised; of the trained size for a ResNet, of any size for a transformer.
    /// - Throws: ``CLIPError`` for pictures of a wrong size, `TorchError`.
    public func embed(pixels: Tensor) throws -> Tensor {
        try withoutGradients { try vision.embedding(of: pixels).to(.float32).normalized() }
    }

    /// Embeddings of texts, [N, E] float32 of length 1.
    /// - Parameter ids: [N, L] int64, each row with an end token.
    /// - Throws: ``CLIPError`` for rows longer than the context, `TorchError`.
    public func embed(ids: Tensor) throws -> Tensor {
        try withoutGradients { try text.embedding(of: ids).to(.float32).normalized() }
    }

    /// The logits of pictures for texts, [N, M] float32: cosines times the learned factor.
    /// - Parameters:
    ///   - images: Embeddings [N, E].
    ///   - texts: Embeddings [M, E].
    /// - Throws: `TorchError`.
    public func logits(images: Tensor, texts: Tensor) throws -> Tensor {
        let cosines = try images.to(.float32).normalized().matmul(
            texts.to(.float32).normalized().transposed(0, 1))
        return try cosines * logitScale.value.exp()
    }
}
