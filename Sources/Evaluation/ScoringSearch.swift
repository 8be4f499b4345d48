import COCO
import FVLM
import Torch

/// Searches weights and temperatures of scores on annotated pictures that a detector has seen once.
///
/// One setting after another is set to the best of several values, the others as they are, twice; of equal ones the value
/// that is nearer to the present one stays. What is made greatest is AP50, the mean of base and novel classes' where both
/// are known.
public struct ScoringSearch: Sendable {
    /// A value that was tried.
    public struct Trial: Sendable, Hashable, Codable {
        /// The setting's name, such as `novelWeight`.
        public var setting: String
        /// Its value.
        public var value: Double
        /// The AP50 with it.
        public var averagePrecision: Double
    }

    /// The best options.
    public private(set) var options: ScoringOptions

    /// Everything that was tried, in order; the first is the starting point.
    public private(set) var trials: [Trial] = []

    /// Searches.
    /// - Parameters:
    ///   - evaluator: The annotations and the vocabulary.
    ///   - seen: The pictures.
    ///   - start: The options to start from.
    ///   - learnedTemperature: The temperature of the detector's cosines where `start` leaves it to what was learned.
    ///   - progress: Called after every trial with its number and the greatest number of trials.
    /// - Throws: The errors of detection and of `progress`.
    public init(
        _ evaluator: DetectorEvaluator, _ seen: DetectorEvaluator.Seen, from start: ScoringOptions,
        learnedTemperature: Double, progress: (_ done: Int, _ count: Int) throws -> Void = { _, _ in }
    ) throws {
        options = start
        options.includesMasks = false
        let weights = (0...10).map { Double($0) / 10 }
        let factors = [0.5, 0.7, 0.85, 1, 1.2, 1.4, 2]
        let hasBase = evaluator.vocabulary.isBase?.contains(true) ?? false
        let hasNovel = evaluator.vocabulary.isBase?.contains(false) ?? true
        let vlm = start.vlmTemperature
        let own = start.detectorTemperature ?? learnedTemperature
        let settings:
            [(name: String, values: [Double], set: @Sendable (inout ScoringOptions, Double) -> Void)] = [
                ("baseWeight", hasBase ? weights : [], { $0.baseWeight = $1 }),
                ("novelWeight", hasNovel ? weights : [], { $0.novelWeight = $1 }),
                ("vlmTemperature", factors.map { $0 * vlm }, { $0.vlmTemperature = $1 }),
                ("detectorTemperature", factors.map { $0 * own }, { $0.detectorTemperature = $1 }),
            ]
        let count = 1 + 2 * settings.reduce(0) { $0 + $1.values.count }
        var best = try Self.figure(evaluator, seen, options)
        trials.append(Trial(setting: "start", value: 0, averagePrecision: best))
        try progress(trials.count, count)
        for _ in 0..<2 {
            let before = best
            for setting in settings {
                var chosen: Double?
                for value in setting.values {
                    var tried = options
                    setting.set(&tried, value)
                    guard tried != options else { continue }
                    let figure = try Self.figure(evaluator, seen, tried)
                    trials.append(Trial(setting: setting.name, value: value, averagePrecision: figure))
                    try progress(trials.count, count)
                    if figure > best { (best, chosen) = (figure, value) }
                }
                if let chosen { setting.set(&options, chosen) }
            }
            if best == before { break }
        }
        options.includesMasks = start.includesMasks
    }

    /// The AP50 of options: the mean over base and novel classes where both have objects, otherwise over all.
    static func figure(
        _ evaluator: DetectorEvaluator, _ seen: DetectorEvaluator.Seen, _ options: ScoringOptions
    ) throws -> Double {
        let found = try evaluator.detections(in: seen, options: options)
        var settings = EvaluationOptions.coco(.box)
        settings.categoryIDs = evaluator.categoryIDs
        settings.imageIDs = seen.imageIDs
        let evaluation = try Evaluation(truth: evaluator.truth, detections: found.table, options: settings)
        let parts = evaluation.parts(evaluator.splits).filter { $0.name != "all" }
        let figures = parts.compactMap {
            evaluation.averagePrecision(iouThreshold: 0.5, classes: $0.classes)
        }
        return figures.isEmpty
            ? evaluation.averagePrecision(iouThreshold: 0.5) ?? 0
            : figures.reduce(0, +) / Double(figures.count)
    }
}
