import Imaging
import Torch

// For a GPU: bytes are a quarter of the numbers that they become, so they are sent and become numbers there.
extension PixelNormalization {
    /// The picture's bytes, [3, H, W] `uint8`, in main memory that devices read directly.
    ///
    /// In memory a pixel's colours lie together, as in the picture.
    /// - Throws: `TorchError` where there is no device.
    package static func bytes(of image: Image) throws -> Tensor {
        let tensor = try Tensor.emptyPinned([image.height, image.width, 3], dtype: .uint8)
        try tensor.withMutableBytes { bytes in
            image.pixels.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        return try tensor.permuted([2, 0, 1])
    }

    /// What ``callAsFunction(_:rescale:content:)`` makes of the picture, up to rounding, of its bytes and where they are.
    /// - Parameter bytes: [3, H, W] `uint8`.
    /// - Throws: As the other method.
    package func callAsFunction(
        bytes: Tensor, rescale: Double = 1 / 255, content: (columns: Range<Int>, rows: Range<Int>)? = nil
    ) throws -> Tensor {
        try check()
        let factors = standardDeviation.map { Float(rescale / $0) }
        let offsets = zip(mean, standardDeviation).map { Float(-$0 / $1) }
        let both = try Tensor(factors + offsets, shape: [2, 3, 1, 1]).to(device: bytes.device)
        let numbers = try bytes.to(.float32) * both[0] + both[1]
        guard let content else { return numbers }
        let (height, width) = (bytes.shape[1], bytes.shape[2])
        guard content.rows != 0..<height || content.columns != 0..<width else { return numbers }
        let result = try numbers.zerosLike()
        try result[TensorIndex.all, content.rows, content.columns]
            .copyInPlace(numbers[TensorIndex.all, content.rows, content.columns])
        return result
    }
}
