import COCO
import Support

/// All analyses of detections on annotated images: what is wrong with a detector, and with its data.
///
/// ```swift
/// let detections = try DetectionTable(contentsOf: "detections.json")
/// let report = try AnalysisReport(truth: truth, detections: detections)
/// print(report.text())
/// ```
public struct AnalysisReport: Sendable {
    /// What is analyzed, and by which rules.
    public struct Options: Sendable {
        /// Whether boxes or masks are compared.
        public var geometry = EvaluationOptions.Geometry.box

        /// The overlaps that separate the kinds of errors. The foreground one is also the IoU of all other figures at one IoU.
        public var thresholds = ErrorAnalysis.Thresholds()

        /// The number of detections of an image, all classes together, that errors and confusions are found among.
        public var maximumDetections = 100

        /// The number of bins of scores in the reliability diagram.
        public var binCount = 10

        /// The score from which a detection is shown, counted in pictures and paired in the confusion matrix; nil for the
        /// threshold with the best F1.
        public var scoreThreshold: Double?

        /// The classes that take part; nil for all.
        public var categoryIDs: [Int64]?

        /// The images that take part; nil for all.
        public var imageIDs: [Int64]?

        /// Parts of the classes that are reported apart, such as base and novel.
        public var splits: [CategorySplit] = []

        /// Parts of the images that are reported apart.
        public var slices: [ImageSlice] = []

        /// The tags of images by id, for slices.
        public var tags: [Int64: Set<String>] = [:]

        /// The number of draws of the images for confidence intervals; 0 for none.
        public var resamples = 0

        /// The seed of the draws.
        public var seed: UInt64 = 0

        /// How the detections were made, for the reader: `split-novel`, `zero-shot`, `closed`; nil when it is not known.
        public var protocolName: String?

        /// The number of threads, 0 for one per processor. Results do not depend on it.
        public var threadCount = 0

        /// Creates the default options.
        public init() {}

        /// A comparison needs draws where intervals of one detector alone are not asked for.
        fileprivate var comparisonDraws: Int { max(resamples, 1000) }
    }

    /// The figures of a part of the images.
    public struct SliceFigures: Sendable {
        /// The rule of the slice.
        public var name: String

        /// The number of images.
        public var imageCount: Int

        /// COCO's AP over IoU 0.5 to 0.95, of 1; nil without objects.
        public var averagePrecision: Double?

        /// AP at IoU 0.5.
        public var at50: Double?

        /// The number of objects.
        public var objectCount: Int
    }

    /// What was analyzed.
    public let options: Options

    /// COCO's figures, or LVIS's for a federated data set.
    public let evaluation: Evaluation

    /// The classes that figures are reported of: all, then ``Options/splits``.
    public let parts: [Evaluation.Part]

    /// The kinds of errors.
    public let errors: ErrorAnalysis

    /// Which classes are taken for which, among detections from ``scoreThreshold``.
    public let confusion: ConfusionMatrix

    /// How honest scores are.
    public let calibration: Calibration?

    /// Why ``calibration`` is nil.
    public let calibrationFailure: String?

    /// Precision, recall and F1 at every score threshold.
    public let operatingPoints: OperatingPoints

    /// The LRP error.
    public let localizationRecallPrecision: LocalizationRecallPrecision

    /// Recall by size, shape and crowding.
    public let recall: RecallBreakdown

    /// The figures of ``Options/slices``.
    public let slices: [SliceFigures]

    /// Confidence intervals of the AP figures; empty without draws.
    public let intervals: [Evaluation.Interval]

    /// The differences to other detections, by part and by class, with a paired test; empty without them. Parts of one
    /// class bear the class's name.
    public let differences: [Evaluation.Difference]

    /// Annotations to look at, most suspicious first.
    public let suspects: [LabelSuspect]

    /// The images, worst first: most false positives and missed objects at ``scoreThreshold``.
    public let pictures: [PictureSummary]

    /// The score from which detections count as shown.
    public let scoreThreshold: Double

    /// The files.
    let overlaps: Overlaps

    /// Analyzes detections.
    ///
    /// - Parameters:
    ///   - truth: The annotated objects.
    ///   - detections: The detections.
    ///   - other: Another detector's detections on the same images, to compare with.
    ///   - options: What is analyzed.
    /// - Throws: `COCOError` when the files do not belong together or lack what the options need.
    public init(
        truth: Dataset, detections: DetectionTable, comparedWith other: DetectionTable? = nil,
        options: Options = Options()
    ) throws {
        self.options = options
        var rules: EvaluationOptions = truth.isFederated ? .lvis(options.geometry) : .coco(options.geometry)
        rules.threadCount = options.threadCount
        rules.categoryIDs = options.categoryIDs
        rules.imageIDs = options.imageIDs
        let evaluation = try Evaluation(truth: truth, detections: detections, options: rules)
        self.evaluation = evaluation
        let parts = evaluation.parts(options.splits)
        self.parts = parts
        let overlaps = try Overlaps(
            truth: truth, detections: detections, geometry: options.geometry,
            categoryIDs: options.categoryIDs,
            imageIDs: options.imageIDs, threadCount: options.threadCount)
        self.overlaps = overlaps
        errors = try ErrorAnalysis(
            overlaps, thresholds: options.thresholds, maximumDetections: options.maximumDetections)
        let assignment = try Assignment(overlaps, iouThreshold: options.thresholds.foreground)
        operatingPoints = OperatingPoints(assignment)
        scoreThreshold = options.scoreThreshold ?? operatingPoints.best?.threshold ?? 0
        var pairing = ConfusionMatrix.Options()
        pairing.iouThreshold = options.thresholds.foreground
        pairing.scoreThreshold = scoreThreshold
        pairing.maximumDetections = options.maximumDetections
        confusion = try ConfusionMatrix(overlaps, options: pairing)
        do {
            calibration = try Calibration(assignment, binCount: options.binCount)
            calibrationFailure = nil
        } catch let error as COCOError {
            calibration = nil
            calibrationFailure = error.reason
        }
        localizationRecallPrecision = LocalizationRecallPrecision(assignment)
        recall = RecallBreakdown(overlaps, assignment)
        slices = try options.slices.map { slice in
            var rules = rules
            let included = options.imageIDs.map(Set.init)
            let ids = try slice.imageIDs(in: truth, tags: options.tags)
                .filter { included?.contains($0) ?? true }
            rules.imageIDs = ids
            // Detections of other images are no fault here.
            let part = try Evaluation(truth: truth, detections: detections, options: rules)
            return SliceFigures(
                name: slice.rule, imageCount: ids.count, averagePrecision: part.averagePrecision(),
                at50: part.averagePrecision(iouThreshold: 0.5),
                objectCount: part.categories.indices.reduce(0) {
                    $0 + part.objectCounts[$1 * rules.areaRanges.count]
                })
        }
        intervals =
            options.resamples > 0
            ? try evaluation.intervals(parts: parts, resamples: options.resamples, seed: options.seed) : []
        differences =
            try other.map { other in
                let single = evaluation.parts(
                    evaluation.categories.map { CategorySplit(name: $0.name, categoryIDs: [$0.id]) }
                ).dropFirst()
                return try Evaluation.compare(
                    evaluation, Evaluation(truth: truth, detections: other, options: rules),
                    parts: parts + single, resamples: options.comparisonDraws, seed: options.seed)
            } ?? []
        suspects = LabelSuspect.all(in: errors, overlaps, scoreThreshold: scoreThreshold)
        pictures = PictureSummary.all(overlaps, errors, scoreThreshold: scoreThreshold)
    }

    /// The number of draws of the images of ``differences``.
    var comparisonDraws: Int { options.comparisonDraws }

    /// What readers should know beside the figures.
    public var notices: [String] { evaluation.omissions.notices }

    /// The name of a class.
    func name(ofCategory id: Int64) -> String { evaluation.categories.first { $0.id == id }?.name ?? "\(id)" }
}

/// How detections fared on one image.
public struct PictureSummary: Sendable, Hashable {
    /// The id of the image.
    public var imageID: Int64

    /// Shown detections that found an object.
    public var truePositives: Int

    /// Shown detections that did not; those in crowds are not counted.
    public var falsePositives: Int

    /// Objects that no shown detection found.
    public var falseNegatives: Int

    /// The index of the image among those that took part.
    var index: Int

    /// All images, most errors first; equal ones with fewer right detections first, then by id.
    static func all(_ overlaps: Overlaps, _ errors: ErrorAnalysis, scoreThreshold: Double) -> [PictureSummary]
    {
        let problem = overlaps.problem
        var summaries: [PictureSummary] = []
        summaries.reserveCapacity(overlaps.imageCount)
        for image in 0..<overlaps.imageCount {
            var summary = PictureSummary(
                imageID: problem.truth.images.ids[problem.imageRows[image]], truePositives: 0,
                falsePositives: 0,
                falseNegatives: overlaps.truths(image: image).count { !overlaps.isCrowd($0) },
                index: image)
            for place in problem.detectionStarts[image]..<problem.detectionStarts[image + 1]
            where overlaps.score(place) >= scoreThreshold {
                switch errors.outcomes[Int(problem.detectionRows[place])] {
                case .truePositive:
                    summary.truePositives += 1
                    summary.falseNegatives -= 1
                case .falsePositive: summary.falsePositives += 1
                case .ignored, .dropped: break
                }
            }
            summaries.append(summary)
        }
        return summaries.sorted { a, b in
            let (x, y) = (a.falsePositives + a.falseNegatives, b.falsePositives + b.falseNegatives)
            if x != y { return x > y }
            return a.truePositives != b.truePositives
                ? a.truePositives < b.truePositives : a.imageID < b.imageID
        }
    }
}
