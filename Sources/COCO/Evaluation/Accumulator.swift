import Support

/// Accumulates precision and recall of one class, range of areas and limit of detections, from outcomes by descending
/// score.
struct Accumulator {
    private let thresholdCount: Int
    private let recallThresholds: [Double]
    private let all: UInt16

    /// True positives so far, per threshold.
    private var trues: [Int]
    /// False positives so far, per threshold, beyond those that are false at all thresholds.
    private var falses: [Int]
    private var commonFalses = 0
    /// For each threshold, at every true positive: the number of true positives so far, the precision, and the score.
    private var points: [[(trues: Int, precision: Double, score: Double)]]
    private var firstScore: Double?

    init(_ options: EvaluationOptions) {
        thresholdCount = options.iouThresholds.count
        recallThresholds = options.recallThresholds
        all = UInt16(truncatingIfNeeded: (1 << thresholdCount) - 1)
        trues = Array(repeating: 0, count: thresholdCount)
        falses = trues
        points = Array(repeating: [], count: thresholdCount)
    }

    /// Starts a new list of detections.
    mutating func reset() {
        for index in 0..<thresholdCount {
            trues[index] = 0
            falses[index] = 0
            points[index].removeAll(keepingCapacity: true)
        }
        commonFalses = 0
        firstScore = nil
    }

    /// Adds the next detection.
    ///
    /// - Parameter weight: How often the detection counts, at least 1. A detection that counts twice raises recall in
    ///   one step instead of two; since precision only rises along true positives, the envelope is the same.
    @inline(__always)
    mutating func add(_ outcome: MatchTable.Outcome, score: Double, weight: Int = 1) {
        if firstScore == nil { firstScore = score }
        if outcome.isFalse == all {
            commonFalses += weight
            return
        }
        var bits = outcome.isFalse
        while bits != 0 {
            falses[bits.trailingZeroBitCount] += weight
            bits &= bits - 1
        }
        bits = outcome.isTrue
        while bits != 0 {
            let index = bits.trailingZeroBitCount
            trues[index] += weight
            // The tiny summand is the reference's (np.spacing(1)).
            let precision =
                Double(trues[index]) / (Double(falses[index] + commonFalses + trues[index]) + 0x1p-52)
            points[index].append((trues[index], precision, score))
            bits &= bits - 1
        }
    }

    /// The recall at a threshold.
    func recall(_ threshold: Int, objects: Int) -> Double { Double(trues[threshold]) / Double(objects) }

    /// Samples precision at the recall thresholds, as the maximum at that recall or above, with the score at which the
    /// recall is reached. Calls `body` with the index of each recall threshold that is reached.
    @inline(__always)
    mutating func sample(
        _ threshold: Int, objects: Int, _ body: (Int, _ precision: Double, _ score: Double) -> Void
    ) {
        let count = points[threshold].count
        if count > 1 {
            for index in (1..<count).reversed()
            where points[threshold][index].precision > points[threshold][index - 1].precision {
                points[threshold][index - 1].precision = points[threshold][index].precision
            }
        }
        var index = 0
        for (recallIndex, recall) in recallThresholds.enumerated() {
            // The first detection reaches recall 0, whether it is true or not.
            if recall <= 0 {
                if let firstScore {
                    body(recallIndex, points[threshold].first?.precision ?? 0, firstScore)
                }
                continue
            }
            while index < count, Double(points[threshold][index].trues) / Double(objects) < recall {
                index += 1
            }
            guard index < count else { return }
            body(recallIndex, points[threshold][index].precision, points[threshold][index].score)
        }
    }
}

/// The detections of every class by descending score with their outcomes, for one range of areas and the largest limit.
struct Ranking: Sendable {
    /// The detections of one class.
    struct Class: Sendable {
        /// The scores, descending.
        var scores: [Double] = []
        /// The ranks of the images.
        var images: [Int32] = []
        /// Their outcomes.
        var outcomes: [MatchTable.Outcome] = []
        /// The ranks of the images of the objects to find, one entry per object.
        var truthImages: [Int32] = []
    }

    var classes: [Class]
}

/// The detections of every class by descending score.
struct CategoryOrder: Sendable {
    /// Indices of the problem's rows, class by class, and the start of each class; one more than classes.
    private(set) var places: [Int32]
    private(set) var starts: [Int]

    init(_ problem: EvaluationProblem) throws {
        let count = problem.classCount
        var starts = [Int](repeating: 0, count: count + 1)
        for category in problem.detectionCategories { starts[Int(category) + 1] += 1 }
        for index in 0..<count { starts[index + 1] += starts[index] }
        var next = starts
        var entries = [(score: Double, place: Int32)](
            repeating: (0, 0), count: problem.detectionRows.count)
        for (place, category) in problem.detectionCategories.enumerated() {
            entries[next[Int(category)]] = (
                problem.detections.scores[Int(problem.detectionRows[place])], Int32(place)
            )
            next[Int(category)] += 1
        }
        let begins = starts
        try entries.withUnsafeMutableBufferPointer { buffer in
            guard let shared = buffer.baseAddress.map(Parallel.Shared.init) else { return }
            try Parallel.forEach(
                count: count, threads: Parallel.threadCount(problem.options.threadCount), grain: 1, state: {}
            ) { _, category in
                let range = begins[category]..<begins[category + 1]
                // Equal scores keep the order of the images, and within an image the order of the file.
                var own = UnsafeMutableBufferPointer(
                    start: shared.base + range.lowerBound, count: range.count)
                own.sort { a, b in
                    if a.score != b.score { return a.score > b.score }
                    return a.place < b.place
                }
            }
        }
        places = entries.map(\.place)
        self.starts = starts
    }
}
