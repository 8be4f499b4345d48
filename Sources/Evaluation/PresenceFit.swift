import Analysis
import COCO
import FVLM
import Foundation

/// Fits how likely a class is in a picture to annotated pictures, and counts false alarms: detections of classes that a
/// picture does not have.
public struct PresenceFit: Sendable {
    /// A class in a picture.
    public struct Sample: Sendable, Hashable {
        /// What speaks for it.
        public var evidence: PresenceEvidence
        /// Whether the picture has an object of it.
        public var isPresent: Bool

        /// Creates a sample.
        public init(evidence: PresenceEvidence, isPresent: Bool) {
            self.evidence = evidence
            self.isPresent = isPresent
        }
    }

    /// False alarms at a threshold.
    public struct Alarms: Sendable, Hashable, Codable {
        /// The threshold: that of the best F1 of all classes together.
        public var threshold: Double
        /// The F1 there.
        public var f1: Double
        /// The share of pictures with a detection, at or above the threshold, of a class that they do not have.
        public var pictures: Double
        /// The share of a picture's absent classes with such a detection, over all pictures.
        public var classes: Double
    }

    /// The constant of the log-odds, for `ScoringOptions.presenceIntercept`.
    public let intercept: Double
    /// The weight of the best region's logit, for `ScoringOptions.presenceRegions`.
    public let regions: Double
    /// The weight of the whole picture, for `ScoringOptions.presencePicture`.
    public let picture: Double

    /// Fits by Newton's method. A ridge as small as a thousandth of a sample keeps numbers finite where classes are told apart
    /// without an error, or where a number is the same in all samples.
    /// - Throws: ``EvaluationError`` unless there are present and absent classes.
    public init(_ samples: [Sample]) throws {
        let present = samples.count(where: \.isPresent)
        guard present > 0, present < samples.count else {
            throw EvaluationError(
                "presence", "needs classes that pictures have and classes that they do not have")
        }
        let inputs = samples.map { SIMD3(1, $0.evidence.regionLogit, Double($0.evidence.picture)) }
        let ridge = 1e-3
        func loss(_ weights: SIMD3<Double>) -> Double {
            zip(inputs, samples).reduce(ridge / 2 * (weights * weights).sum()) { sum, sample in
                let z = (weights * sample.0).sum()
                return sum + max(z, 0) + log1p(exp(-abs(z))) - (sample.1.isPresent ? z : 0)
            }
        }
        var weights = SIMD3(log(Double(present) / Double(samples.count - present)), 0, 0)
        var current = loss(weights)
        for _ in 0..<100 {
            var gradient = ridge * weights
            var rows = [SIMD3(ridge, 0, 0), SIMD3(0, ridge, 0), SIMD3(0, 0, ridge)]
            for (input, sample) in zip(inputs, samples) {
                let p = 1 / (1 + exp(-(weights * input).sum()))
                gradient += (p - (sample.isPresent ? 1 : 0)) * input
                for row in 0..<3 { rows[row] += p * (1 - p) * input[row] * input }
            }
            var step = Self.solved(rows, gradient)
            var next = loss(weights - step)
            while !(next <= current), (step * step).sum() > 1e-24 {
                step /= 2
                next = loss(weights - step)
            }
            guard next < current else { break }
            weights -= step
            current = next
        }
        (intercept, regions, picture) = (weights[0], weights[1], weights[2])
    }

    /// The solution of three equations with a positive definite matrix, by Cramer's rule.
    private static func solved(_ rows: [SIMD3<Double>], _ right: SIMD3<Double>) -> SIMD3<Double> {
        func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
            SIMD3(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
        }
        // The matrix is its own transpose.
        let determinant = (rows[0] * cross(rows[1], rows[2])).sum()
        return SIMD3(
            (right * cross(rows[1], rows[2])).sum(), (rows[0] * cross(right, rows[2])).sum(),
            (rows[0] * cross(rows[1], right)).sum()) / determinant
    }

    /// Options whose scores are multiplied by the fitted presences.
    public func applied(to options: ScoringOptions) -> ScoringOptions {
        var options = options
        options.presenceIntercept = intercept
        options.presenceRegions = regions
        options.presencePicture = picture
        options.presenceWeight = 1
        return options
    }
}

extension DetectorEvaluator {
    /// Every class in every picture that was seen, but for those whose annotations could not be read.
    /// - Throws: As `detections(in:options:)`.
    public func presenceSamples(in seen: Seen, options: ScoringOptions) throws -> [PresenceFit.Sample] {
        let present = presentCategories()
        var samples: [PresenceFit.Sample] = []
        for picture in seen.pictures {
            let own = present[truth.images.ids[picture.row]] ?? []
            let evidence = try picture.seen.presenceEvidence(of: vocabulary, options: options)[0]
            samples += zip(categoryIDs, evidence).map {
                PresenceFit.Sample(evidence: $1, isPresent: own.contains($0))
            }
        }
        return samples
    }

    /// The false alarms of detections at the threshold of their best F1.
    /// - Parameters:
    ///   - detections: What was found, with a low threshold.
    ///   - imageIDs: The pictures that were looked at.
    /// - Throws: `COCOError`; ``EvaluationError`` if nothing was found.
    public func alarms(_ detections: DetectionTable, imageIDs: [Int64]) throws -> PresenceFit.Alarms {
        let assignment = try Assignment(
            Overlaps(
                truth: truth, detections: detections, geometry: .box, categoryIDs: categoryIDs,
                imageIDs: imageIDs))
        guard
            let best = ThresholdCriterion.fBeta(1).best(
                of: assignment.outcomes(), objectCount: assignment.objectCount())
        else { throw EvaluationError("presence", "nothing was detected") }
        let threshold = best.threshold
        let f1 = 2 * best.precision * best.recall / max(best.precision + best.recall, .leastNormalMagnitude)
        let (present, looked) = (presentCategories(), Set(imageIDs))
        var alarms: [Int64: Set<Int64>] = [:]
        for row in 0..<detections.count where detections.scores[row] >= threshold {
            let (image, category) = (detections.imageIDs[row], detections.categoryIDs[row])
            guard looked.contains(image), present[image]?.contains(category) != true else { continue }
            alarms[image, default: []].insert(category)
        }
        let absent = imageIDs.reduce(0) { $0 + categoryIDs.count - (present[$1]?.count ?? 0) }
        return PresenceFit.Alarms(
            threshold: threshold, f1: f1,
            pictures: Double(alarms.count) / Double(max(imageIDs.count, 1)),
            classes: Double(alarms.values.reduce(0) { $0 + $1.count }) / Double(max(absent, 1)))
    }

    /// The classes that each picture has an object of; crowds are objects, too.
    private func presentCategories() -> [Int64: Set<Int64>] {
        let wanted = Set(categoryIDs)
        var present: [Int64: Set<Int64>] = [:]
        for row in 0..<truth.annotations.count where wanted.contains(truth.annotations.categoryIDs[row]) {
            present[truth.annotations.imageIDs[row], default: []].insert(truth.annotations.categoryIDs[row])
        }
        return present
    }
}
