import COCO

/// Precision, recall and F1 at every score threshold, and the thresholds with the greatest F1.
///
/// A detection is kept when its score is at least the threshold; thresholds are the distinct scores of the detections that
/// count. Of equal F1 values the highest threshold is taken.
public struct OperatingPoints: Sendable {
    /// What is reached at one threshold.
    public struct Point: Sendable, Hashable {
        /// Detections with this score or above are kept.
        public var threshold: Double

        /// Kept detections that found an object.
        public var truePositives: Int

        /// Kept detections that did not.
        public var falsePositives: Int

        /// The number of objects to be found.
        public var objectCount: Int

        /// The share of kept detections that found an object.
        public var precision: Double {
            Double(truePositives) / Double(max(truePositives + falsePositives, 1))
        }

        /// The share of objects that were found; 0 without objects.
        public var recall: Double { objectCount == 0 ? 0 : Double(truePositives) / Double(objectCount) }

        /// 2 TP / (2 TP + FP + FN).
        public var f1: Double {
            // One division of two integers, so that equal values are equal.
            let total = truePositives + falsePositives + objectCount
            return total == 0 ? 0 : Double(2 * truePositives) / Double(total)
        }
    }

    /// A threshold for all classes and the mean F1 of the classes that have objects.
    public struct MacroPoint: Sendable, Hashable {
        /// Detections with this score or above are kept.
        public var threshold: Double

        /// The mean F1.
        public var f1: Double
    }

    /// All classes added up, by falling threshold.
    public let points: [Point]

    /// The points of every class, in order of id.
    public let classPoints: [[Point]]

    /// The point with the greatest F1, all classes added up; nil without detections.
    public let best: Point?

    /// The best point of every class by id; classes without objects or without detections are absent.
    public let bestByClass: [Int64: Point]

    /// The threshold with the greatest mean F1 over classes; nil without detections or objects.
    public let bestMacro: MacroPoint?

    /// Walks through the thresholds of an assignment.
    public init(_ assignment: Assignment) {
        let objects = assignment.objectCounts
        classPoints = assignment.decisions.indices.map {
            Self.points(assignment.decisions[$0], objectCount: objects[$0])
        }
        let all = assignment.decisions.joined().sorted { $0.score > $1.score }
        points = Self.points(all, objectCount: objects.reduce(0, +))
        best = Self.best(points)
        var byClass: [Int64: Point] = [:]
        for (index, points) in classPoints.enumerated() where objects[index] > 0 {
            byClass[assignment.categories[index].id] = Self.best(points)
        }
        bestByClass = byClass
        bestMacro = Self.macro(classPoints, objects: objects)
    }

    private static func points(_ decisions: [Assignment.Decision], objectCount: Int) -> [Point] {
        var points: [Point] = []
        for decision in decisions {
            if points.last?.threshold != decision.score {
                points.append(
                    Point(
                        threshold: decision.score, truePositives: points.last?.truePositives ?? 0,
                        falsePositives: points.last?.falsePositives ?? 0, objectCount: objectCount))
            }
            if decision.overlap == nil {
                points[points.count - 1].falsePositives += 1
            } else {
                points[points.count - 1].truePositives += 1
            }
        }
        return points
    }

    /// The first with the greatest F1, which has the highest threshold.
    private static func best(_ points: [Point]) -> Point? {
        points.reduce(nil) { best, point in best.map { point.f1 > $0.f1 ? point : $0 } ?? point }
    }

    /// Merges the classes' points by falling threshold and keeps the sum of their current F1 values.
    private static func macro(_ classPoints: [[Point]], objects: [Int]) -> MacroPoint? {
        let classes = objects.indices.filter { objects[$0] > 0 }
        guard !classes.isEmpty else { return nil }
        var current = [Double](repeating: 0, count: objects.count)
        var events: [(threshold: Double, category: Int, f1: Double)] = []
        for (category, points) in classPoints.enumerated() {
            // Scores of classes without objects are thresholds as well.
            for point in points { events.append((point.threshold, category, point.f1)) }
        }
        events.sort { $0.threshold > $1.threshold }
        var best: MacroPoint?
        var index = 0
        while index < events.count {
            let threshold = events[index].threshold
            while index < events.count, events[index].threshold == threshold {
                if objects[events[index].category] > 0 { current[events[index].category] = events[index].f1 }
                index += 1
            }
            let mean = classes.reduce(0) { $0 + current[$1] } / Double(classes.count)
            if mean > best?.f1 ?? -1 { best = MacroPoint(threshold: threshold, f1: mean) }
        }
        return best
    }
}

extension Evaluation {
    /// The greatest F1 on the interpolated precision curve, averaged over classes that have objects and IoU thresholds:
    /// what hotcoco calls `f_scores`. Unlike ``OperatingPoints`` it belongs to no score threshold.
    ///
    /// - Parameter iouThreshold: One of the options' IoU thresholds; nil for all.
    /// - Returns: Nil when no class has objects, or the threshold is not among the options'.
    public func interpolatedF1(iouThreshold: Double? = nil) -> Double? {
        let thresholds = options.iouThresholds.indices.filter { index in
            iouThreshold.map { abs($0 - options.iouThresholds[index]) < 1e-9 } ?? true
        }
        let classes = (0..<classCount).filter { objectCounts[$0 * options.areaRanges.count] > 0 }
        guard !thresholds.isEmpty, !classes.isEmpty else { return nil }
        var sum = 0.0
        for category in classes {
            for threshold in thresholds {
                var best = 0.0
                for (precision, recall) in zip(
                    precisionCurve(category: category, iouThreshold: threshold), options.recallThresholds)
                where precision + recall > 0 {
                    best = max(best, 2 * precision * recall / (precision + recall))
                }
                sum += best
            }
        }
        return sum / Double(classes.count * thresholds.count)
    }
}
