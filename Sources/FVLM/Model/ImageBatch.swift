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

    /// Which sizes a batch can have.
    public struct Padding: Sendable, Hashable {
        /// Height and width are multiples of it, so that the maps of all strides fit each other.
        public var multiple: Int

        /// The least height and width; what the trunk sees of an image then does not depend on the other images.
        public var frame: Size2D

        /// Padding to a multiple, and to no less than a frame.
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
    ///   - padding: The sizes that the batch can have.
    ///   - contents: Height and width of what is in each image; nil: the whole of it. The rest is padding already.
    /// - Throws: `TorchError` for no images and for images of another shape.
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
