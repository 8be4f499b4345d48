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
        let ranking = errors.ranking
        let objects = overlaps.objectCounts()
        var figures: [Repair: [Double?]] = [:]
        for repair in Repair.all {
            figures[repair] = errors.averagePrecisions(after: repair, ranking: ranking, objects: objects)
        }
        classFigures = figures
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

/// Matches detections and names their errors; see ``ErrorAnalysis``.
private struct ErrorFinder {
    let overlaps: Overlaps
    let thresholds: ErrorAnalysis.Thresholds
    let limit: Int

    var outcomes: [ErrorAnalysis.Outcome]
    var kinds: [ErrorAnalysis.Kind?]
    /// The annotation that was found, or that a classification or localization error points at; -1 for none.
    var targets: [Int32]
    /// Whether an error is the best one that points at an object which nothing found: repaired, it finds it.
    var isRepairable: [Bool]
    /// Whether an annotation was found.
    var isFound: [Bool]
    var missed: [Int] = []

    init(_ overlaps: Overlaps, _ thresholds: ErrorAnalysis.Thresholds, _ limit: Int) {
        self.overlaps = overlaps
        self.thresholds = thresholds
        self.limit = limit
        outcomes = Array(repeating: .dropped, count: overlaps.detectionCount)
        kinds = Array(repeating: nil, count: overlaps.detectionCount)
        targets = Array(repeating: -1, count: overlaps.detectionCount)
        isRepairable = Array(repeating: false, count: overlaps.detectionCount)
        isFound = Array(repeating: false, count: overlaps.problem.annotationRows.count)
    }

    var counts: [ErrorAnalysis.Kind: Int] {
        var counts = Dictionary(uniqueKeysWithValues: ErrorAnalysis.Kind.allCases.map { ($0, 0) })
        for kind in kinds { if let kind { counts[kind, default: 0] += 1 } }
        counts[.missed] = missed.count
        return counts
    }

    /// The places of the detections that take part, by falling score.
    var ranking: [Int] {
        outcomes.indices.filter { outcomes[$0] != .dropped }
            .sorted { a, b in
                let (x, y) = (overlaps.score(a), overlaps.score(b))
                return x != y ? x > y : a < b
            }
    }

    mutating func findAll() {
        // Indexed by place; reset image by image.
        var isTargeted = [Bool](repeating: false, count: isFound.count)
        for image in 0..<overlaps.imageCount {
            let ranked = overlaps.ranked(image: image).prefix(limit)
            let federation = overlaps.federation(image: image)
            for place in ranked { match(place) }
            for place in ranked where outcomes[place] != .truePositive {
                if federation?.isPartial(Int32(overlaps.category(ofDetection: place))) == true {
                    outcomes[place] = .ignored
                    continue
                }
                let (kind, target) = classify(place)
                kinds[place] = kind
                guard let target else { continue }
                targets[place] = target
                // Ranked by score, so the first that points at an object is the best.
                isRepairable[place] = !isFound[Int(target)] && !isTargeted[Int(target)]
                isTargeted[Int(target)] = true
            }
            for truth in overlaps.truths(image: image)
            where !isFound[truth] && !isTargeted[truth] && !overlaps.isCrowd(truth) { missed.append(truth) }
        }
    }

    /// The free object of the same class with the greatest overlap, if that is enough.
    private mutating func match(_ place: Int) {
        let category = overlaps.category(ofDetection: place)
        var best: Overlaps.Pair?
        var isInCrowd = false
        for pair in overlaps.pairs(place) where overlaps.category(ofTruth: Int(pair.truth)) == category {
            if pair.isCrowd {
                isInCrowd = isInCrowd || pair.overlap > thresholds.foreground
            } else if pair.overlap >= thresholds.foreground, !isFound[Int(pair.truth)],
                pair.overlap > best?.overlap ?? 0
            {
                best = pair
            }
        }
        if let best {
            outcomes[place] = .truePositive
            isFound[Int(best.truth)] = true
            targets[place] = best.truth
        } else {
            outcomes[place] = isInCrowd ? .ignored : .falsePositive
        }
    }

    /// The first kind that applies, and the object that the detection was meant for.
    private func classify(_ place: Int) -> (ErrorAnalysis.Kind, target: Int32?) {
        let category = overlaps.category(ofDetection: place)
        var same: Overlaps.Pair?
        var other: Overlaps.Pair?
        let rows = overlaps.problem.annotationRows
        for pair in overlaps.pairs(place) where !pair.isCrowd {
            func isBetter(than best: Overlaps.Pair?) -> Bool {
                guard let best else { return true }
                return pair.overlap > best.overlap
                    || pair.overlap == best.overlap && rows[Int(pair.truth)] < rows[Int(best.truth)]
            }
            if overlaps.category(ofTruth: Int(pair.truth)) == category {
                if isBetter(than: same) { same = pair }
            } else if isBetter(than: other) {
                other = pair
            }
        }
        if let same, same.overlap >= thresholds.background, same.overlap <= thresholds.foreground {
            return (.localization, same.truth)
        }
        if let other, other.overlap >= thresholds.foreground { return (.classification, other.truth) }
        // Free objects of the class above the threshold would have been found: this one is taken.
        if let same, same.overlap >= thresholds.foreground { return (.duplicate, nil) }
        let greatest = max(same?.overlap ?? 0, other?.overlap ?? 0)
        return (greatest <= thresholds.background ? .background : .both, nil)
    }

    /// AP of every class once a kind of error is repaired; nil for classes without objects and detections.
    func averagePrecisions(after repair: Repair, ranking: [Int], objects: [Int]) -> [Double?] {
        var decisions = [[Bool]](repeating: [], count: objects.count)
        for place in ranking {
            let category = overlaps.category(ofDetection: place)
            if outcomes[place] == .truePositive {
                decisions[category].append(true)
            } else if let kind = kinds[place], repair == .kind(kind) {
                guard isRepairable[place] else { continue }
                let target =
                    kind == .classification ? overlaps.category(ofTruth: Int(targets[place])) : category
                decisions[target].append(true)
            } else if outcomes[place] == .falsePositive {
                decisions[category].append(false)
            }
        }
        var remaining = objects
        switch repair {
        case .falsePositives:
            for category in decisions.indices {
                let found = decisions[category].count(where: { $0 })
                decisions[category] =
                    Array(repeating: true, count: found)
                    + Array(repeating: false, count: decisions[category].count - found)
            }
        case .falseNegatives:
            for truth in isFound.indices where !isFound[truth] && !overlaps.isCrowd(truth) {
                remaining[overlaps.category(ofTruth: truth)] -= 1
            }
        case .kind(.missed): for truth in missed { remaining[overlaps.category(ofTruth: truth)] -= 1 }
        case .none, .kind: break
        }
        return objects.indices.map { category in
            decisions[category].isEmpty && remaining[category] == 0
                ? nil : Self.averagePrecision(decisions[category], objects: remaining[category])
        }
    }

    /// The 101-point AP in percent of decisions by falling score.
    private static func averagePrecision(_ decisions: [Bool], objects: Int) -> Double {
        guard objects > 0 else { return 0 }
        var precisions: [Double] = []
        var recalls: [Double] = []
        precisions.reserveCapacity(decisions.count)
        recalls.reserveCapacity(decisions.count)
        var found = 0
        for (index, isTrue) in decisions.enumerated() {
            if isTrue { found += 1 }
            precisions.append(Double(found) / Double(index + 1))
            recalls.append(Double(found) / Double(objects))
        }
        for index in precisions.indices.dropFirst().reversed() {
            precisions[index - 1] = max(precisions[index - 1], precisions[index])
        }
        var (sum, index) = (0.0, 0)
        for step in 0...100 {
            // The recall points are k / 100, correctly rounded; numpy's linspace differs in the last bit of some.
            while index < recalls.count, recalls[index] < Double(step) / 100 { index += 1 }
            guard index < recalls.count else { break }
            sum += precisions[index]
        }
        return sum / 101 * 100
    }
}
