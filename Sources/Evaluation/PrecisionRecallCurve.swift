/// Precision against recall, as counts at decreasing score thresholds.
public struct PrecisionRecallCurve: Sendable, Hashable {
    /// The quantity that the curve describes, for example `bbox AP50`.
    public var name: String

    /// Score thresholds, rising from 0 to 1 in equal steps.
    public var thresholds: [Double]

    /// The number of detections at or above each threshold that match an object.
    public var truePositives: [Double]

    /// The number of detections at or above each threshold that match none.
    public var falsePositives: [Double]

    /// The number of objects.
    public var objectCount: Int

    /// Creates a curve from detections.
    /// - Parameters:
    ///   - scores: The detections' scores, from 0 to 1.
    ///   - areCorrect: Whether each detection matches an object that no better detection has matched.
    ///   - objectCount: The number of objects to find.
    ///   - thresholdCount: The number of thresholds, at least 2.
    public init(
        name: String, scores: [Double], areCorrect: [Bool], objectCount: Int, thresholdCount: Int = 101
    ) {
        let count = max(thresholdCount, 2)
        var (hits, misses) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        for (score, isCorrect) in zip(scores, areCorrect) where score.isFinite {
            // The highest threshold that the score reaches.
            let place = Int((min(max(score, 0), 1) * Double(count - 1)).rounded(.down))
            if isCorrect { hits[place] += 1 } else { misses[place] += 1 }
        }
        for place in (0..<count - 1).reversed() {
            hits[place] += hits[place + 1]
            misses[place] += misses[place + 1]
        }
        self.name = name
        thresholds = (0..<count).map { Double($0) / Double(count - 1) }
        truePositives = hits
        falsePositives = misses
        self.objectCount = objectCount
    }

    /// The share of detections that match an object, at each threshold; 1 where there are no detections.
    public var precision: [Double] {
        zip(truePositives, falsePositives).map { $0 + $1 > 0 ? $0 / ($0 + $1) : 1 }
    }

    /// The share of objects that are matched, at each threshold; 0 if there are no objects.
    public var recall: [Double] {
        truePositives.map { objectCount > 0 ? $0 / Double(objectCount) : 0 }
    }
}
