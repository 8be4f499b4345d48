import Torch

/// Images of one or several sizes as one tensor, each in the upper left corner.
public struct ImageBatch: Sendable {
    /// [N, 3, H, W] `float32`, normalized; zeros, the mean color, outside an image.
    public let pixels: Tensor

    /// Height and width of each image, [N].
    public let sizes: [Size2D]

    /// Creates a batch from padded images.
    public init(pixels: Tensor, sizes: [Size2D]) {
        self.pixels = pixels
        self.sizes = sizes
    }

    /// The possible sizes of a batch.
    public struct Padding: Sendable, Hashable {
        /// The divisor of the batch's height and width, so that the maps of all strides align.
        public var multiple: Int

        /// The minimum height and width; the trunk's input for an image then does not depend on the other images.
        public var frame: Size2D

        /// Creates a padding to a multiple and to a minimum size.
        public init(multiple: Int, frame: Size2D = Size2D(0)) {
            self.multiple = multiple
            self.frame = frame
        }

        /// Height and width of a batch of images of this size.
        func size(_ height: Int, _ width: Int) -> Size2D {
            func rounded(_ side: Int) -> Int { (side + multiple - 1) / multiple * multiple }
            return Size2D(rounded(max(height, frame.height)), rounded(max(width, frame.width)))
        }
    }

    /// Pads images to a common size.
    /// - Parameters:
    ///   - images: [3, h, w] each.
    ///   - padding: The possible sizes of the batch.
    ///   - contents: Height and width of each image's content; nil: the whole image. The rest is already padding.
    /// - Throws: `TorchError` if there are no images or one has a different shape.
    public init(_ images: [Tensor], padding: Padding, contents: [Size2D]? = nil) throws {
        guard let first = images.first,
            images.allSatisfy({ $0.rank == 3 && $0.shape[0] == 3 && $0.shape[1] > 0 && $0.shape[2] > 0 })
        else {
            throw TorchError(
                "ImageBatch", arguments: images.map(\.summary), reason: "needs images of the shape [3, H, W]")
        }
        let size = padding.size(
            images.map { $0.shape[1] }.max() ?? 0, images.map { $0.shape[2] }.max() ?? 0)
        let (height, width) = (size.height, size.width)
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
