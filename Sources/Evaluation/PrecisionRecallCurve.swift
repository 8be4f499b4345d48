/// How precision falls while more detections are taken: counts at falling thresholds of the score.
public struct PrecisionRecallCurve: Sendable, Hashable {
    /// What the curve is of, for example `bbox AP50`.
    public var name: String

    /// Thresholds of the score, rising from 0 to 1 in equal steps.
    public var thresholds: [Double]

    /// Detections at least as high as each threshold that meet an object.
    public var truePositives: [Double]

    /// Detections at least as high as each threshold that meet none.
    public var falsePositives: [Double]

    /// The objects.
    public var objectCount: Int

    /// A curve from detections.
    /// - Parameters:
    ///   - scores: The detections' scores, from 0 to 1.
    ///   - areCorrect: Whether each meets an object that no better one has met.
    ///   - objectCount: The objects that were to be found.
    ///   - thresholdCount: The number of thresholds, at least 2.
    public init(
        name: String, scores: [Double], areCorrect: [Bool], objectCount: Int, thresholdCount: Int = 101
    ) {
        let count = max(thresholdCount, 2)
        var (hits, misses) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        for (score, isCorrect) in zip(scores, areCorrect) where score.isFinite {
            // The last threshold that the score reaches.
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

    /// The share of detections that meet an object, at each threshold; 1 where there are no detections.
    public var precision: [Double] {
        zip(truePositives, falsePositives).map { $0 + $1 > 0 ? $0 / ($0 + $1) : 1 }
    }

    /// The share of objects that are met, at each threshold; 0 when there are no objects.
    public var recall: [Double] {
        truePositives.map { objectCount > 0 ? $0 / Double(objectCount) : 0 }
    }
}
