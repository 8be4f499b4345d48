import Imaging
import Torch

/// Resizes images to a network's input size and converts their pixels to its numbers.
public struct ImagePreprocessor: Sendable, Hashable {
    /// How an image is fitted into the network's input.
    public enum Fitting: Sendable, Hashable {
        /// Resizes the shortest side, then crops the center: CLIP's method for whole images. A step without a size is
        /// skipped.
        case centerCrop(shortestSide: Int?, crop: ImageSize?, rounding: FloatingPointRoundingRule)

        /// Resizes both sides, ignoring the aspect ratio.
        case exact(ImageSize)

        /// Resizes the longest side and pads the rest of a square at the right or at the bottom.
        case square(side: Int)

        /// Resizes the shortest side while keeping the longest one within a limit; then pads both at the right and at
        /// the bottom to multiples of a number (1: no padding).
        case shortestSide(Int, longestSide: Int, multiple: Int)
    }

    /// The value of padding pixels.
    public enum Padding: Sendable, Hashable {
        /// Black pixels, normalized like all others (transformers).
        case black

        /// 0 after normalization (detectron2, F-VLM).
        case zero
    }

    /// How an image is fitted into the network's input.
    public var fitting: Fitting

    /// The resampling filter.
    public var filter: ResamplingFilter

    /// The value of padding pixels.
    public var padding: Padding

    /// The scale applied to 8-bit values: 1/255 or 1.
    public var rescale: Double

    /// The normalization applied to the scaled values.
    public var normalization: PixelNormalization

    /// Creates a preprocessor, by default with CLIP's values.
    public init(
        fitting: Fitting, filter: ResamplingFilter = .bicubic, padding: Padding = .black,
        rescale: Double = 1.0 / 255, normalization: PixelNormalization = .clip
    ) {
        self.fitting = fitting
        self.filter = filter
        self.padding = padding
        self.rescale = rescale
        self.normalization = normalization
    }

    /// OpenAI's preprocessing for a square input: torchvision's `Resize` (bicubic) and `CenterCrop`.
    public static func openAI(side: Int) -> ImagePreprocessor {
        ImagePreprocessor(
            fitting: .centerCrop(
                shortestSide: side, crop: ImageSize(width: side, height: side), rounding: .toNearestOrEven))
    }

    /// transformers' preprocessing for a square input; differs from OpenAI's in the pixel that an odd margin leaves.
    public static func huggingFace(side: Int) -> ImagePreprocessor {
        ImagePreprocessor(
            fitting: .centerCrop(
                shortestSide: side, crop: ImageSize(width: side, height: side), rounding: .down))
    }

    /// Perception Encoder's preparation for a square input: squashed, bilinear, numbers from -1 to 1.
    public static func perceptionEncoder(side: Int) -> ImagePreprocessor {
        ImagePreprocessor(
            fitting: .exact(ImageSize(width: side, height: side)), filter: .bilinear,
            normalization: .half)
    }

    /// The mapping of an image's pixels to the network's input.
    ///
    /// - Throws: `ImagingError` if a size is not possible.
    public func transform(for size: ImageSize) throws -> SpatialTransform {
        switch fitting {
        case .centerCrop(let shortestSide, let crop, let rounding):
            let resized = try shortestSide.map { try SpatialTransform.resizeShortestSide(size, to: $0) }
            let whole = try resized ?? .identity(size)
            return try crop.map {
                try whole.followed(by: .centerCrop(whole.target, to: $0, rounding: rounding))
            } ?? whole
        case .exact(let target): return try .resize(size, to: target)
        case .square(let side): return try .fitSquare(size, side: side)
        case .shortestSide(let side, let limit, let multiple):
            return try SpatialTransform.fitShortestSide(size, to: side, longestSide: limit)
                .padded(toMultipleOf: multiple)
        }
    }

    /// Preprocesses an image.
    ///
    /// - Throws: `ImagingError`, ``CLIPError``, `TorchError`.
    public func callAsFunction(_ image: Image) throws -> PixelValues {
        let transform = try transform(for: image.size)
        return PixelValues(
            tensor: try normalization(
                transform.apply(to: image, filter: filter), rescale: rescale,
                content: padding == .zero ? transform.content : nil),
            transform: transform)
    }

    /// Prepares a picture for a device, which makes numbers of its bytes: see ``PixelValues/tensor(on:)``. The bytes are
    /// on their way there.
    ///
    /// - Throws: `ImagingError`, `TorchError`.
    package func bytes(_ image: Image, sentTo device: Device) throws -> PixelValues {
        let transform = try transform(for: image.size)
        let bytes = try PixelNormalization.bytes(of: transform.apply(to: image, filter: filter))
        return PixelValues(
            tensor: bytes, transform: transform, preprocessor: self, upload: try Upload(bytes, to: device))
    }
}

/// An image in the form that a network takes.
public struct PixelValues: Sendable {
    /// [3, height, width] float32, on the CPU; bytes if a device is to normalize them.
    public let tensor: Tensor

    /// The mapping of the image's pixels to these; its inverse maps results back.
    public let transform: SpatialTransform

    /// The size of the image's content; pixels to the right of it and below it are padding.
    public let content: ImageSize

    /// Normalizes bytes; nil for numbers.
    private let preprocessor: ImagePreprocessor?

    /// The bytes on their way to a device.
    private let upload: Upload?

    init(
        tensor: Tensor, transform: SpatialTransform, preprocessor: ImagePreprocessor? = nil,
        upload: Upload? = nil
    ) {
        self.tensor = tensor
        self.transform = transform
        self.preprocessor = preprocessor
        self.upload = upload
        let content = transform.content
        self.content = ImageSize(width: content.columns.upperBound, height: content.rows.upperBound)
    }

    /// [3, height, width] float32 on a device.
    ///
    /// - Throws: ``CLIPError``, `TorchError`.
    package func tensor(on device: Device) throws -> Tensor {
        let tensor = try (upload?.tensor() ?? tensor).to(device: device)
        guard let preprocessor else { return tensor }
        return try preprocessor.normalization(
            bytes: tensor, rescale: preprocessor.rescale,
            content: preprocessor.padding == .zero ? transform.content : nil)
    }

    /// Width and height, including padding.
    public var size: ImageSize { transform.target }

    /// Several images of one size, [N, 3, height, width].
    ///
    /// - Throws: ``CLIPError`` if there are none or the sizes differ.
    public static func batch(_ images: [PixelValues]) throws -> Tensor {
        guard let first = images.first else { throw CLIPError(reason: "a batch needs at least one image") }
        if let other = images.first(where: { $0.size != first.size }) {
            throw CLIPError(reason: "images of \(first.size) and \(other.size) pixels cannot share a batch")
        }
        return try Tensor.stack(images.map(\.tensor))
    }
}
