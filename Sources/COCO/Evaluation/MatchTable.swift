/// What became of every detection, for every range of areas: a bit for every IoU threshold.
///
/// A detection that is neither true nor false is disregarded.
struct MatchTable: Sendable {
    /// Of a detection in a range of areas.
    struct Outcome: Sendable {
        var isTrue: UInt16 = 0
        var isFalse: UInt16 = 0
    }

    /// Detections by ranges of areas, in the order of the problem's rows.
    var outcomes: [Outcome]

    /// The place of a detection among those of its image and class, from 0.
    var ranks: [Int32]

    /// Matches all images.
    init(_ problem: EvaluationProblem) throws {
        let areas = problem.options.areaRanges.count
        let count = problem.detectionRows.count
        outcomes = [Outcome](repeating: Outcome(), count: count * areas)
        ranks = [Int32](repeating: 0, count: count)
        try outcomes.withUnsafeMutableBufferPointer { outcomes in
            try ranks.withUnsafeMutableBufferPointer { ranks in
                guard let outcomes = outcomes.baseAddress.map(Parallel.Shared.init),
                    let ranks = ranks.baseAddress.map(Parallel.Shared.init)
                else { return }
                try Parallel.forEach(
                    count: problem.imageRows.count,
                    threads: Parallel.threadCount(problem.options.threadCount),
                    grain: 16, state: { ImageMatcher(problem) }
                ) { matcher, image in
                    try matcher.match(image: image, outcomes: outcomes, ranks: ranks)
                }
            }
        }
    }
}
