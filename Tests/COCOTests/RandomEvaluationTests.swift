import COCO
import Testing

@Suite struct RandomEvaluationTests {
    private func compare(_ problem: RandomProblem, _ options: EvaluationOptions, _ label: String) throws {
        let fast = try Evaluation(truth: problem.truth, detections: problem.detections, options: options)
        let slow = try SlowEvaluation(problem.truth, problem.detections, options)
        let (thresholds, recalls) = (options.iouThresholds.count, options.recallThresholds.count)
        let (areas, limits) = (options.areaRanges.count, options.detectionLimits.count)
        var index = 0
        for k in 0..<fast.classCount {
            for a in 0..<areas {
                for m in 0..<limits {
                    for t in 0..<thresholds {
                        let cell = ((k * areas + a) * limits + m) * thresholds + t
                        try #require(
                            fast.recalls[cell] == slow.recall[[t, k, a, m]] ?? -1, "\(label) \([t, k, a, m])")
                        for r in 0..<recalls {
                            try #require(
                                fast.precisions[index] == slow.precision[[t, r, k, a, m]] ?? -1,
                                "\(label) precision \([t, r, k, a, m])")
                            try #require(
                                fast.scores[index] == slow.score[[t, r, k, a, m]] ?? -1,
                                "\(label) score \([t, r, k, a, m])")
                            index += 1
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: EvaluationOptions.Geometry.allCases)
    func agreesWithThePlainProtocol(_ geometry: EvaluationOptions.Geometry) throws {
        for seed in 0..<24 {
            var options = EvaluationOptions.coco(geometry)
            options.iouThresholds = [0.3, 0.5, 0.75, 1]
            options.recallThresholds = [0, 0.25, 0.5, 1]
            options.areaRanges.swapAt(2, 3)
            options.detectionLimits = [1, 3, 100]
            try compare(RandomProblem(seed: UInt64(seed)), options, "seed \(seed)")
        }
    }

    @Test func agreesBeyondAHundredDetections() throws {
        for seed in 0..<3 {
            var options = EvaluationOptions.coco(.box)
            options.iouThresholds = [0.5, 0.9]
            options.recallThresholds = [0, 0.5, 1]
            try compare(RandomProblem(seed: UInt64(100 + seed), crowded: true), options, "seed \(seed)")
        }
    }

    @Test(arguments: EvaluationOptions.Geometry.allCases)
    func agreesOnFederatedProblems(_ geometry: EvaluationOptions.Geometry) throws {
        for seed in 0..<24 {
            var options = EvaluationOptions.lvis(geometry)
            options.iouThresholds = [0.5, 0.75]
            options.recallThresholds = [0, 0.5, 1]
            options.detectionLimits = [5]
            try compare(RandomProblem(seed: UInt64(200 + seed), federated: true), options, "seed \(seed)")
        }
    }

    @Test func agreesOnProposals() throws {
        for seed in 0..<12 {
            var options = EvaluationOptions.proposals(.box)
            options.iouThresholds = [0.5, 0.75]
            options.recallThresholds = [0, 0.5, 1]
            options.detectionLimits = [2, 5, 10]
            var problem = RandomProblem(seed: UInt64(300 + seed))
            // The slow version orders by the class as a number, where the greatest id does not fit.
            problem.truth.categories.removeAll { $0.id == .max }
            var truth = problem.truth
            truth.annotations = AnnotationTable()
            for row in 0..<problem.truth.annotations.count
            where problem.truth.annotations.categoryIDs[row] != .max {
                truth.annotations.append(row: row, of: problem.truth.annotations)
            }
            var detections = DetectionTable()
            for row in 0..<problem.detections.count where problem.detections.categoryIDs[row] != .max {
                detections.append(row: row, of: problem.detections)
            }
            problem.truth = truth
            problem.detections = detections
            try compare(problem, options, "seed \(seed)")
        }
    }

    @Test(arguments: EvaluationOptions.Geometry.allCases)
    func doesNotDependOnThreadsOrTheOrderOfAnnotations(_ geometry: EvaluationOptions.Geometry) throws {
        for seed in 0..<6 {
            var problem = RandomProblem(seed: UInt64(400 + seed), crowded: true)
            var options = EvaluationOptions.coco(geometry)
            options.threadCount = 1
            let one = try Evaluation(truth: problem.truth, detections: problem.detections, options: options)
            options.threadCount = 5
            let five = try Evaluation(truth: problem.truth, detections: problem.detections, options: options)
            #expect(
                one.precisions == five.precisions && one.recalls == five.recalls && one.scores == five.scores)

            // Detections with scores of their own: no tie then depends on the order of the files.
            var detections = DetectionTable()
            for row in 0..<problem.detections.count {
                var detection = problem.detections[row]
                detection.score += Double(row) * 1e-6
                detections.append(detection)
            }
            let straight = try Evaluation(truth: problem.truth, detections: detections, options: options)
            var shuffled = DetectionTable()
            for row in (0..<detections.count).shuffled(using: &problem.generator) {
                shuffled.append(row: row, of: detections)
            }
            var truth = problem.truth
            truth.images = ImageTable()
            for row in (0..<problem.truth.images.count).reversed() {
                truth.images.append(problem.truth.images[row])
            }
            truth.categories.reverse()
            let mixed = try Evaluation(truth: truth, detections: shuffled, options: options)
            #expect(straight.precisions == mixed.precisions && straight.recalls == mixed.recalls)
        }
    }

    @Test func detectionsEqualToTheTruthAreFound() throws {
        for seed in 0..<10 {
            let problem = RandomProblem(seed: UInt64(500 + seed))
            var perfect = DetectionTable()
            for row in 0..<problem.truth.annotations.count
            where !problem.truth.annotations.flags[row].contains(.isCrowd) {
                let object = problem.truth.annotations[row]
                // Objects without extent overlap with nothing.
                guard object.box?.area ?? 0 > 0 else { continue }
                perfect.append(
                    DetectionRecord(
                        imageID: object.imageID, categoryID: object.categoryID, score: 1, box: object.box))
            }
            var truth = problem.truth
            truth.annotations = AnnotationTable()
            for row in 0..<problem.truth.annotations.count where problem.truth.annotations.boxes[row].area > 0
            {
                truth.annotations.append(row: row, of: problem.truth.annotations)
            }
            let evaluation = try Evaluation(truth: truth, detections: perfect, options: .coco(.box))
            let recall = evaluation.averageRecall()
            #expect(recall == nil || recall == 1)
        }
    }
}
