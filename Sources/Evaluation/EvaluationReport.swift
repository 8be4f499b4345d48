/// The results of an evaluation.
public struct EvaluationReport: Sendable, Hashable {
    /// One row of the per-class table.
    public struct ClassResult: Sendable, Hashable {
        /// The class.
        public var name: String
        /// Its group, such as `base` or `novel`; empty if there are no groups.
        public var group: String
        /// Its figures; the same names in every row.
        public var values: [NamedValue]

        /// Creates a row.
        public init(name: String, group: String = "", values: [NamedValue]) {
            self.name = name
            self.group = group
            self.values = values
        }
    }

    /// A picture for human readers.
    public struct Picture: Sendable, Hashable {
        /// What it shows, for example the image's id.
        public var name: String
        /// Width in pixels.
        public var width: Int
        /// Height in pixels.
        public var height: Int
        /// The contents of a PNG file.
        public var png: [UInt8]

        /// Creates a picture.
        public init(name: String, width: Int, height: Int, png: [UInt8]) {
            self.name = name
            self.width = width
            self.height = height
            self.png = png
        }
    }

    /// The figures, such as `bbox/AP50`.
    public var metrics: [NamedValue]

    /// The figures of each class.
    public var classes: [ClassResult]

    /// Precision over recall.
    public var curves: [PrecisionRecallCurve]

    /// Predictions next to ground truth.
    public var pictures: [Picture]

    /// One sentence for each thing that was not measured.
    public var notes: [String]

    /// Creates a report.
    public init(
        metrics: [NamedValue], classes: [ClassResult] = [], curves: [PrecisionRecallCurve] = [],
        pictures: [Picture] = [], notes: [String] = []
    ) {
        self.metrics = metrics
        self.classes = classes
        self.curves = curves
        self.pictures = pictures
        self.notes = notes
    }

    /// The value of the figure with this name.
    public subscript(metric: String) -> Double? { metrics.first { $0.name == metric }?.value }
}

/// A named number.
public struct NamedValue: Sendable, Hashable, Codable {
    /// The name.
    public var name: String
    /// The number.
    public var value: Double

    /// Creates a named number.
    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }
}

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
    ///   - name: The name of the curve, for plots.
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
