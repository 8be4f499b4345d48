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
