import Support

/// The detections of every class by descending score with their outcomes, for one range of areas and the largest limit.
struct Ranking: Sendable {
    /// The detections of one class.
    struct Class: Sendable {
        /// The scores, descending.
        var scores: [Double] = []
        /// The ranks of the images.
        var images: [Int32] = []
        /// Their outcomes.
        var outcomes: [MatchTable.Outcome] = []
        /// The ranks of the images of the objects to find, one entry per object.
        var truthImages: [Int32] = []
    }

    var classes: [Class]
}

/// The detections of every class by descending score.
struct CategoryOrder: Sendable {
    /// Indices of the problem's rows, class by class, and the start of each class; one more than classes.
    private(set) var places: [Int32]
    private(set) var starts: [Int]

    init(_ problem: EvaluationProblem) throws {
        let count = problem.classCount
        var starts = [Int](repeating: 0, count: count + 1)
        for category in problem.detectionCategories { starts[Int(category) + 1] += 1 }
        for index in 0..<count { starts[index + 1] += starts[index] }
        var next = starts
        var entries = [(score: Double, place: Int32)](
            repeating: (0, 0), count: problem.detectionRows.count)
        for (place, category) in problem.detectionCategories.enumerated() {
            entries[next[Int(category)]] = (
                problem.detections.scores[Int(problem.detectionRows[place])], Int32(place)
            )
            next[Int(category)] += 1
        }
        let begins = starts
        try entries.withUnsafeMutableBufferPointer { buffer in
            guard let shared = buffer.baseAddress.map(Parallel.Shared.init) else { return }
            try Parallel.forEach(
                count: count, threads: Parallel.threadCount(problem.options.threadCount), grain: 1, state: {}
            ) { _, category in
                let range = begins[category]..<begins[category + 1]
                // Equal scores keep the order of the images, and within an image the order of the file.
                var own = UnsafeMutableBufferPointer(
                    start: shared.base + range.lowerBound, count: range.count)
                own.sort { a, b in
                    if a.score != b.score { return a.score > b.score }
                    return a.place < b.place
                }
            }
        }
        places = entries.map(\.place)
        self.starts = starts
    }
}
