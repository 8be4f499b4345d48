import COCO
import Foundation

/// A rising function that makes a score the share of detections with this score that are right.
public enum ScoreMap: Codable, Sendable, Hashable {
    /// 1 / (1 + exp(-(slope * x + intercept))) with x = log(score / (1 - score)): a straight line in log-odds, after Platt
    /// ("Probabilistic Outputs for Support Vector Machines", 1999).
    case platt(slope: Double, intercept: Double)

    /// Straight lines between points of rising scores and values, level outside of them: a regression that only has to rise
    /// (Zadrozny and Elkan, 2002).
    case isotonic(scores: [Double], values: [Double])

    /// The ways of fitting a map.
    public enum Method: String, Codable, Sendable, CaseIterable {
        /// Two numbers, for few detections.
        case platt
        /// As many as there are steps, for thousands of detections.
        case isotonic
    }

    /// A detection's score and whether it found an object.
    public struct Outcome: Sendable, Hashable {
        /// The score, from 0 to 1.
        public var score: Double
        /// Whether it found an object.
        public var isRight: Bool

        /// Creates an outcome.
        public init(score: Double, isRight: Bool) {
            self.score = score
            self.isRight = isRight
        }
    }

    /// The mapped score, from 0 to 1.
    public func callAsFunction(_ score: Double) -> Double {
        switch self {
        case .platt(let slope, let intercept):
            return 1 / (1 + exp(-(slope * Self.logOdds(score) + intercept)))
        case .isotonic(let scores, let values):
            guard let first = scores.first, let last = scores.last, scores.count == values.count else {
                return score
            }
            if score <= first { return values[0] }
            if score >= last { return values[values.count - 1] }
            // The first point above the score.
            var (low, high) = (0, scores.count - 1)
            while low + 1 < high {
                let middle = (low + high) / 2
                if scores[middle] <= score { low = middle } else { high = middle }
            }
            let share = (score - scores[low]) / (scores[high] - scores[low])
            return values[low] + share * (values[high] - values[low])
        }
    }

    /// Fits a map to outcomes.
    /// - Throws: `COCOError` without outcomes, and for scores that are not from 0 to 1.
    public init(_ method: Method, fitting outcomes: some Sequence<Outcome>) throws {
        let outcomes = outcomes.sorted { $0.score < $1.score }
        guard let first = outcomes.first, let last = outcomes.last else {
            throw COCOError("calibration needs detections")
        }
        // NaN is not in the range.
        guard first.score >= 0, last.score <= 1 else {
            throw COCOError("calibration needs scores from 0 to 1, not \(first.score) and \(last.score)")
        }
        switch method {
        case .platt: self = Self.platt(outcomes)
        case .isotonic: self = Self.isotonic(outcomes)
        }
    }

    private static func logOdds(_ score: Double) -> Double {
        let score = min(max(score, 1e-7), 1 - 1e-7)
        return log(score / (1 - score))
    }

    /// Newton's method for two numbers; targets are Platt's, drawn in from 0 and 1 by as much as the counts allow, so that
    /// outcomes which a threshold separates have a fit.
    private static func platt(_ outcomes: [Outcome]) -> ScoreMap {
        let right = Double(outcomes.count(where: \.isRight))
        let wrong = Double(outcomes.count) - right
        let (high, low) = ((right + 1) / (right + 2), 1 / (wrong + 2))
        let x = outcomes.map { logOdds($0.score) }
        let targets = outcomes.map { $0.isRight ? high : low }
        func loss(_ slope: Double, _ intercept: Double) -> Double {
            zip(x, targets).reduce(0) { sum, pair in
                let z = slope * pair.0 + intercept
                // log(1 + e^z) - t z, without an overflow.
                return sum + max(z, 0) + log1p(exp(-abs(z))) - pair.1 * z
            }
        }
        var (slope, intercept) = (0.0, log((right + 1) / (wrong + 1)))
        var current = loss(slope, intercept)
        for _ in 0..<100 {
            var (g0, g1, h00, h01, h11) = (0.0, 0.0, 1e-9, 0.0, 1e-9)
            for (x, target) in zip(x, targets) {
                let p = 1 / (1 + exp(-(slope * x + intercept)))
                let (error, weight) = (p - target, p * (1 - p))
                g0 += error * x
                g1 += error
                h00 += weight * x * x
                h01 += weight * x
                h11 += weight
            }
            let determinant = h00 * h11 - h01 * h01
            guard abs(g0) + abs(g1) > 1e-9, determinant != 0 else { break }
            let (d0, d1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant)
            var step = 1.0
            var next = loss(slope - d0, intercept - d1)
            while next > current, step > 1e-10 {
                step /= 2
                next = loss(slope - step * d0, intercept - step * d1)
            }
            guard next < current else { break }
            slope -= step * d0
            intercept -= step * d1
            current = next
        }
        // The order of detections stays, even where scores say nothing.
        return .platt(slope: max(slope, 1e-6), intercept: intercept)
    }

    /// Pools adjacent violators. A pool becomes two points, at its first and last score.
    private static func isotonic(_ outcomes: [Outcome]) -> ScoreMap {
        struct Pool {
            var first: Double
            var last: Double
            var right: Double
            var count: Double
            var value: Double { right / count }
        }
        var pools: [Pool] = []
        var place = 0
        while place < outcomes.count {
            // Equal scores are one point.
            var pool = Pool(first: outcomes[place].score, last: outcomes[place].score, right: 0, count: 0)
            while place < outcomes.count, outcomes[place].score == pool.last {
                if outcomes[place].isRight { pool.right += 1 }
                pool.count += 1
                place += 1
            }
            // A pool that does not rise above the one before joins it.
            while let before = pools.last, before.value >= pool.value {
                pools.removeLast()
                pool.first = before.first
                pool.right += before.right
                pool.count += before.count
            }
            pools.append(pool)
        }
        var (scores, values) = ([Double](), [Double]())
        for pool in pools {
            for score in pool.first == pool.last ? [pool.first] : [pool.first, pool.last] {
                scores.append(score)
                values.append(pool.value)
            }
        }
        return .isotonic(scores: scores, values: values)
    }
}

extension Assignment {
    /// The scores of the counted detections of classes, and whether each found an object.
    /// - Parameter categoryIDs: The classes; nil for all.
    public func outcomes(ofCategories categoryIDs: Set<Int64>? = nil) -> [ScoreMap.Outcome] {
        categories.indices.flatMap { index in
            guard categoryIDs?.contains(categories[index].id) ?? true else { return [ScoreMap.Outcome]() }
            return decisions[index].map { ScoreMap.Outcome(score: $0.score, isRight: $0.overlap != nil) }
        }
    }

    /// The number of objects of classes that are to be found.
    public func objectCount(ofCategories categoryIDs: Set<Int64>? = nil) -> Int {
        categories.indices.reduce(0) {
            $0 + (categoryIDs?.contains(categories[$1].id) ?? true ? objectCounts[$1] : 0)
        }
    }
}

/// What a threshold of scores is chosen for.
public enum ThresholdCriterion: Sendable, Hashable {
    /// The greatest F-beta: recall counts beta times as much as precision; 1 weighs them alike.
    case fBeta(Double)

    /// The greatest recall among the thresholds at which at least this share of detections is right.
    case precision(Double)

    /// The best threshold: detections with this score or above are kept.
    /// - Parameters:
    ///   - outcomes: The detections.
    ///   - objectCount: The number of objects to be found.
    /// - Returns: The threshold with its precision and recall; nil when no threshold meets the criterion. Of equal ones the
    ///   highest.
    public func best(of outcomes: some Sequence<ScoreMap.Outcome>, objectCount: Int) -> (
        threshold: Double, precision: Double, recall: Double
    )? {
        var best: (value: Double, threshold: Double, precision: Double, recall: Double)?
        let sorted = outcomes.sorted { $0.score > $1.score }
        var (right, place) = (0, 0)
        while place < sorted.count {
            let threshold = sorted[place].score
            while place < sorted.count, sorted[place].score == threshold {
                if sorted[place].isRight { right += 1 }
                place += 1
            }
            let precision = Double(right) / Double(place)
            let recall = objectCount == 0 ? 0 : Double(right) / Double(objectCount)
            let value: Double
            switch self {
            case .fBeta(let beta):
                let square = beta * beta
                value =
                    precision + recall == 0
                    ? 0 : (1 + square) * precision * recall / (square * precision + recall)
            case .precision(let wanted):
                guard precision >= wanted else { continue }
                value = recall
            }
            if value > best?.value ?? -1 { best = (value, threshold, precision, recall) }
        }
        return best.map { ($0.threshold, $0.precision, $0.recall) }
    }
}

/// A threshold from scores alone, without knowing which detections are right.
///
/// Detections are mostly of two kinds, the scores of which lie apart: log-odds of objects and of everything else. The
/// threshold parts them so that the two groups' means are as far from each other as their sizes allow (Otsu, "A Threshold
/// Selection Method from Gray-Level Histograms", 1979).
public struct SuggestedThreshold: Sendable, Hashable {
    /// Scores at or above this are probably objects.
    public let score: Double

    /// The share of the scores' variance, in log-odds, that lies between the groups, from 0 to 1: 0.64 for scores that form
    /// one normal distribution, near 1 for two narrow ones.
    public let separation: Double

    /// The number of scores at or above.
    public let keptCount: Int

    /// The number of scores.
    public let count: Int

    /// Suggests a threshold.
    /// - Parameter scores: From 0 to 1; others are left out.
    /// - Returns: Nil for fewer than two different scores.
    public init?(_ scores: some Sequence<Double>) {
        let sorted = scores.filter { (0...1).contains($0) }.sorted()
        let odds = sorted.map { score -> Double in
            let score = min(max(score, 1e-7), 1 - 1e-7)
            return log(score / (1 - score))
        }
        guard let first = odds.first, let last = odds.last, first < last else { return nil }
        let total = odds.reduce(0, +)
        let mean = total / Double(odds.count)
        let variance = odds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        var (sum, best, place) = (0.0, -1.0, 0)
        for index in 1..<odds.count {
            sum += odds[index - 1]
            guard odds[index] > odds[index - 1] else { continue }
            let (low, high) = (Double(index), Double(odds.count - index))
            let distance = (total - sum) / high - sum / low
            let between = low * high / Double(odds.count) * distance * distance
            if between > best { (best, place) = (between, index) }
        }
        score = sorted[place]
        separation = best / variance
        keptCount = sorted.count - place
        count = sorted.count
    }
}
