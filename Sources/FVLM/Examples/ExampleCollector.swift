import CLIP
import Imaging
import RegionDetection
import Torch

/// Collects boxes that show classes, picture by picture, and makes a vocabulary of them.
///
/// ```swift
/// var examples = ExampleCollector(detector)
/// try examples.add(Image(contentsOf: "a.jpg"), named: "a.jpg", [ExampleBox(className: "mug", box: box)])
/// let mugs = try await examples.vocabulary(beside: detector.vocabulary(of: ["mug", "cup", "bottle"]))
/// ```
///
/// Both towers embed each box, and each has its own mean of a class's boxes. Embeddings of regions resemble each other more
/// than they resemble words, so a row made of the mean alone would win against words everywhere. It is made as a linear
/// discriminant instead: with e the mean of the examples, n of the negatives, r and C the mean and the covariance of ordinary
/// regions, the proposals in all pictures that do not show an example, and v the mean of C's diagonal,
///
///     row = mix * word + (1 - mix) * unit((C + shrinkage * v * I)^-1 (e - r - negativeWeight * (n - r)))
///
/// Directions in which all regions differ count less than those in which the examples alone do.
public struct ExampleCollector: Sendable {
    /// The detector that looks at the boxes.
    public let detector: Detector

    /// How regions are seen.
    public let options: ScoringOptions

    /// What was shown of a class.
    private struct Shown {
        var entries: [Vocabulary.Examples.Shown] = []
        /// Weighted sums, by tower, of the examples and of the negatives, [E].
        var positives: [Tensor?] = [nil, nil]
        var negatives: [Tensor?] = [nil, nil]
        var positiveWeight = 0.0
        var negativeWeight = 0.0
    }

    private var names: [String] = []
    private var classes: [String: Shown] = [:]
    /// Sums over ordinary regions and their products, by tower, [E] and [E, E] `float64`.
    private var regionSums: [(sum: Tensor, products: Tensor)?] = [nil, nil]
    private var regionCount = 0
    /// The number of pictures that show what is ordinary alone.
    private var ordinaryCount = 0

    /// Proposals that overlap an example by this much show the same object.
    private static let overlapOfExample = 0.5

    /// The most proposals of a picture that count as ordinary regions.
    private static let regionsPerPicture = 100

    /// Starts without examples.
    /// - Parameters:
    ///   - detector: The detector that looks at the examples.
    ///   - options: How regions are seen; the configuration's by default.
    public init(_ detector: Detector, options: ScoringOptions? = nil) {
        self.detector = detector
        self.options = options ?? detector.configuration.scoring
    }

    /// The names of the classes, in the order in which they were shown first.
    public var classNames: [String] { names }

    /// Looks at the boxes of a picture.
    /// - Parameters:
    ///   - image: The picture.
    ///   - name: The picture's name in the vocabulary's file.
    ///   - examples: Its boxes.
    /// - Throws: `DetectionError` for a weight that is not positive and for a box without a part in the picture;
    ///   `ImagingError`, `CLIPError`, `TorchError`.
    public mutating func add(_ image: Image, named name: String, _ examples: [ExampleBox]) throws {
        guard !examples.isEmpty else { return }
        for example in examples where !(example.weight > 0 && example.weight.isFinite) {
            throw DetectionError(
                "examples",
                "the weight of an example of '\(example.className)' must be above 0, not \(example.weight)"
            )
        }
        let seen = try detector.encode(
            [image], boxes: [examples.map(\.box)], options: options, includesMasks: false
        ).regions(ofPicture: 0)
        try addRegions(of: image, beside: examples)
        for (row, example) in examples.enumerated() {
            let key = ClassNames.form(example.className)
            if classes[key] == nil { names.append(example.className) }
            var shown = classes[key] ?? Shown()
            let box = example.box
            shown.entries.append(
                .init(
                    picture: name, box: [box.x1, box.y1, box.width, box.height], weight: example.weight,
                    isNegative: example.isNegative))
            for (tower, rows) in [seen.embeddings, seen.vlmEmbeddings].enumerated() {
                guard let rows else { continue }
                let part = try rows[row] * example.weight
                func added(_ sum: Tensor?) throws -> Tensor { try sum.map { try $0 + part } ?? part }
                if example.isNegative {
                    shown.negatives[tower] = try added(shown.negatives[tower])
                } else {
                    shown.positives[tower] = try added(shown.positives[tower])
                }
            }
            if example.isNegative {
                shown.negativeWeight += example.weight
            } else {
                shown.positiveWeight += example.weight
            }
            classes[key] = shown
        }
    }

    /// Looks at a picture of the kind that will be searched, whose regions are ordinary: what else there is. It needs no
    /// boxes, and should not show the classes often.
    ///
    /// What tells a class apart is known only beside what is ordinary. Pictures with examples count too, but they are
    /// few; some thirty of these are a good start.
    /// - Throws: `CLIPError`, `DetectionError`, `TorchError`.
    public mutating func add(ordinary image: Image) throws {
        try addRegions(of: image, beside: [])
        ordinaryCount += 1
    }

    private mutating func addRegions(of image: Image, beside examples: [ExampleBox]) throws {
        let regions = try detector.encode([image], options: options, includesMasks: false)
            .regions(ofPicture: 0)
        let kept = Self.ordinary(among: regions.boxes, beside: examples)
        for (tower, rows) in [regions.embeddings, regions.vlmEmbeddings].enumerated() where !kept.isEmpty {
            guard let rows = try rows?.indexSelected(0, Tensor(kept)).to(.float64) else { continue }
            let (sum, products) = (try rows.sum(0), try rows.transposed(0, 1).matmul(rows))
            regionSums[tower] =
                try regionSums[tower].map { (try $0.sum + sum, try $0.products + products) } ?? (
                    sum, products
                )
        }
        regionCount += kept.count
    }

    /// The first proposals that do not show an example: what an example shares with itself is not ordinary, and in few
    /// pictures, or in pictures of one class, such proposals are many.
    private static func ordinary(among proposals: [Box], beside examples: [ExampleBox]) -> [Int64] {
        let others = proposals.indices.filter { place in
            !examples.contains { $0.box.intersectionOverUnion(with: proposals[place]) >= overlapOfExample }
        }
        return others.prefix(regionsPerPicture).map(Int64.init)
    }

    /// Makes a vocabulary of the classes shown.
    /// - Parameters:
    ///   - words: A vocabulary of the detector's CLIP. Its background, templates and article are taken over; classes of the
    ///     same names give the words' part of a mix, their synonyms, split and ids.
    ///   - options: How rows are made.
    /// - Returns: The classes in the order in which they were shown first.
    /// - Throws: `ConfigurationError`; `CLIPError` for another CLIP's words, without examples, for a class that has only
    ///   negatives, and for a mix without words; `TorchError`.
    public func vocabulary(beside words: Vocabulary, options: ExampleOptions = ExampleOptions()) throws
        -> Vocabulary
    {
        try options.validate()
        guard !names.isEmpty else { throw CLIPError("examples", reason: "there are no examples") }
        let places = Dictionary(
            words.classes.enumerated().map { (ClassNames.form($1.name), $0) },
            uniquingKeysWith: { first, _ in first })
        let texts = try words.matrix(for: detector.identity)
        let own = try words.detectorMatrix(for: detector.identity) ?? texts
        var entries: [Vocabulary.Class] = []
        var rows: [[Tensor]] = [[], []]
        let frames = try [0, 1].map { try frame($0, options) }
        for name in names {
            let key = ClassNames.form(name)
            guard let shown = classes[key] else { continue }
            guard shown.positiveWeight > 0 else {
                throw CLIPError(
                    "examples", reason: "the class '\(name)' has only negatives: it needs a box that shows it"
                )
            }
            let place = places[key]
            guard place != nil || options.mix == 0 else {
                throw CLIPError(
                    "examples", reason: "the class '\(name)' cannot be mixed: there are no words of it")
            }
            var entry = place.map { words.classes[$0] } ?? Vocabulary.Class(name)
            entry.name = name
            entry.examples = Vocabulary.Examples(
                shown: shown.entries, mix: options.mix,
                negativeWeight: shown.negativeWeight > 0 ? options.negativeWeight : 0,
                ordinaryPictures: ordinaryCount)
            entries.append(entry)
            for tower in 0..<2 {
                let word = try place.map { try [own, texts][tower][$0] }
                rows[tower].append(try row(shown, tower, word, frames, options))
            }
        }
        return try Vocabulary(
            classes: entries, templates: words.templates, article: words.article,
            embeddings: Tensor.stack(rows[1]), detectorEmbeddings: Tensor.stack(rows[0]),
            background: words.background, clip: words.clip)
    }

    /// Ordinary regions of a tower.
    private struct Frame {
        /// Their mean, [E] `float64`.
        let mean: Tensor
        /// Their covariance with what is added to its diagonal, [E, E] `float64`.
        let covariance: Tensor
    }

    private func frame(_ tower: Int, _ options: ExampleOptions) throws -> Frame? {
        guard let (sum, products) = regionSums[tower], regionCount > 0 else { return nil }
        let mean = try sum / Double(regionCount)
        let covariance = try products / Double(regionCount) - mean.outer(mean)
        let width = mean.shape[0]
        let variance = try covariance.diagonal().sum().item() / Double(width)
        // A single region has no variance.
        let added = variance > 0 ? options.shrinkage * variance : 1
        return Frame(
            mean: mean, covariance: try covariance + Tensor.eye(width).to(.float64) * added)
    }

    /// The row of a class for a tower, [E].
    private func row(
        _ shown: Shown, _ tower: Int, _ word: Tensor?, _ frames: [Frame?], _ options: ExampleOptions
    )
        throws -> Tensor
    {
        // A detector that does not let CLIP look has no use for its rows: the detector's examples stand in.
        let tower = shown.positives[tower] == nil ? 0 : tower
        guard let sum = shown.positives[tower] else {
            throw CLIPError("examples", reason: "there is nothing to make a row of")
        }
        let frame = frames[tower]
        func centered(_ sum: Tensor, _ weight: Double) throws -> Tensor {
            let mean = try sum.to(.float64) / weight
            return try frame.map { try mean - $0.mean } ?? mean
        }
        var direction = try centered(sum, shown.positiveWeight)
        if let negatives = shown.negatives[tower] {
            direction = try direction - centered(negatives, shown.negativeWeight) * options.negativeWeight
        }
        if let frame { direction = try Self.solution(frame.covariance, direction) }
        let example = try direction.to(.float32).normalized()
        guard let word, options.mix > 0 else { return example }
        return try word * options.mix + example * (1 - options.mix)
    }

    /// The x with A x = b for a positive definite matrix, by conjugate gradients.
    private static func solution(_ matrix: Tensor, _ right: Tensor) throws -> Tensor {
        var (x, residual) = (try right.zerosLike(), right)
        var direction = residual
        var square = try residual.square().sum().item()
        let enough = square * 1e-20
        for _ in 0..<2 * right.shape[0] where square > enough {
            let image = try matrix.matmul(direction)
            let step = try square / (direction * image).sum().item()
            x = try x + direction * step
            residual = try residual - image * step
            let next = try residual.square().sum().item()
            direction = try residual + direction * (next / square)
            square = next
        }
        return x
    }
}
