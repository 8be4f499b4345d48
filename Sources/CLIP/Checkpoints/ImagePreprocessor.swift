import Imaging
import Torch

/// How pictures are brought to a network's size and to its numbers.
public struct ImagePreprocessor: Sendable, Hashable {
    /// How a picture is fitted into the network's input.
    public enum Fitting: Sendable, Hashable {
        /// The shortest side is resized, then the middle cut out: CLIP's way for whole pictures. Without a size
        /// a step is left out.
        case centerCrop(shortestSide: Int?, crop: ImageSize?, rounding: FloatingPointRoundingRule)

        /// Both sides are resized, whatever becomes of the shape.
        case exact(ImageSize)

        /// The longest side is resized, the rest of a square padded at the right or at the bottom.
        case square(side: Int)

        /// The shortest side is resized, but the longest one stays within a limit; then both are padded at the
        /// right and at the bottom to multiples of a number (1: no padding).
        case shortestSide(Int, longestSide: Int, multiple: Int)
    }

    /// What stands where there is no picture.
    public enum Padding: Sendable, Hashable {
        /// Black pixels, which are normalised like others (transformers).
        case black

        /// The number 0 after normalisation (detectron2, F-VLM).
        case zero
    }

    /// How a picture is fitted into the network's input.
    public var fitting: Fitting

    /// The kernel of the resizing.
    public var filter: ResamplingFilter

    /// What stands where there is no picture.
    public var padding: Padding

    /// What an 8-bit value is multiplied with: 1/255, or 1.
    public var rescale: Double

    /// What becomes of the rescaled values.
    public var normalization: PixelNormalization

    /// A preparation; by default with CLIP's numbers.
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

    /// OpenAI's preparation for a square input: torchvision's `Resize` (bicubic) and `CenterCrop`.
    public static func openAI(side: Int) -> ImagePreprocessor {
        ImagePreprocessor(
            fitting: .centerCrop(
                shortestSide: side, crop: ImageSize(width: side, height: side), rounding: .toNearestOrEven))
    }

    /// transformers' preparation for a square input; differs from OpenAI's by the pixel that an odd margin
    /// leaves.
    public static func huggingFace(side: Int) -> ImagePreprocessor {
        ImagePreprocessor(
            fitting: .centerCrop(
                shortestSide: side, crop: ImageSize(width: side, height: side), rounding: .down))
    }

    /// The way of a picture's pixels into the network's input.
    ///
    /// - Throws: ``ImagingError`` when a size is not possible.
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

    /// Prepares a picture.
    ///
    /// - Throws: `ImagingError`, ``CLIPError``, `TorchError`.
    public func callAsFunction(_ image: Image) throws -> PixelValues {
        let transform = try transform(for: image.size)
        let content = transform.content
        return PixelValues(
            tensor: try normalization(
                transform.apply(to: image, filter: filter), rescale: rescale,
                content: padding == .zero ? content : nil),
            transform: transform,
            content: ImageSize(width: content.columns.upperBound, height: content.rows.upperBound))
    }
}

/// A picture as a network takes it.
public struct PixelValues: Sendable {
    /// [3, height, width] float32, on the processor.
    public let tensor: Tensor

    /// The way from the picture's pixels to these; its inverse brings results back.
    public let transform: SpatialTransform

    /// Where the picture ends at the right and at the bottom; what follows is padding.
    public let content: ImageSize

    /// Width and height, padding included.
    public var size: ImageSize { transform.target }

    /// Several pictures of one size, [N, 3, height, width].
    ///
    /// - Throws: ``CLIPError`` when there is none or the sizes differ.
    public static func batch(_ images: [PixelValues]) throws -> Tensor {
        guard let first = images.first else { throw CLIPError(reason: "a batch needs a picture") }
        if let other = images.first(where: { $0.size != first.size }) {
            throw CLIPError(reason: "pictures of \(first.size) and \(other.size) pixels cannot be one batch")
        }
        return try Tensor.stack(images.map(\.tensor))
    }
}
