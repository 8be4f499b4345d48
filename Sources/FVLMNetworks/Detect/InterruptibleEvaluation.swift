import Evaluation
import FVLM
import FVLMCommand
import Support
import Training

/// The detection in all pictures of a data set, which a signal ends after the batch that it is at.
struct InterruptibleEvaluation {
    /// A signal came.
    struct Interruption: Error {
        /// The pictures that were done, and all pictures.
        let done: Int
        let count: Int

        /// A sentence about what is kept and how to go on.
        ///
        /// - Parameters:
        ///   - record: The record of what was found; nil without one.
        ///   - advice: How to go on from it.
        func text(_ record: String?, advice: String) -> String {
            guard done > 0 else {
                return "interrupted before its first picture" + (record == nil ? "" : ": \(advice)")
            }
            return "interrupted after \(done) of \(count) pictures"
                + (record.map { ", whose detections are kept in \($0): \(advice)" }
                    ?? ", of which nothing is kept: with --results an evaluation can be resumed")
        }
    }

    private let stop: StopRequest
    private let signals: StopSignals

    /// Hears signals from now on, for as long as it lives.
    init() {
        let stop = StopRequest()
        self.stop = stop
        signals = StopSignals { stop.make() }
    }

    /// Finds objects in all pictures, and names those that cannot be used.
    /// - Parameters:
    ///   - record: What an earlier part of the work has found, and where everything is kept; nil: nothing is.
    ///   - label: What the progress bar says.
    /// - Throws: ``Interruption``; the errors of detection.
    func detections(
        _ evaluator: DetectorEvaluator, of detector: Detector, options: ScoringOptions,
        record: EvaluationRecord?, label: String
    ) async throws -> DetectorEvaluator.Detections {
        let (earlier, count) = (record?.earlier.imageIDs.count ?? 0, evaluator.truth.images.count)
        // The signal may have come between two data sets.
        if stop.isMade { throw Interruption(done: earlier, count: count) }
        if earlier > 0 { StandardError.note("\(label): \(earlier) of \(count) are done; continuing") }
        let bar = ProgressBar(label)
        let found = try await evaluator.detections(
            of: detector, options: options, after: record?.earlier ?? DetectorEvaluator.Detections(),
            found: { try record?.append($0, $1, of: $2) }
        ) { done, count in
            bar.update(done, of: count)
            if stop.isMade, done < count { throw Interruption(done: done, count: count) }
        }
        bar.finish()
        for fault in found.faults { StandardError.note("skipped: \(fault.error)") }
        return found
    }
}
