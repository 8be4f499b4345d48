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
        let device = try device
        let stream = PictureStream(files, batchSize: batchSize) { image, _ in try preprocessor(image) }
        var parts: [Tensor] = []
        var indices: [Int] = []
        while let batch = await stream.next() {
            try Task.checkCancellation()
            for fault in batch.faults { try onUnreadable(files[fault.index], fault.error) }
            if !batch.pictures.isEmpty {
                let pixels = try PixelValues.batch(batch.pictures.map(\.value))
                parts.append(try embed(pixels: pixels.to(device: device)))
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
