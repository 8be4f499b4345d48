import CLIP
import Evaluation
import FVLM
import Support

/// A calibration with what of it is wanted.
package struct AppliedCalibration: Sendable {
    /// The maps and thresholds.
    package let calibration: ScoreCalibration
    /// Whether results have mapped scores.
    package let maps: Bool
    /// Whether only what reaches its threshold is kept.
    package let keeps: Bool

    /// Creates it.
    /// - Parameters:
    ///   - calibration: The maps and thresholds.
    ///   - maps: Whether results have mapped scores.
    ///   - keeps: Whether only what reaches its threshold is kept.
    package init(calibration: ScoreCalibration, maps: Bool, keeps: Bool) {
        (self.calibration, self.maps, self.keeps) = (calibration, maps, keeps)
    }

    /// What the results of this calibration depend on.
    package var identity: String { get throws { try JSONText.line(calibration) + "\(maps) \(keeps)" } }

    /// The scoring options of the detections that the maps were fitted to, for what is wanted now.
    package func options(_ given: ScoringOptions) -> ScoringOptions {
        var options = calibration.scoring
        options.includesMasks = given.includesMasks
        options.maskThreshold = given.maskThreshold
        options.limit = given.limit
        options.includesPresence = given.includesPresence
        if !keeps { options.scoreThreshold = given.scoreThreshold }
        return options
    }

    /// The detections of a picture with mapped scores, or those that reach their thresholds, or both.
    package func applied(to detections: [FVLM.Detection], of detector: Detector, _ vocabulary: Vocabulary)
        -> [FVLM.Detection]
    {
        let mapped = calibration.applied(to: detections, of: detector, vocabulary)
        let kept = keeps ? calibration.kept(mapped, of: detector, vocabulary) : mapped
        guard !maps else { return kept }
        // The scores as they were; a map rises, so that the order within a class is the same.
        let original = Dictionary(
            detections.map { (Key($0), $0.score) }, uniquingKeysWith: { first, _ in first })
        return kept.map { $0.rescored(original[Key($0)] ?? $0.score) }.enumerated().sorted {
            $0.element.score != $1.element.score
                ? $0.element.score > $1.element.score : $0.offset < $1.offset
        }.map(\.element)
    }

    /// ``applied(to:of:_:)`` for the detections of one vocabulary.
    package func adjustment(of detector: Detector, _ vocabulary: Vocabulary)
        -> @Sendable ([FVLM.Detection]) -> [FVLM.Detection]
    {
        { applied(to: $0, of: detector, vocabulary) }
    }

    /// What tells the detections of a picture apart.
    private struct Key: Hashable {
        let region: Int
        let classIndex: Int

        init(_ detection: FVLM.Detection) {
            region = detection.proposal
            classIndex = detection.classIndex
        }
    }
}
