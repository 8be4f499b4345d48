import CLIP
import Imaging
import RegionDetection
import Torch

/// Collects boxes that show classes, picture by picture, and makes a vocabulary of them.
///
/// ```swift
/// var examples = ExampleCollector(detector)
/// try examples.add(Image(contentsOf: "a.jpg"), named: "a.jpg", [ExampleBox(className: "mug", box: box)])
/// let mugs = try examples.vocabulary(beside: detector.vocabulary(of: ["mug", "cup", "bottle"]))
/// ```
///
/// Both towers embed each box, and each has its own mean of a class's boxes. Embeddings of regions are not where those of
/// words are (Liang et al., "Mind the Gap", 2022): a row made of the former alone would win or lose against words
/// everywhere. So the mean of ordinary regions, the proposals in the pictures, is taken away, what is left is brought to the
/// length that words have around their mean, and put there. With e the mean of the examples, r of regions, t of words, and s
/// the mean length of a word's row minus t:
///
///     row = mix * word + (1 - mix) * (t + strength * s * unit(e - r - negativeWeight * (n - r)))
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
    /// Sums over ordinary regions, by tower, [E].
    private var regionSums: [Tensor?] = [nil, nil]
    private var regionCount = 0

    /// The most proposals of a picture that count as ordinary regions.
    private static let regionsPerPicture = 100

    /// Starts without examples.
    /// - Parameter options: How regions are seen; the configuration's by default.
    public init(_ detector: Detector, options: ScoringOptions? = nil) {
        self.detector = detector
        self.options = options ?? detector.configuration.scoring
    }

    /// The names of the classes, in the order in which they were shown first.
    public var classNames: [String] { names }

    /// Looks at the boxes of a picture.
    /// - Parameters:
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
        let prepared = [image]
        let seen = try detector.encode(
            prepared, boxes: [examples.map(\.box)], options: options, includesMasks: false
        ).regions(ofPicture: 0)
        let ordinary = try detector.encode(prepared, options: options, includesMasks: false)
            .regions(ofPicture: 0)
        let count = min(ordinary.boxes.count, Self.regionsPerPicture)
        for (tower, rows) in [ordinary.embeddings, ordinary.vlmEmbeddings].enumerated() where count > 0 {
            guard let rows else { continue }
            let sum = try rows[0..<count].sum(0)
            regionSums[tower] = try regionSums[tower].map { try $0 + sum } ?? sum
        }
        regionCount += count
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

    /// Makes a vocabulary of the classes shown.
    /// - Parameters:
    ///   - words: A vocabulary of the detector's CLIP. Its rows say where words are; its background, templates and article
    ///     are taken over; classes of the same names give the words' part of a mix, their synonyms, split and ids.
    ///   - options: How rows are made.
    /// - Returns: The classes in the order in which they were shown first.
    /// - Throws: ``ConfigurationError``; `CLIPError` for another CLIP's words, without examples, for a class that has only
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
        let frames = try [own, texts].map(Frame.init)
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
                negativeWeight: shown.negativeWeight > 0 ? options.negativeWeight : 0)
            entries.append(entry)
            for tower in 0..<2 {
                let word = try place.map { try [own, texts][tower][$0] }
                rows[tower].append(try row(shown, tower, word, frames[tower], options))
            }
        }
        return try Vocabulary(
            classes: entries, templates: words.templates, article: words.article,
            embeddings: Tensor.stack(rows[1]), detectorEmbeddings: Tensor.stack(rows[0]),
            background: words.background, clip: words.clip)
    }

    /// Where words are.
    private struct Frame {
        /// The mean of the words' rows, [E].
        let mean: Tensor
        /// The mean length of a row minus it.
        let radius: Double

        init(_ rows: Tensor) throws {
            mean = try rows.mean(0)
            // A single word has no distance to its mean; words of CLIPs are about this far from theirs.
            let distance = try (rows - mean).square().sum(1).sqrt().mean(0).item()
            radius = rows.shape[0] > 1 && distance > 0 ? distance : 0.5
        }
    }

    /// The row of a class for a tower, [E].
    private func row(_ shown: Shown, _ tower: Int, _ word: Tensor?, _ frame: Frame, _ options: ExampleOptions)
        throws -> Tensor
    {
        // A detector that does not let CLIP look has no use for its rows: the detector's examples stand in.
        let tower = shown.positives[tower] == nil ? 0 : tower
        guard let sum = shown.positives[tower] else {
            throw CLIPError("examples", reason: "there is nothing to make a row of")
        }
        let regions = try regionSums[tower].map { try $0 / Double(max(regionCount, 1)) }
        var direction = try sum / shown.positiveWeight
        if let regions { direction = try direction - regions }
        if let negatives = shown.negatives[tower] {
            var other = try negatives / shown.negativeWeight
            if let regions { other = try other - regions }
            direction = try direction - other * options.negativeWeight
        }
        let example = try frame.mean + direction.normalized() * (frame.radius * options.strength)
        guard let word, options.mix > 0 else { return example }
        return try word * options.mix + example * (1 - options.mix)
    }
}
