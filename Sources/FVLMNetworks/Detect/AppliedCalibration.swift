import CLIP
import Evaluation
import FVLM

/// A calibration with what of it is wanted.
struct AppliedCalibration {
    let calibration: ScoreCalibration
    /// Whether results have mapped scores.
    let maps: Bool
    /// Whether only what reaches its threshold is kept.
    let keeps: Bool

    /// The scoring options of the detections that the maps were fitted to, for what is wanted now.
    func options(_ given: ScoringOptions) -> ScoringOptions {
        var options = calibration.scoring
        options.includesMasks = given.includesMasks
        options.maskThreshold = given.maskThreshold
        options.limit = given.limit
        if !keeps { options.scoreThreshold = given.scoreThreshold }
        return options
    }

    func applied(to detections: [FVLMDetection], of detector: Detector, _ vocabulary: Vocabulary)
        -> [FVLMDetection]
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

    /// What tells the detections of a picture apart.
    private struct Key: Hashable {
        let region: Int
        let classIndex: Int

        init(_ detection: FVLMDetection) {
            region = detection.proposal
            classIndex = detection.classIndex
        }
    }
}
