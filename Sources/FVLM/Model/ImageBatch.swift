import Torch

/// Images of one or several sizes as one tensor, each in the upper left corner.
public struct ImageBatch: Sendable {
    /// [N, 3, H, W] `float32`, normalised; zeros, the mean colour, where an image does not reach.
    public let pixels: Tensor

    /// Height and width of each image, [N].
    public let sizes: [Size2D]

    /// A batch that is padded already.
    public init(pixels: Tensor, sizes: [Size2D]) {
        self.pixels = pixels
        self.sizes = sizes
    }

    /// Pads images to a common size.
    /// - Parameters:
    ///   - images: [3, h, w] each.
    ///   - multiple: Height and width of the batch are multiples of it, so that the maps of all strides fit each other.
    ///   - frame: The least height and width of the batch; what the trunk sees of an image then does not depend on the
    ///     other images.
    ///   - contents: Height and width of what is in each image; nil: the whole of it. The rest is padding already.
    /// - Throws: `TorchError` for no images and for images of another shape.
    public init(
        _ images: [Tensor], multiple: Int, frame: Size2D = Size2D(0), contents: [Size2D]? = nil
    ) throws {
        guard let first = images.first,
            images.allSatisfy({ $0.rank == 3 && $0.shape[0] == 3 && $0.shape[1] > 0 && $0.shape[2] > 0 })
        else {
            throw TorchError(
                "ImageBatch", arguments: images.map(\.summary), reason: "needs images of the shape [3, H, W]")
        }
        func rounded(_ side: Int) -> Int { (side + multiple - 1) / multiple * multiple }
        let height = rounded(max(images.map { $0.shape[1] }.max() ?? 0, frame.height))
        let width = rounded(max(images.map { $0.shape[2] }.max() ?? 0, frame.width))
        sizes = contents ?? images.map { Size2D($0.shape[1], $0.shape[2]) }
        if images.count == 1, first.shape[1] == height, first.shape[2] == width {
            pixels = try first.unsqueezed(0)
            return
        }
        let batch = try Tensor.zeros(
            [images.count, 3, height, width], dtype: first.dtype, device: first.device)
        for (index, image) in images.enumerated() {
            try batch[index, TensorIndex.all, 0..<image.shape[1], 0..<image.shape[2]].copyInPlace(image)
        }
        pixels = batch
    }

    /// The number of images.
    public var count: Int { sizes.count }
}
