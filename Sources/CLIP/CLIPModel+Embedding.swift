import Imaging
import Torch

extension CLIPModel {
    /// Embeddings of whole images, [N, E] float32 of length 1, on the device of the weights.
    /// - Parameter pixels: [N, 3, H, W], normalized; of the trained size for a ResNet, of any size for a transformer.
    /// - Throws: ``CLIPError`` for images of the wrong size, `TorchError`.
    public func embed(pixels: Tensor) throws -> Tensor {
        try withoutGradients {
            try vision.embedding(of: pixels.to(device: device)).to(.float32).normalized()
        }
    }

    /// Embeddings of texts, [N, E] float32 of length 1, where the weights are.
    /// - Parameter ids: [N, L] int64, each row with an end token.
    /// - Throws: ``CLIPError`` for rows longer than the context, `TorchError`.
    public func embed(ids: Tensor) throws -> Tensor {
        try withoutGradients { try text.embedding(of: ids).to(.float32).normalized() }
    }

    /// The logits of images for texts, [N, M] float32: cosines times the learned scale, plus the bias if there is one.
    /// - Parameters:
    ///   - images: Embeddings [N, E].
    ///   - texts: Embeddings [M, E].
    /// - Throws: `TorchError`.
    public func logits(images: Tensor, texts: Tensor) throws -> Tensor {
        let cosines = try images.to(.float32).normalized().matmul(
            texts.to(.float32).normalized().transposed(0, 1))
        let scaled = try cosines * logitScale.value.exp()
        return try logitBias.map { try scaled + $0.value } ?? scaled
    }

    /// Embeddings of texts, [N, E] float32 of length 1, in the order of the texts.
    ///
    /// Texts of similar length share a batch, which keeps padding low.
    /// - Parameters:
    ///   - texts: The texts.
    ///   - tokenizer: The checkpoint's tokenizer.
    ///   - batchSize: The number of texts per pass through the tower.
    ///   - progress: Called with the number of texts done.
    ///   - onTruncation: Called for every text that is truncated to the context length, with its index and its number
    ///     of tokens; an error thrown here stops the operation.
    /// - Throws: ``CLIPError``, `TorchError`; `CancellationError` if the task is canceled.
    public func embed(
        texts: [String], tokenizer: Tokenizer, batchSize: Int = 32,
        progress: (Int) -> Void = { _ in },
        onTruncation: (_ index: Int, _ tokens: Int) throws -> Void = { _, _ in }
    ) throws -> Tensor {
        let length = configuration.text.contextLength
        let tokens = try tokenizer.encode(texts, contextLength: length)
        for (index, count) in tokens.truncated.sorted(by: { $0.key < $1.key }) {
            try onTruncation(index, count)
        }
        let order = texts.indices.sorted { (tokens.lengths[$0], $0) < (tokens.lengths[$1], $1) }
        let device = try device
        var parts: [Tensor] = []
        for start in stride(from: 0, to: order.count, by: max(batchSize, 1)) {
            try Task.checkCancellation()
            let batch = order[start..<min(start + max(batchSize, 1), order.count)]
            var ids: [Int64] = []
            for index in batch { ids.append(contentsOf: tokens.ids[index * length..<(index + 1) * length]) }
            parts.append(
                try embed(ids: Tensor(ids, shape: [batch.count, length])))
            progress(start + batch.count)
        }
        guard !parts.isEmpty else {
            return try Tensor.zeros([0, configuration.embeddingWidth], device: device)
        }
        var places = [Int64](repeating: 0, count: order.count)
        for (place, index) in order.enumerated() { places[index] = Int64(place) }
        return try Tensor.cat(parts).indexSelected(0, Tensor(places).to(device: device))
    }

    /// Embeddings of picture files, [N, E] float32 of length 1, in the order of the readable files.
    ///
    /// Other tasks read, decode and preprocess files ahead while the tower runs.
    /// - Parameters:
    ///   - files: Paths.
    ///   - preprocessor: Must bring all images to one size; the checkpoint's does.
    ///   - batchSize: The number of images per pass through the tower.
    ///   - onUnreadable: Called for a file that cannot be used: throwing stops the operation, returning skips the file.
    ///   - progress: Called with the number of files done.
    /// - Returns: The embeddings and the indices of their files.
    /// - Throws: The errors of `onUnreadable`, `TorchError`, ``CLIPError``; `CancellationError`.
    public func embed(
        files: [String], preprocessor: ImagePreprocessor, batchSize: Int = 16,
        onUnreadable: (String, any Error) throws -> Void = { throw $1 },
        progress: (Int) -> Void = { _ in }
    ) async throws -> (embeddings: Tensor, indices: [Int]) {
        let device = try device
        let stream = PictureStream(files, batchSize: batchSize) { image, _ in try preprocessor(image) }
        var parts: [Tensor] = []
        var indices: [Int] = []
        while let batch = await stream.next() {
            try Task.checkCancellation()
            for fault in batch.faults { try onUnreadable(files[fault.index], fault.error) }
            if !batch.pictures.isEmpty {
                let pixels = try PixelValues.batch(batch.pictures.map(\.value))
                parts.append(try embed(pixels: pixels))
                indices += batch.pictures.map(\.index)
            }
            progress(batch.end)
        }
        guard !parts.isEmpty else {
            return (try Tensor.zeros([0, configuration.embeddingWidth], device: device), [])
        }
        return (try Tensor.cat(parts), indices)
    }
}
