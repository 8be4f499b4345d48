import Torch

extension CLIPModel {
    /// Embeddings of texts, [N, E] float32 of length 1, in the order of the texts.
    ///
    /// Texts of similar length share a batch: rows are then hardly padded.
    /// - Parameters:
    ///   - texts: Any texts; longer ones than the context are cut.
    ///   - tokenizer: The checkpoint's.
    ///   - batchSize: How many go through the tower together.
    ///   - progress: Is told how many are done.
    /// - Throws: ``TokenizerError``, `TorchError`; `CancellationError` when the task was cancelled.
    public func embed(
        texts: [String], tokenizer: Tokenizer, batchSize: Int = 32, progress: (Int) -> Void = { _ in }
    ) throws -> Tensor {
        let length = configuration.text.contextLength
        let tokens = try tokenizer.encode(texts, contextLength: length)
        let order = texts.indices.sorted { (tokens.lengths[$0], $0) < (tokens.lengths[$1], $1) }
        let device = try device
        var parts: [Tensor] = []
        for start in stride(from: 0, to: order.count, by: max(batchSize, 1)) {
            try Task.checkCancellation()
            let batch = order[start..<min(start + max(batchSize, 1), order.count)]
            var ids: [Int64] = []
            for index in batch { ids.append(contentsOf: tokens.ids[index * length..<(index + 1) * length]) }
            parts.append(
                try embed(ids: Tensor(ids, shape: [batch.count, length]).to(device: device)))
            progress(start + batch.count)
        }
        guard !parts.isEmpty else {
            return try Tensor.zeros([0, configuration.embeddingWidth], device: device)
        }
        var places = [Int64](repeating: 0, count: order.count)
        for (place, index) in order.enumerated() { places[index] = Int64(place) }
        return try Tensor.cat(parts).indexSelected(0, Tensor(places).to(device: device))
    }
}
