import Imaging

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

    /// Subtracted from every rescaled value; red, green, blue.
    public var mean: [Double]

    /// Divides what remains; red, green, blue.
    public var standardDeviation: [Double]

    /// The mean of the pictures that CLIP was trained on.
    public static let clipMean = [0.48145466, 0.4578275, 0.40821073]

    /// The standard deviation of the pictures that CLIP was trained on.
    public static let clipStandardDeviation = [0.26862954, 0.26130258, 0.27577711]

    /// A preparation; by default with CLIP's numbers.
    public init(
        fitting: Fitting, filter: ResamplingFilter = .bicubic, padding: Padding = .black,
        rescale: Double = 1.0 / 255, mean: [Double] = clipMean,
        standardDeviation: [Double] = clipStandardDeviation
    ) {
        self.fitting = fitting
        self.filter = filter
        self.padding = padding
        self.rescale = rescale
        self.mean = mean
        self.standardDeviation = standardDeviation
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

    /// A detector's preparation: the whole picture in a square.
    public static func detector(side: Int) -> ImagePreprocessor {
        ImagePreprocessor(fitting: .square(side: side), filter: .bilinear, padding: .zero)
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
    /// - Throws: ``ImagingError`` or ``PreprocessingError``.
    public func callAsFunction(_ image: Image) throws -> PixelValues {
        let transform = try transform(for: image.size)
        return PixelValues(
            values: try normalized(transform.apply(to: image, filter: filter), transform),
            size: transform.target, transform: transform)
    }

    /// A picture that went through `transform`, as numbers.
    private func normalized(_ image: Image, _ transform: SpatialTransform) throws -> [Float] {
        guard mean.count == 3, standardDeviation.count == 3, !standardDeviation.contains(0) else {
            throw PreprocessingError(
                reason:
                    "mean \(mean) and standard deviation \(standardDeviation) must be three numbers each, "
                    + "the latter not zero")
        }
        // Every byte has one of 256 results.
        let tables = (0..<3).map { channel in
            (0..<256).map { Float((Double($0) * rescale - mean[channel]) / standardDeviation[channel]) }
        }
        let source = Box(
            x1: 0, y1: 0, x2: Double(transform.source.width), y2: Double(transform.source.height))
        let content = transform.apply(to: source).clipped(to: transform.target)
        let columns = Int(content.x1.rounded())..<Int(content.x2.rounded())
        let rows = Int(content.y1.rounded())..<Int(content.y2.rounded())
        let plane = image.width * image.height
        return [Float](unsafeUninitializedCapacity: 3 * plane) { result, count in
            image.pixels.withUnsafeBufferPointer { pixels in
                for channel in 0..<3 {
                    tables[channel].withUnsafeBufferPointer { table in
                        for index in 0..<plane {
                            result[channel * plane + index] = table[Int(pixels[index * 3 + channel])]
                        }
                    }
                }
            }
            count = 3 * plane
            guard padding == .zero,
                content.width < Double(image.width) || content.height < Double(image.height)
            else { return }
            for channel in 0..<3 {
                for y in 0..<image.height {
                    for x in 0..<image.width where !rows.contains(y) || !columns.contains(x) {
                        result[channel * plane + y * image.width + x] = 0
                    }
                }
            }
        }
    }
}
