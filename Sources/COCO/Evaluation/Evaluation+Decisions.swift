extension Evaluation {
    /// Detections of several classes, each right or wrong at one IoU threshold.
    public struct Decisions: Sendable, Hashable {
        /// The scores, class by class.
        public var scores: [Double] = []

        /// Whether each detection meets an object that no better one has met.
        public var areCorrect: [Bool] = []

        /// The objects that were to be found.
        public var objectCount = 0
    }

    /// What became of the detections within the greatest limit, over all areas. Those that count neither way, such as ones
    /// upon crowds, are left out.
    ///
    /// - Parameters:
    ///   - iouThreshold: the index of the IoU threshold.
    ///   - classes: the indices of the classes; all when left out.
    public func decisions(iouThreshold: Int, classes: [Int]? = nil) -> Decisions {
        var result = Decisions()
        for index in classes ?? Array(0..<classCount) {
            let ranked = ranking.classes[index]
            result.objectCount += ranked.truthImages.count
            for (score, outcome) in zip(ranked.scores, ranked.outcomes) {
                let isCorrect = outcome.isTrue >> iouThreshold & 1 == 1
                guard isCorrect || outcome.isFalse >> iouThreshold & 1 == 1 else { continue }
                result.scores.append(score)
                result.areCorrect.append(isCorrect)
            }
        }
        return result
    }
}
