import Support

/// The result of scoring detections against ground truth with the COCO or LVIS protocol.
///
/// ```swift
/// let detections = try DetectionTable(contentsOf: "detections.json")
/// let evaluation = try Evaluation(truth: truth, detections: detections, options: .coco(.box))
/// for figure in evaluation.figures() { print(figure) }
/// ```
///
/// Precision follows the published protocol: at every recall, the highest precision at that recall or above, sampled at
/// the recall thresholds; -1 if there are no objects to find.
public struct Evaluation: Sendable {
    /// The options used for scoring.
    public let options: EvaluationOptions

    /// The classes in order of id. Scores of proposals ignore classes.
    public let categories: [Category]

    /// The number of images scored.
    public let imageCount: Int

    /// The number of classes scored separately: 1 for proposals.
    public let classCount: Int

    /// What was omitted or filled in.
    public let omissions: Omissions

    /// Precision: class, range of areas, limit of detections, IoU threshold, recall threshold; row-major.
    public let precisions: [Double]

    /// The lowest score that reaches each recall, laid out like ``precisions``.
    public let scores: [Double]

    /// The highest recall: class, range of areas, limit of detections, IoU threshold; row-major.
    public let recalls: [Double]

    /// The number of objects to find: class, range of areas; row-major.
    public let objectCounts: [Int]

    /// The number of scored detections of every class.
    public let detectionCounts: [Int]

    /// The detections by descending score, for intervals and comparisons.
    let ranking: Ranking

    /// Scores detections.
    ///
    /// - Throws: ``COCOError`` if the files do not belong together or lack what the options need.
    public init(truth: Dataset, detections: DetectionTable, options: EvaluationOptions) throws {
        let problem = try EvaluationProblem(truth, detections, options)
        let matches = try MatchTable(problem)
        let order = try CategoryOrder(problem)
        self.options = options
        categories = problem.categories
        imageCount = problem.imageRows.count
        classCount = problem.classCount
        omissions = problem.omissions
        let objects = Self.countObjects(problem)
        objectCounts = objects
        detectionCounts = (0..<problem.classCount).map { category in
            order.places[order.starts[category]..<order.starts[category + 1]]
                .count { matches.ranks[Int($0)] != MatchTable.leftOut }
        }

        let (areas, limits) = (options.areaRanges.count, options.detectionLimits.count)
        let (thresholds, recalls) = (options.iouThresholds.count, options.recallThresholds.count)
        let cells = problem.classCount * areas * limits * thresholds
        var precisions = [Double](repeating: -1, count: cells * recalls)
        var scores = precisions
        var greatest = [Double](repeating: -1, count: cells)
        try precisions.withUnsafeMutableBufferPointer { precisions in
            try scores.withUnsafeMutableBufferPointer { scores in
                try greatest.withUnsafeMutableBufferPointer { greatest in
                    guard let precisions = precisions.baseAddress.map(Parallel.Shared.init),
                        let scores = scores.baseAddress.map(Parallel.Shared.init),
                        let greatest = greatest.baseAddress.map(Parallel.Shared.init)
                    else { return }
                    try Parallel.forEach(
                        count: problem.classCount * areas, threads: Parallel.threadCount(options.threadCount),
                        grain: 1, state: { Accumulator(options) }
                    ) { accumulator, unit in
                        let (precisions, scores, greatest) = (precisions.base, scores.base, greatest.base)
                        let (category, area) = unit.quotientAndRemainder(dividingBy: areas)
                        guard objects[unit] > 0 else { return }
                        for (limitIndex, limit) in options.detectionLimits.enumerated() {
                            accumulator.reset()
                            for place in order.places[order.starts[category]..<order.starts[category + 1]] {
                                let place = Int(place)
                                guard matches.takesPart(place, limit) else { continue }
                                accumulator.add(
                                    matches.outcomes[place * areas + area],
                                    score: problem.detections.scores[Int(problem.detectionRows[place])])
                            }
                            for threshold in 0..<thresholds {
                                let cell = (unit * limits + limitIndex) * thresholds + threshold
                                greatest[cell] = accumulator.recall(threshold, objects: objects[unit])
                                let start = cell * recalls
                                for index in start..<start + recalls {
                                    precisions[index] = 0
                                    scores[index] = 0
                                }
                                accumulator.sample(threshold, objects: objects[unit]) {
                                    index, precision, score in
                                    precisions[start + index] = precision
                                    scores[start + index] = score
                                }
                            }
                        }
                    }
                }
            }
        }
        self.precisions = precisions
        self.scores = scores
        self.recalls = greatest
        ranking = Ranking(problem, matches, order)
    }

    /// The number of objects to find, by class and range of areas.
    private static func countObjects(_ problem: EvaluationProblem) -> [Int] {
        let areas = problem.options.areaRanges
        let table = problem.truth.annotations
        let ignoring: AnnotationTable.Flags = problem.options.rules == .lvis ? .isIgnored : .isCrowd
        var counts = [Int](repeating: 0, count: problem.classCount * areas.count)
        for (row, category) in zip(problem.annotationRows, problem.annotationCategories)
        where !table.flags[Int(row)].contains(ignoring) {
            for (index, range) in areas.enumerated() where range.contains(problem.truthAreas[Int(row)]) {
                counts[Int(category) * areas.count + index] += 1
            }
        }
        return counts
    }
}

extension Ranking {
    /// The detections within the largest limit, and the objects of the first range of areas.
    fileprivate init(_ problem: EvaluationProblem, _ matches: MatchTable, _ order: CategoryOrder) {
        let options = problem.options
        let limit = options.detectionLimits.last ?? .max
        var images = [Int32](repeating: 0, count: problem.detectionRows.count)
        for image in 0..<problem.imageRows.count {
            for place in problem.detectionStarts[image]..<problem.detectionStarts[image + 1] {
                images[place] = Int32(image)
            }
        }
        classes = (0..<problem.classCount).map { category in
            var result = Class()
            let places = order.places[order.starts[category]..<order.starts[category + 1]]
            result.scores.reserveCapacity(places.count)
            result.images.reserveCapacity(places.count)
            result.outcomes.reserveCapacity(places.count)
            for place in places where matches.takesPart(Int(place), limit) {
                result.scores.append(problem.detections.scores[Int(problem.detectionRows[Int(place)])])
                result.images.append(images[Int(place)])
                result.outcomes.append(matches.outcomes[Int(place) * options.areaRanges.count])
            }
            return result
        }
        let table = problem.truth.annotations
        let ignoring: AnnotationTable.Flags = options.rules == .lvis ? .isIgnored : .isCrowd
        for image in 0..<problem.imageRows.count {
            for place in problem.annotationStarts[image]..<problem.annotationStarts[image + 1] {
                let row = Int(problem.annotationRows[place])
                guard !table.flags[row].contains(ignoring),
                    options.areaRanges[0].contains(problem.truthAreas[row])
                else { continue }
                classes[Int(problem.annotationCategories[place])].truthImages.append(Int32(image))
            }
        }
    }
}

extension Evaluation {
    /// Detections of several classes, each true or false at one IoU threshold.
    public struct Decisions: Sendable, Hashable {
        /// The scores, class by class.
        public var scores: [Double] = []

        /// Whether each detection matches an object that no better detection has matched.
        public var areCorrect: [Bool] = []

        /// The number of objects to find.
        public var objectCount = 0
    }

    /// The outcome of each detection within the largest limit, over all areas. Detections that count neither way, such
    /// as those on crowds, are omitted.
    ///
    /// - Parameters:
    ///   - iouThreshold: The index of the IoU threshold.
    ///   - classes: The indices of the classes; nil uses all.
    public func decisions(iouThreshold: Int, classes: [Int]? = nil) -> Decisions {
        var result = Decisions()
        for index in classes ?? Array(0..<classCount) {
            let ranked = ranking.classes[index]
            result.objectCount += ranked.truthImages.count
            for (score, outcome) in zip(ranked.scores, ranked.outcomes) {
                let isCorrect = outcome.isTrue >> iouThreshold & 1 == 1
                guard isCorrect || outcome.isFalse >> iouThreshold & 1 == 1 else { continue }
                result.scores.append(score)
                result.areCorrect.append(isCorrect)
            }
        }
        return result
    }
}
