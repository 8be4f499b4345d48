import COCO

/// Localization Recall Precision error (Oksuz et al., "One Metric to Measure them All", TPAMI 2021): one number for missed
/// objects, false positives and loose boxes, between 0 (perfect) and 1.
///
/// For the detections with score s or above: (the sum over true positives of (1 - IoU) / (1 - tau), plus false positives,
/// plus missed objects) / (all three counts), with tau the IoU threshold. A threshold keeps or drops all detections of
/// equal score together.
public struct LocalizationRecallPrecision: Sendable {
    /// The least error over all thresholds, and its parts.
    public struct Optimum: Sendable, Hashable {
        /// The least LRP error (oLRP).
        public var error: Double

        /// The mean 1 - IoU of the true positives; nil without one.
        public var localization: Double?

        /// 1 - precision; nil without a true positive.
        public var falsePositives: Double?

        /// 1 - recall.
        public var falseNegatives: Double

        /// The score threshold of the least error; nil without a true positive.
        public var threshold: Double?
    }

    /// The optimum of every class that has objects, by id.
    public let classOptima: [Int64: Optimum]

    /// The means over these classes; parts over the classes that have them. Nil without objects.
    public let mean: Optimum?

    private let assignment: Assignment

    /// Finds the optima of an assignment.
    public init(_ assignment: Assignment) {
        self.assignment = assignment
        var optima: [Int64: Optimum] = [:]
        for (index, category) in assignment.categories.enumerated() where assignment.objectCounts[index] > 0 {
            optima[category.id] = Self.optimum(
                assignment.decisions[index], assignment.objectCounts[index], assignment.iouThreshold)
        }
        classOptima = optima
        let values = assignment.categories.compactMap { optima[$0.id] }
        func mean(_ part: (Optimum) -> Double?) -> Double? {
            let parts = values.compactMap(part)
            return parts.isEmpty ? nil : parts.reduce(0, +) / Double(parts.count)
        }
        self.mean = mean(\.error).map { error in
            Optimum(
                error: error, localization: mean(\.localization), falsePositives: mean(\.falsePositives),
                falseNegatives: mean(\.falseNegatives) ?? 1, threshold: nil)
        }
    }

    /// The error of every class that has objects at a score threshold, by id.
    public func errors(atScore threshold: Double) -> [Int64: Double] {
        var result: [Int64: Double] = [:]
        for (index, category) in assignment.categories.enumerated() where assignment.objectCounts[index] > 0 {
            var sums = Sums(objectCount: assignment.objectCounts[index])
            for decision in assignment.decisions[index] where decision.score >= threshold {
                sums.add(decision)
            }
            result[category.id] = sums.error(assignment.iouThreshold)
        }
        return result
    }

    private struct Sums {
        var objectCount: Int
        var found = 0
        var wrong = 0
        var distance = 0.0

        mutating func add(_ decision: Assignment.Decision) {
            if let overlap = decision.overlap {
                found += 1
                distance += 1 - overlap
            } else {
                wrong += 1
            }
        }

        func error(_ iouThreshold: Double) -> Double {
            let missed = objectCount - found
            // At an IoU threshold of 1 true positives have no distance.
            let localization = iouThreshold < 1 ? distance / (1 - iouThreshold) : 0
            return (localization + Double(wrong) + Double(missed)) / Double(found + wrong + missed)
        }
    }

    private static func optimum(
        _ decisions: [Assignment.Decision], _ objectCount: Int, _ iouThreshold: Double
    ) -> Optimum {
        var best = Optimum(
            error: 1, localization: nil, falsePositives: nil, falseNegatives: 1, threshold: nil)
        guard decisions.contains(where: { $0.overlap != nil }) else { return best }
        var sums = Sums(objectCount: objectCount)
        for (index, decision) in decisions.enumerated() {
            sums.add(decision)
            if index + 1 < decisions.count, decisions[index + 1].score == decision.score { continue }
            let error = sums.error(iouThreshold)
            guard best.threshold == nil || error < best.error, sums.found > 0 else { continue }
            best = Optimum(
                error: error, localization: sums.distance / Double(sums.found),
                falsePositives: Double(sums.wrong) / Double(sums.found + sums.wrong),
                falseNegatives: Double(objectCount - sums.found) / Double(objectCount),
                threshold: decision.score)
        }
        return best
    }
}
