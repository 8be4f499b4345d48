import Imaging

/// How pictures are varied for training: mirrored, resized, cropped, recoloured.
///
/// Chance decides once for an image (``draw(for:random:)``); what it decides is one transform that pixels, boxes,
/// polygons and masks go through.
struct Augmentation: Sendable, Hashable, Codable {
    /// The size that pictures come to.
    enum Resizing: Sendable, Hashable, Codable {
        /// As they are.
        case none
        /// The longest side becomes `side` pixels.
        case square(side: Int)
        /// Large-scale jitter (Ghiasi et al., 2021; F-VLM's data/maskrcnn_parser.py): the picture is fitted into a square
        /// of `side` pixels, scaled by a random factor, and where it then is larger than the square a random part
        /// of the square's size is taken. Where it is smaller nothing is added: padding belongs to the batch.
        case largeScaleJitter(side: Int, minimumScale: Double, maximumScale: Double)
        /// The shortest side becomes one of the given lengths, the longest at most `longestSide` (detectron2's
        /// `ResizeShortestEdge`).
        case shortestSide(choices: [Int], longestSide: Int)
        /// The longest side becomes one of the given lengths.
        case longestSide(choices: [Int])
    }

    /// The size that pictures come to.
    var resizing = Resizing.none

    /// How often a picture is mirrored left to right, from 0 to 1.
    var flipProbability = 0.0

    /// How colours are varied.
    var colorJitter: ColorJitter?

    /// What chance decided for one image.
    struct Draw: Sendable, Hashable {
        /// The way of pixels, boxes, polygons and masks.
        var transform: SpatialTransform

        /// The change of colours, after the transform.
        var colors: ColorJitter.Draw?
    }

    /// Decides for one image of the given size. Every call takes the same number of random numbers.
    /// - Throws: ``TrainingError`` for settings out of range; `ImagingError` for sizes that cannot be.
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
        // Drawn last, so that switching colours on leaves the geometry as it was.
        return Draw(transform: transform, colors: try colorJitter?.draw(&random))
    }
}
