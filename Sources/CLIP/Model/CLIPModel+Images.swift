import Imaging
import Support
import Torch

extension CLIPModel {
    /// Embeddings of picture files, [N, E] float32 of length 1, in the order of the files that could be read.
    ///
    /// Files are read, decoded and prepared ahead by other tasks while the tower works.
    /// - Parameters:
    ///   - files: Paths.
    ///   - preprocessor: Must bring all pictures to one size; the checkpoint's does.
    ///   - batchSize: How many go through the tower together.
    ///   - onUnreadable: Decides about a file that cannot be used: to throw ends the work, to return leaves it out.
    ///   - progress: Is told how many files are done.
    /// - Returns: The embeddings and the indices of the files that they belong to.
    /// - Throws: What `onUnreadable` throws, `TorchError`, ``CLIPError``; `CancellationError`.
    public func embed(
        files: [String], preprocessor: ImagePreprocessor, batchSize: Int = 16,
        onUnreadable: (String, any Error) throws -> Void = { throw $1 },
        progress: (Int) -> Void = { _ in }
    ) async throws -> (embeddings: Tensor, indices: [Int]) {
        let batchSize = max(batchSize, 1)
        let device = try device
        let pictures = ReadAhead(count: files.count, window: batchSize * 2) { index in
            try preprocessor(Image(contentsOf: files[index]))
        }
        defer { pictures.cancel() }
        var parts: [Tensor] = []
        var indices: [Int] = []
        var batch: [PixelValues] = []
        for index in files.indices {
            try Task.checkCancellation()
            switch await pictures.next() {
            case .success(let picture)?:
                batch.append(picture)
                indices.append(index)
            case .failure(let error)?: try onUnreadable(files[index], error)
            case nil: break
            }
            if batch.count == batchSize || (index == files.count - 1 && !batch.isEmpty) {
                parts.append(try embed(pixels: PixelValues.batch(batch).to(device: device)))
                batch.removeAll(keepingCapacity: true)
                progress(index + 1)
            }
        }
        guard !parts.isEmpty else {
            return (try Tensor.zeros([0, configuration.embeddingWidth], device: device), [])
        }
        return (try Tensor.cat(parts), indices)
    }
}
