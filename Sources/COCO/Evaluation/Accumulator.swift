/// Precision and recall of one class, range of areas and limit of detections, from outcomes by descending score.
struct Accumulator {
    private let thresholdCount: Int
    private let recallThresholds: [Double]
    private let all: UInt16

    /// Of every threshold: true ones so far.
    private var trues: [Int]
    /// False ones beyond those that are false at all thresholds.
    private var falses: [Int]
    private var commonFalses = 0
    /// At every threshold's true detections: how many there are up to it, the precision there, and the score.
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

    /// Begins a new list of detections.
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
    /// - Parameter weight: how often it counts, at least 1. A detection that counts twice raises recall in one step
    ///   instead of two; since precision only rises along true detections, the envelope is the same.
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
            // The summand next to nothing is the reference's (np.spacing(1)).
            let precision =
                Double(trues[index]) / (Double(falses[index] + commonFalses + trues[index]) + 0x1p-52)
            points[index].append((trues[index], precision, score))
            bits &= bits - 1
        }
    }

    /// The recall at a threshold.
    func recall(_ threshold: Int, objects: Int) -> Double { Double(trues[threshold]) / Double(objects) }

    /// Precision at the recall thresholds, the greatest to be had at that recall or above, and the score where the
    /// recall is reached. Calls `body` with the index of the recall threshold; not for those that are not reached.
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
            // The first detection reaches recall 0, true or not.
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
