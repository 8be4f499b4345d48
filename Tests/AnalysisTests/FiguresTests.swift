import COCO
import FixtureSupport
import Testing

@testable import Analysis

/// Figures of random problems beside slow implementations.
@Suite struct FiguresTests {
    /// Some with crowds, some with many equal scores.
    private func problem(_ seed: UInt64) -> RandomBoxes {
        RandomBoxes(
            seed: seed, crowds: seed.isMultiple(of: 2), scoreSteps: seed.isMultiple(of: 3) ? 9 : 1 << 20)
    }

    private func overlaps(_ problem: RandomBoxes) throws -> Overlaps {
        try Overlaps(truth: problem.truth, detections: problem.detections, geometry: .box)
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func thresholdsAreThoseOfASlowImplementation(_ seed: UInt64) throws {
        let problem = problem(seed)
        for iou in [0.5, 0.75] {
            let points = OperatingPoints(try Assignment(try overlaps(problem), iouThreshold: iou))
            let slow = SlowAssignment(problem.truth, problem.detections, iouThreshold: iou)
            #expect(points.points.map(\.threshold) == slow.points(nil).map(\.threshold))
            #expect(points.points.map(\.truePositives) == slow.points(nil).map(\.right))
            #expect(points.points.map(\.falsePositives) == slow.points(nil).map(\.wrong))
            #expect(points.best?.threshold == slow.best(nil)?.threshold)
            #expect(points.best?.f1 == slow.best(nil)?.f1)
            for category in slow.categories {
                let want = slow.objectCounts[category] ?? 0 > 0 ? slow.best(category) : nil
                #expect(points.bestByClass[category]?.threshold == want?.threshold)
                #expect(points.bestByClass[category]?.f1 == want?.f1)
            }
            let (mean, wanted) = (points.bestMacro, slow.bestMean())
            #expect(abs((mean?.f1 ?? -1) - (wanted?.f1 ?? -1)) < 1e-12)
            #expect(mean?.threshold == wanted?.threshold)
        }
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func calibrationIsThatOfASlowImplementation(_ seed: UInt64) throws {
        let problem = problem(seed)
        for (iou, bins) in [(0.5, 10), (0.1, 25), (0.75, 1)] {
            let got = try Calibration(
                try Assignment(try overlaps(problem), iouThreshold: iou), binCount: bins)
            let want = SlowAssignment(problem.truth, problem.detections, iouThreshold: iou).calibration(bins)
            #expect(abs(got.expectedError - want.error) < 1e-12)
            #expect(abs(got.maximumError - want.gap) < 1e-12)
            #expect(Set(got.classLocalizationAwareErrors.keys) == Set(want.localization.keys))
            for (category, value) in want.localization {
                #expect(abs((got.classLocalizationAwareErrors[category] ?? -1) - value) < 1e-12)
            }
        }
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func lrpIsThatOfASlowImplementation(_ seed: UInt64) throws {
        let problem = problem(seed)
        for iou in [0.5, 0.8] {
            let got = LocalizationRecallPrecision(
                try Assignment(try overlaps(problem), iouThreshold: iou))
            let slow = SlowAssignment(problem.truth, problem.detections, iouThreshold: iou)
            let classes = slow.categories.filter { slow.objectCounts[$0] ?? 0 > 0 }
            #expect(Set(got.classOptima.keys) == Set(classes))
            for category in classes {
                #expect(abs((got.classOptima[category]?.error ?? -1) - slow.leastError(category)) < 1e-12)
                let half = got.errors(atScore: 0.5)[category] ?? -1
                #expect(abs(half - slow.error(category, from: 0.5)) < 1e-12)
            }
        }
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func confusionsAreThoseOfASlowImplementation(_ seed: UInt64) throws {
        let problem = problem(seed)
        for matching in ConfusionMatrix.Matching.allCases {
            for (iou, score, limit) in [(0.5, nil, 100), (0.4, 0.3, 100), (0.6, nil, 5)]
                as [(Double, Double?, Int)]
            {
                var options = ConfusionMatrix.Options()
                options.matching = matching
                options.iouThreshold = iou
                options.scoreThreshold = score
                options.maximumDetections = limit
                let matrix = try ConfusionMatrix(try overlaps(problem), options: options)
                let slow = SlowConfusion(problem.truth, problem.detections, options)
                let ids = matrix.categories.map(\.id) + [-1]
                for (row, truth) in ids.enumerated() {
                    for (column, prediction) in ids.enumerated() {
                        #expect(
                            matrix.counts[row * ids.count + column]
                                == slow.counts[[truth, prediction]] ?? 0,
                            "\(matching) \(iou): \(truth), \(prediction)")
                    }
                }
            }
        }
    }

    /// In a federated data set an image is judged by the classes that were looked for, and by those that are not annotated
    /// completely only where an object is found.
    @Test func imagesAreJudgedByTheirOwnClasses() throws {
        var truth = Dataset()
        truth.categories = (1...4 as ClosedRange<Int64>).map {
            var category = Category(id: $0, name: "class \($0)")
            category.frequency = .common
            return category
        }
        var image = ImageRecord(id: 0, width: 100, height: 100, fileName: "a.jpg")
        image.negativeCategoryIDs = [3]
        image.notExhaustiveCategoryIDs = [2]
        truth.images.append(image)
        func box(_ x: Double) -> BoundingBox { BoundingBox(x: x, y: 10, width: 10, height: 10) }
        for (id, category, x) in [(0, 1, 0.0), (1, 2, 20.0)] as [(Int64, Int64, Double)] {
            truth.annotations.append(
                AnnotationRecord(id: id, imageID: 0, categoryID: category, box: box(x), area: 100))
        }
        var detections = DetectionTable()
        for (category, x, score) in [
            (1, 0.0, 0.9),  // found
            (2, 20.0, 0.8),  // found, of a class that is not annotated completely
            (2, 60.0, 0.7),  // the same class, nothing there: not judged
            (3, 40.0, 0.6),  // looked for and not there: wrong
            (4, 80.0, 0.5),  // not looked for: omitted
        ] as [(Int64, Double, Double)] {
            detections.append(DetectionRecord(imageID: 0, categoryID: category, score: score, box: box(x)))
        }
        var options = AnalysisReport.Options()
        options.scoreThreshold = 0.1
        let report = try AnalysisReport(truth: truth, detections: detections, options: options)
        #expect(report.protocolText.contains("LVIS's rules"))
        #expect(report.overlaps.detectionCount == 4)
        #expect(report.errors.outcomes == [.truePositive, .truePositive, .ignored, .falsePositive, .dropped])
        #expect(report.errors.counts[.background] == 1)
        #expect(report.calibration?.detectionCount == 3)
        #expect(report.operatingPoints.points.last?.falsePositives == 1)
        let side = 5
        #expect(report.confusion.counts.reduce(0, +) == 3)
        #expect(report.confusion.counts[4 * side + 2] == 1)
        #expect(report.suspects.map(\.categoryID) == [3])
        #expect(report.pictures[0].falsePositives == 1 && report.pictures[0].truePositives == 2)
        // The absent class has no objects and is not in the mean.
        #expect(abs((report.evaluation.averagePrecision() ?? 0) - 1) < 1e-9)
        #expect(abs(report.errors.figures().averagePrecision - 100) < 1e-9)
    }
}
