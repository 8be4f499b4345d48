import COCO

/// How far scores are from the share of right detections: D-ECE over scores alone (Küppers et al., "Multivariate Confidence
/// Calibration for Object Detection", CVPRW 2020) and LaECE (Oksuz et al., "Towards Building Self-Aware Object Detectors",
/// CVPR 2023), which weighs right detections by their IoU.
public struct Calibration: Sendable {
    /// The detections with scores in one interval.
    public struct Bin: Sendable, Hashable {
        /// The least score.
        public var lowerBound: Double

        /// The end of the interval; the last one includes it.
        public var upperBound: Double

        /// The mean score; 0 without detections.
        public var meanScore: Double

        /// The share of detections that found an object; 0 without detections.
        public var precision: Double

        /// The number of detections.
        public var count: Int
    }

    /// The bins of all classes together, by rising score: a reliability diagram.
    public let bins: [Bin]

    /// The mean gap between score and precision, weighted by the bins' detections (D-ECE).
    public let expectedError: Double

    /// The greatest gap of a bin.
    public let maximumError: Double

    /// ``expectedError`` of every class by id; classes without counted detections are absent.
    public let classErrors: [Int64: Double]

    /// The mean over classes of the gap between score and the mean IoU of right detections (LaECE); nil when no class has
    /// an object and a detection.
    public let localizationAwareError: Double?

    /// LaECE of every class that has an object and a detection, by id.
    public let classLocalizationAwareErrors: [Int64: Double]

    /// The number of detections that count.
    public var detectionCount: Int { bins.reduce(0) { $0 + $1.count } }

    /// Measures the scores of an assignment.
    ///
    /// - Parameters:
    ///   - assignment: The decisions.
    ///   - binCount: The number of intervals of equal width between 0 and 1.
    /// - Throws: `COCOError` when scores are not between 0 and 1, or without a bin.
    public init(_ assignment: Assignment, binCount: Int = 10) throws {
        guard binCount > 0 else { throw COCOError("at least one bin of scores is needed") }
        for decisions in assignment.decisions {
            if let wrong = decisions.first(where: { !(0...1).contains($0.score) }) {
                throw COCOError(
                    "calibration needs scores between 0 and 1, but there is a detection with \(wrong.score)")
            }
        }
        let all = Tally(assignment.decisions.joined(), binCount)
        bins = all.bins
        expectedError = all.expectedError
        maximumError = bins.map { abs($0.precision - $0.meanScore) }.max() ?? 0
        var errors: [Int64: Double] = [:]
        var localization: [Int64: Double] = [:]
        for (index, decisions) in assignment.decisions.enumerated() where !decisions.isEmpty {
            let tally = Tally(decisions, binCount)
            errors[assignment.categories[index].id] = tally.expectedError
            if assignment.objectCounts[index] > 0 {
                localization[assignment.categories[index].id] = tally.localizationAwareError
            }
        }
        classErrors = errors
        classLocalizationAwareErrors = localization
        // Summed in the order of classes: the same bits in every run.
        let values = assignment.categories.compactMap { localization[$0.id] }
        localizationAwareError = values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}

/// Sums over the detections of each bin.
private struct Tally {
    var counts: [Int]
    var scores: [Double]
    var found: [Int]
    var overlaps: [Double]

    init(_ decisions: some Sequence<Assignment.Decision>, _ binCount: Int) {
        counts = Array(repeating: 0, count: binCount)
        scores = Array(repeating: 0, count: binCount)
        found = Array(repeating: 0, count: binCount)
        overlaps = Array(repeating: 0, count: binCount)
        for decision in decisions {
            let bin = min(Int(decision.score * Double(binCount)), binCount - 1)
            counts[bin] += 1
            scores[bin] += decision.score
            if let overlap = decision.overlap {
                found[bin] += 1
                overlaps[bin] += overlap
            }
        }
    }

    var bins: [Calibration.Bin] {
        counts.indices.map { index in
            let count = Double(max(counts[index], 1))
            return Calibration.Bin(
                lowerBound: Double(index) / Double(counts.count),
                upperBound: Double(index + 1) / Double(counts.count),
                meanScore: scores[index] / count, precision: Double(found[index]) / count,
                count: counts[index])
        }
    }

    var expectedError: Double { error { Double(found[$0]) } }

    var localizationAwareError: Double { error { overlaps[$0] } }

    /// The weighted mean gap between mean score and what was reached.
    private func error(_ reached: (Int) -> Double) -> Double {
        let total = counts.reduce(0, +)
        guard total > 0 else { return 0 }
        return counts.indices.reduce(0) { sum, index in
            guard counts[index] > 0 else { return sum }
            let count = Double(counts[index])
            return sum + count / Double(total) * abs(scores[index] / count - reached(index) / count)
        }
    }
}
