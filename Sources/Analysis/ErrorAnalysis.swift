import COCO
import Support

/// Which kinds of errors cost how much average precision (Bolya et al., "TIDE: A General Toolbox for Identifying Object
/// Detection Errors", ECCV 2020).
///
/// Every error kind is repaired by itself, as an oracle would, and AP is computed again; the difference is what the kind
/// costs. AP here is the 101-point AP at one IoU threshold, in percent, over the best ``maximumDetections`` detections of an
/// image of all classes together. Rules are those of tidecv 1.0.1.
public struct ErrorAnalysis: Sendable {
    /// A kind of error.
    public enum Kind: String, Sendable, CaseIterable {
        /// A detection lies on an object of another class.
        case classification = "Cls"
        /// A detection of the right class overlaps its object too little.
        case localization = "Loc"
        /// A detection of another class overlaps an object too little.
        case both = "Both"
        /// A detection lies on an object that a better one has found.
        case duplicate = "Dupe"
        /// A detection lies on no object.
        case background = "Bkg"
        /// An object that no detection found, and that no classification or localization error explains.
        case missed = "Miss"
    }

    /// What became of a detection.
    public enum Outcome: String, Sendable {
        /// It found an object.
        case truePositive = "TP"
        /// It is an error.
        case falsePositive = "FP"
        /// It does not count: it lies in a crowd, or it found nothing and its image is not annotated completely with its
        /// class (LVIS).
        case ignored
        /// It is not among the best detections of its image, or its class is not known.
        case dropped
    }

    /// The overlaps that separate the kinds of errors.
    public struct Thresholds: Sendable, Hashable {
        /// The IoU from which a detection finds an object, above 0.
        public var foreground: Double

        /// The IoU up to which a detection lies on the background, between 0 and ``foreground``.
        public var background: Double

        /// Creates thresholds, by default those of the paper.
        public init(foreground: Double = 0.5, background: Double = 0.1) {
            self.foreground = foreground
            self.background = background
        }
    }

    /// The figures of a group of classes, in percent of AP.
    public struct Figures: Sendable, Hashable {
        /// The AP as it is.
        public var averagePrecision: Double

        /// The AP that each kind of error costs, at least 0.
        public var costs: [Kind: Double]

        /// The AP that all false positives cost together.
        public var falsePositives: Double

        /// The AP that all missed objects cost together.
        public var falseNegatives: Double
    }

    /// Which classes a mean AP runs over.
    public enum Averaging: String, Sendable, CaseIterable {
        /// Classes that have objects, as in COCO's evaluation.
        case annotatedClasses
        /// Classes that have objects or counted detections, as in tidecv: a class with false positives alone has AP 0, and a
        /// repair that removes its last detection removes the class. With many names and few objects this hides all else.
        case detectedClasses
    }

    /// The overlaps that separate the kinds of errors.
    public let thresholds: Thresholds

    /// The number of detections of an image that take part.
    public let maximumDetections: Int

    /// The classes in order of id.
    public let categories: [Category]

    /// How often each kind occurs.
    public let counts: [Kind: Int]

    /// What became of each detection, in the file's order.
    public let outcomes: [Outcome]

    /// The kind of error of each detection, in the file's order; nil for those that found an object, and of classes that
    /// the image is not annotated completely with (LVIS). Detections in crowds are classified as well.
    public let kinds: [Kind?]

    /// The row of the annotation that each detection found, or that a classification or localization error points at; nil
    /// for the others. In the file's order of detections.
    let annotationRows: [Int?]

    /// The ids of the annotations that count as missed, in rising order.
    public let missed: [Int64]

    /// AP of every class as it is and after each repair; nil where a class then has neither objects nor detections.
    private let classFigures: [Repair: [Double?]]

    /// The number of objects of every class.
    private let objectCounts: [Int]

    /// Classifies the errors of pairs.
    ///
    /// - Parameters:
    ///   - overlaps: The overlaps.
    ///   - thresholds: The overlaps that separate the kinds of errors.
    ///   - maximumDetections: The number of detections of an image, all classes together, that take part.
    /// - Throws: `COCOError` for thresholds out of order.
    public init(
        _ overlaps: Overlaps, thresholds: Thresholds = Thresholds(), maximumDetections: Int = 100
    ) throws {
        guard thresholds.foreground > 0, thresholds.foreground <= 1, thresholds.background >= 0,
            thresholds.background <= thresholds.foreground, maximumDetections > 0
        else {
            throw COCOError(
                "0 <= background <= foreground <= 1 and a foreground above 0 are needed, not "
                    + "\(thresholds.background) and \(thresholds.foreground), and at least one detection an image"
            )
        }
        self.thresholds = thresholds
        self.maximumDetections = maximumDetections
        categories = overlaps.categories
        var errors = ErrorFinder(overlaps, thresholds, maximumDetections)
        errors.findAll()
        counts = errors.counts
        let problem = overlaps.problem
        var outcomes = [Outcome](repeating: .dropped, count: problem.detections.count)
        var kinds = [Kind?](repeating: nil, count: problem.detections.count)
        var annotationRows = [Int?](repeating: nil, count: problem.detections.count)
        for (place, row) in problem.detectionRows.enumerated() {
            outcomes[Int(row)] = errors.outcomes[place]
            kinds[Int(row)] = errors.kinds[place]
            let target = errors.targets[place]
            if target >= 0 { annotationRows[Int(row)] = Int(problem.annotationRows[Int(target)]) }
        }
        self.outcomes = outcomes
        self.kinds = kinds
        self.annotationRows = annotationRows
        missed = errors.missed.map { problem.truth.annotations.ids[Int(problem.annotationRows[$0])] }.sorted()
        let objects = overlaps.objectCounts()
        classFigures = try RankedErrors(errors).averagePrecisions(objects: objects)
        objectCounts = objects
    }

    /// The figures of a group of classes, such as the novel ones of a split.
    ///
    /// - Parameters:
    ///   - categoryIDs: The ids of the group; nil for all.
    ///   - averaging: Which of these classes the mean runs over.
    public func figures(of categoryIDs: Set<Int64>? = nil, averaging: Averaging = .annotatedClasses)
        -> Figures
    {
        let chosen = categories.indices.filter { index in
            (categoryIDs?.contains(categories[index].id) ?? true)
                && (averaging == .detectedClasses || objectCounts[index] > 0)
        }
        func mean(_ repair: Repair) -> Double {
            let values = chosen.compactMap { classFigures[repair]?[$0] }
            return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        }
        let plain = mean(.none)
        func cost(_ repair: Repair) -> Double { max(0, mean(repair) - plain) }
        return Figures(
            averagePrecision: plain,
            costs: Dictionary(uniqueKeysWithValues: Kind.allCases.map { ($0, cost(.kind($0))) }),
            falsePositives: cost(.falsePositives), falseNegatives: cost(.falseNegatives))
    }
}

/// What an oracle repairs.
enum Repair: Hashable {
    case none
    case kind(ErrorAnalysis.Kind)
    case falsePositives
    case falseNegatives

    static let all: [Repair] =
        [.none, .falsePositives, .falseNegatives] + ErrorAnalysis.Kind.allCases.map { .kind($0) }
}
