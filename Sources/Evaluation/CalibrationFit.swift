import Analysis
import CLIP
import COCO
import FVLM

/// Fits calibrations to detections in annotated pictures, and measures what they bring on pictures that they have not seen.
public struct CalibrationFit: Sendable {
    /// How a calibration is fitted.
    public struct Options: Sendable, Hashable {
        /// The kind of maps.
        public var method = ScoreMap.Method.platt
        /// What thresholds are chosen for.
        public var criterion = ThresholdCriterion.fBeta(1)
        /// The IoU at which a detection found its object.
        public var iouThreshold = 0.5
        /// The number of objects from which a class gets a map of its own; nil: none does.
        public var classObjects: Int?
        /// The number of intervals of the calibration error.
        public var binCount = 10

        /// Creates the default options.
        public init() {}
    }

    /// What one group of classes reaches, on pictures that the fit has not seen.
    public struct Figures: Sendable, Hashable, Codable {
        /// `base`, `novel`, or `all`.
        public var group: String
        /// The number of detections.
        public var detections: Int
        /// The number of objects.
        public var objects: Int
        /// The calibration error D-ECE of the scores as they are.
        public var errorBefore: Double
        /// The same of mapped scores.
        public var errorAfter: Double
        /// F1 at the threshold that is best for all groups together, with the scores as they are.
        public var f1Before: Double
        /// F1 at the group's own threshold, with mapped scores.
        public var f1After: Double
    }

    /// The ground truth.
    public let truth: Dataset

    /// The detections, with a low threshold.
    public let detections: DetectionTable

    /// The groups of classes; one, `all`, if they are not told apart.
    public let splits: [CategorySplit]

    /// How it is fitted.
    public let options: Options

    private let categoryIDs: [Int64]
    private let imageIDs: [Int64]

    /// Prepares a fit.
    /// - Parameters:
    ///   - truth: The annotations.
    ///   - detections: What was found in the pictures.
    ///   - imageIDs: The pictures that were looked at.
    ///   - categoryIDs: The classes that were looked for.
    ///   - splits: The groups that get maps of their own, such as base and novel classes.
    ///   - options: How maps are fitted and thresholds chosen.
    public init(
        truth: Dataset, detections: DetectionTable, imageIDs: [Int64], categoryIDs: [Int64],
        splits: [CategorySplit], options: Options
    ) {
        self.truth = truth
        self.detections = detections
        self.imageIDs = imageIDs
        self.categoryIDs = categoryIDs
        self.splits =
            splits.isEmpty ? [CategorySplit(name: "all", categoryIDs: categoryIDs)] : splits
        self.options = options
    }

    private func assignment(_ detections: DetectionTable, images: [Int64]) throws -> Assignment {
        try Assignment(
            Overlaps(
                truth: truth, detections: detections, geometry: .box, categoryIDs: categoryIDs,
                imageIDs: images),
            iouThreshold: options.iouThreshold)
    }

    /// The maps and thresholds of all groups and, where wanted, of classes.
    /// - Throws: `COCOError`, also for a group without a detection.
    public func fitted() throws -> (
        groups: [String: ScoreCalibration.Group], classes: [String: ScoreCalibration.Group]
    ) {
        try fitted(assignment(detections, images: imageIDs))
    }

    private func fitted(_ assignment: Assignment) throws -> (
        groups: [String: ScoreCalibration.Group], classes: [String: ScoreCalibration.Group]
    ) {
        var groups: [String: ScoreCalibration.Group] = [:]
        for split in splits {
            let ids = Set(split.categoryIDs)
            groups[split.name] = try group(
                assignment.outcomes(ofCategories: ids), assignment.objectCount(ofCategories: ids), split.name)
        }
        var classes: [String: ScoreCalibration.Group] = [:]
        if let least = options.classObjects {
            for category in assignment.categories {
                let (outcomes, objects) = (
                    assignment.outcomes(ofCategories: [category.id]),
                    assignment.objectCount(ofCategories: [category.id])
                )
                guard objects >= least, !outcomes.isEmpty else { continue }
                classes[ClassNames.form(category.name)] = try group(outcomes, objects, category.name)
            }
        }
        return (groups, classes)
    }

    private func group(_ outcomes: [ScoreMap.Outcome], _ objects: Int, _ name: String) throws
        -> ScoreCalibration.Group
    {
        guard !outcomes.isEmpty else {
            throw EvaluationError("calibration", "nothing was detected of the classes of '\(name)'")
        }
        let map = try ScoreMap(options.method, fitting: outcomes)
        let best = options.criterion.best(
            of: outcomes.map { ScoreMap.Outcome(score: map($0.score), isRight: $0.isRight) },
            objectCount: objects)
        return ScoreCalibration.Group(
            map: map, threshold: best?.threshold, precision: best?.precision, recall: best?.recall,
            detections: outcomes.count, objects: objects)
    }

    /// Figures before and after: the pictures are parted in two, each half is measured with what was fitted to the other,
    /// and the halves' figures are averaged. With them the bins of both, for diagrams.
    /// - Throws: `COCOError`; ``EvaluationError`` for fewer than two pictures.
    public func crossed() throws -> (
        figures: [Figures], before: [String: [Calibration.Bin]], after: [String: [Calibration.Bin]]
    ) {
        guard imageIDs.count > 1 else {
            throw EvaluationError("calibration", "needs at least two pictures")
        }
        let halves = [0, 1].map { half in
            imageIDs.enumerated().filter { $0.offset % 2 == half }.map(\.element)
        }
        var sums: [String: Figures] = [:]
        var bins: [[String: [[Calibration.Bin]]]] = [[:], [:]]
        for half in 0..<2 {
            let known = try assignment(detections, images: halves[1 - half])
            let fit = try fitted(known)
            let common = ThresholdCriterion.fBeta(1).best(
                of: known.outcomes(), objectCount: known.objectCount())
            for split in splits {
                let ids = Set(split.categoryIDs)
                let own = rows(ofImages: Set(halves[half]), ids)
                let plain = try assignment(own, images: halves[half])
                let mapped = try assignment(calibrated(own, fit, split.name), images: halves[half])
                let (before, after) = (
                    try Calibration(plain, binCount: options.binCount),
                    try Calibration(mapped, binCount: options.binCount)
                )
                bins[0][split.name, default: []].append(before.bins)
                bins[1][split.name, default: []].append(after.bins)
                let objects = plain.objectCount(ofCategories: ids)
                var figures =
                    sums[split.name]
                    ?? Figures(
                        group: split.name, detections: 0, objects: 0, errorBefore: 0, errorAfter: 0,
                        f1Before: 0,
                        f1After: 0)
                figures.detections += before.detectionCount
                figures.objects += objects
                figures.errorBefore += before.expectedError / 2
                figures.errorAfter += after.expectedError / 2
                figures.f1Before += f1(plain.outcomes(ofCategories: ids), objects, common?.threshold ?? 2) / 2
                // Each detection by the threshold of its class, or of its group.
                let kept = kept(own, fit, split.name)
                figures.f1After +=
                    try f1(
                        assignment(kept, images: halves[half]).outcomes(ofCategories: ids), objects, -1) / 2
                sums[split.name] = figures
            }
        }
        func joined(_ bins: [String: [[Calibration.Bin]]]) -> [String: [Calibration.Bin]] {
            bins.mapValues { Self.added($0) }
        }
        return (splits.compactMap { sums[$0.name] }, joined(bins[0]), joined(bins[1]))
    }

    private func f1(_ outcomes: [ScoreMap.Outcome], _ objects: Int, _ threshold: Double) -> Double {
        let kept = outcomes.filter { $0.score >= threshold }
        let total = kept.count + objects
        return total == 0 ? 0 : 2 * Double(kept.count(where: \.isRight)) / Double(total)
    }

    private func rows(ofImages images: Set<Int64>, _ categories: Set<Int64>) -> DetectionTable {
        var result = DetectionTable()
        for row in 0..<detections.count
        where images.contains(detections.imageIDs[row]) && categories.contains(detections.categoryIDs[row]) {
            result.append(row: row, of: detections)
        }
        return result
    }

    private typealias Fit = (
        groups: [String: ScoreCalibration.Group], classes: [String: ScoreCalibration.Group]
    )

    private func groups(_ fit: Fit, _ name: String) -> [Int64: ScoreCalibration.Group] {
        Dictionary(
            truth.categories.compactMap { category in
                (fit.classes[ClassNames.form(category.name)] ?? fit.groups[name]).map { (category.id, $0) }
            }, uniquingKeysWith: { first, _ in first })
    }

    private func calibrated(_ table: DetectionTable, _ fit: Fit, _ name: String) -> DetectionTable {
        let groups = groups(fit, name)
        var result = DetectionTable()
        for row in 0..<table.count {
            var record = table[row]
            if let map = groups[record.categoryID]?.map { record.score = map(record.score) }
            result.append(record)
        }
        return result
    }

    private func kept(_ table: DetectionTable, _ fit: Fit, _ name: String) -> DetectionTable {
        let groups = groups(fit, name)
        let mapped = calibrated(table, fit, name)
        var result = DetectionTable()
        for row in 0..<mapped.count
        where mapped.scores[row] >= groups[mapped.categoryIDs[row]]?.threshold ?? -1 {
            result.append(row: row, of: mapped)
        }
        return result
    }

    /// Bins of several sets of detections as one.
    private static func added(_ sets: [[Calibration.Bin]]) -> [Calibration.Bin] {
        guard var result = sets.first else { return [] }
        for other in sets.dropFirst() {
            for place in result.indices {
                let (a, b) = (result[place], other[place])
                let count = Double(max(a.count + b.count, 1))
                result[place].meanScore =
                    (a.meanScore * Double(a.count) + b.meanScore * Double(b.count)) / count
                result[place].precision =
                    (a.precision * Double(a.count) + b.precision * Double(b.count)) / count
                result[place].count = a.count + b.count
            }
        }
        return result
    }
}
