import Imaging
import Support

/// How pictures are augmented for training: mirrored, resized, cropped, recolored.
///
/// All random choices for an image are drawn at once (``draw(for:random:)``); the result is one transform for pixels,
/// boxes, polygons and masks.
struct Augmentation: Sendable, Hashable, Codable {
    /// How pictures are resized.
    enum Resizing: Sendable, Hashable, Codable {
        /// Not at all.
        case none
        /// Resizes the longest side to `side` pixels.
        case square(side: Int)
        /// Large-scale jitter (Ghiasi et al., 2021; F-VLM's data/maskrcnn_parser.py): the picture is fitted into a
        /// square of `side` pixels, scaled by a random factor, and cropped randomly to the square's size where it is
        /// larger. Where it is smaller nothing is added: padding belongs to the batch.
        case largeScaleJitter(side: Int, minimumScale: Double, maximumScale: Double)
        /// Resizes the shortest side to one of the given lengths, and the longest to at most `longestSide`
        /// (detectron2's `ResizeShortestEdge`).
        case shortestSide(choices: [Int], longestSide: Int)
        /// Resizes the longest side to one of the given lengths.
        case longestSide(choices: [Int])
    }

    /// How pictures are resized.
    var resizing = Resizing.none

    /// The probability of mirroring a picture horizontally, from 0 to 1.
    var flipProbability = 0.0

    /// How colors are changed.
    var colorJitter: ColorJitter?

    /// The random choices for one image.
    struct Draw: Sendable, Hashable {
        /// The transform of pixels, boxes, polygons and masks.
        var transform: SpatialTransform

        /// The change of colors, applied after the transform.
        var colors: ColorJitter.Draw?
    }

    /// Draws the random choices for an image of the given size. Every call consumes the same number of random numbers.
    /// - Throws: ``TrainingError`` for settings out of range; `ImagingError` for impossible sizes.
    func draw(for size: ImageSize, random: inout RandomStream) throws -> Draw {
        guard (0...1).contains(flipProbability) else {
            throw TrainingError("augmentation", "flipProbability \(flipProbability) is not between 0 and 1")
        }
        let flips = random.uniform() < flipProbability
        let (first, second, third) = (random.uniform(), random.uniform(), random.uniform())
        var transform =
            flips ? try SpatialTransform.horizontalFlip(size) : try SpatialTransform.identity(size)
        func choice(_ choices: [Int]) throws -> Int {
            guard !choices.isEmpty else { throw TrainingError("augmentation", "no side to choose from") }
            return choices[min(Int(first * Double(choices.count)), choices.count - 1)]
        }
        switch resizing {
        case .none: break
        case .square(let side):
            transform = try transform.followed(by: .fitLongestSide(size, to: side))
        case .longestSide(let choices):
            transform = try transform.followed(by: .fitLongestSide(size, to: choice(choices)))
        case .shortestSide(let choices, let longestSide):
            transform = try transform.followed(
                by: .fitShortestSide(size, to: choice(choices), longestSide: longestSide))
        case .largeScaleJitter(let side, let minimum, let maximum):
            guard side > 0, minimum > 0, minimum <= maximum, maximum.isFinite else {
                throw TrainingError(
                    "augmentation",
                    "large-scale jitter to \(side) pixels from \(minimum) to \(maximum) is not possible")
            }
            let factor =
                (minimum + (maximum - minimum) * first) * Double(side) / Double(size.longestSide)
            func scaled(_ length: Int) -> Int {
                max(1, Int(min(Double(length) * factor, 1e6).rounded()))
            }
            let whole = ImageSize(width: scaled(size.width), height: scaled(size.height))
            let part = ImageSize(width: min(whole.width, side), height: min(whole.height, side))
            transform = try transform.followed(by: .resize(size, to: whole))
            if part != whole {
                func offset(_ share: Double, _ excess: Int) -> Int { Int(share * Double(excess + 1)) }
                transform = try transform.followed(
                    by: .crop(
                        whole, x: offset(second, whole.width - part.width),
                        y: offset(third, whole.height - part.height), width: part.width, height: part.height))
            }
        }
        // Drawn last, so that turning colors on does not change the geometry.
        return Draw(transform: transform, colors: try colorJitter?.draw(&random))
    }
}
