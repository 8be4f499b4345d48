import COCO
import Testing

@Suite struct IntervalTests {
    private func problem() -> RandomProblem {
        var all = RandomProblem(seed: 1)
        all.truth = Dataset()
        all.detections = DetectionTable()
        all.truth.categories = [Category(id: 1, name: "a"), Category(id: 2, name: "b")]
        for image in 0..<60 {
            all.truth.images.append(ImageRecord(id: Int64(image), width: 50, height: 50))
            for object in 0..<2 {
                let box = BoundingBox(x: Double(image % 7), y: Double(20 * object), width: 10, height: 10)
                all.truth.annotations.append(
                    AnnotationRecord(
                        id: Int64(2 * image + object), imageID: Int64(image), categoryID: Int64(object + 1),
                        box: box,
                        area: 100))
                var moved = box
                moved.x += Double((image * 3) % 5)
                all.detections.append(
                    DetectionRecord(
                        imageID: Int64(image), categoryID: Int64(object + 1),
                        score: Double((image * 7) % 11) / 11,
                        box: moved))
            }
        }
        return all
    }

    @Test func intervalsHoldTheValueAndRepeat() throws {
        let problem = problem()
        var options = EvaluationOptions.coco(.box)
        options.threadCount = 1
        let evaluation = try Evaluation(
            truth: problem.truth, detections: problem.detections, options: options)
        let intervals = try evaluation.intervals(parts: evaluation.parts(), resamples: 200, seed: 3)
        #expect(intervals.map(\.figure) == ["AP", "AP50", "AP75"])
        for interval in intervals {
            let value = try #require(interval.value)
            #expect(interval.low <= value && value <= interval.high && interval.low < interval.high)
        }
        #expect(abs((intervals[0].value ?? 0) - (evaluation.averagePrecision() ?? -1)) < 1e-12)
        options.threadCount = 4
        let other = try Evaluation(truth: problem.truth, detections: problem.detections, options: options)
        #expect(try other.intervals(parts: other.parts(), resamples: 200, seed: 3) == intervals)
        #expect(try other.intervals(parts: other.parts(), resamples: 200, seed: 4) != intervals)
    }

    /// A few images with objects of two classes, the second in some images only, and the results of two detectors
    /// with equal scores among them.
    private struct FewImages {
        let imageCount: Int
        var truth = Dataset()
        var first = DetectionTable()
        var second = DetectionTable()

        init(imageCount: Int) {
            self.imageCount = imageCount
            truth.categories = [Category(id: 1, name: "a"), Category(id: 2, name: "b")]
            for image in 0..<imageCount {
                truth.images.append(ImageRecord(id: Int64(image), width: 50, height: 50))
                for object in 0..<(image % 2 == 0 ? 3 : 2) {
                    let box = BoundingBox(x: 5, y: Double(15 * object), width: 10, height: 10)
                    let category: Int64 = object == 2 ? 2 : 1
                    truth.annotations.append(
                        AnnotationRecord(
                            id: Int64(10 * image + object), imageID: Int64(image), categoryID: category,
                            box: box,
                            area: 100))
                    for file in 0..<2 {
                        var moved = box
                        moved.x += Double((image * (2 + file) + 3 * object) % 5 + file)
                        let detection = DetectionRecord(
                            imageID: Int64(image), categoryID: category,
                            score: Double((image * 3 + object * (1 + file)) % 4) / 4, box: moved)
                        if file == 0 { first.append(detection) } else { second.append(detection) }
                    }
                }
            }
        }

        static let options = {
            var options = EvaluationOptions.coco(.box)
            options.iouThresholds = [0.5, 0.75]
            return options
        }()

        /// AP when the data set holds the images of `draw`, each as often as it is there.
        func figure(_ table: DetectionTable, draw: [Int]) throws -> Double {
            var (data, results) = (Dataset(), DetectionTable())
            data.categories = truth.categories
            for (place, image) in draw.enumerated() {
                var record = truth.images[image]
                record.id = Int64(place)
                data.images.append(record)
                for row in 0..<truth.annotations.count where truth.annotations.imageIDs[row] == image {
                    var annotation = truth.annotations[row]
                    annotation.id = Int64(data.annotations.count)
                    annotation.imageID = record.id
                    data.annotations.append(annotation)
                }
                for row in 0..<table.count where table.imageIDs[row] == image {
                    var detection = table[row]
                    detection.imageID = record.id
                    results.append(detection)
                }
            }
            let evaluation = try Evaluation(truth: data, detections: results, options: Self.options)
            return try #require(evaluation.averagePrecision())
        }

        /// All draws, which are equally probable; the images of each in their order.
        var draws: [[Int]] {
            (0..<imageCount).reduce([[]]) { draws, _ in
                draws.flatMap { draw in (0..<imageCount).map { draw + [$0] } }
            }.map { $0.sorted() }
        }
    }

    /// The middle 90 % of equally probable values, moved as the interval is.
    private func exactInterval(_ values: [Double], around value: Double) -> (low: Double, high: Double) {
        let sorted = values.sorted()
        func quantile(_ share: Double) -> Double {
            sorted[Int((share * Double(sorted.count)).rounded(.up)) - 1]
        }
        return (value + quantile(0.05) - quantile(0.5), value + quantile(0.95) - quantile(0.5))
    }

    /// An image that is drawn twice must count as in a data set that holds it twice: all 27 draws of 3 images, each
    /// evaluated as a data set of its own.
    @Test func intervalsAreThoseOfAllDraws() throws {
        let problem = FewImages(imageCount: 3)
        let evaluation = try Evaluation(
            truth: problem.truth, detections: problem.first, options: FewImages.options)
        let interval = try evaluation.intervals(parts: evaluation.parts(), resamples: 4000, level: 0.9)[0]
        let value = try problem.figure(problem.first, draw: [0, 1, 2])
        let values = try problem.draws.map { try problem.figure(problem.first, draw: $0) }
        #expect(Set(values).count > 5)
        let expected = exactInterval(values, around: value)
        #expect(abs((interval.value ?? -1) - value) < 1e-12)
        #expect(abs(interval.low - max(0, expected.low)) < 1e-9, "\(interval) \(expected)")
        #expect(abs(interval.high - min(1, expected.high)) < 1e-9, "\(interval) \(expected)")

        let other = try Evaluation(
            truth: problem.truth, detections: problem.second, options: FewImages.options)
        let difference = try Evaluation.compare(
            evaluation, other, parts: evaluation.parts(), resamples: 4000, level: 0.9)[0]
        let changes = try zip(values, problem.draws).map { try problem.figure(problem.second, draw: $1) - $0 }
        let change = try problem.figure(problem.second, draw: [0, 1, 2]) - value
        let range = exactInterval(changes, around: change)
        #expect(abs(difference.low - range.low) < 1e-9 && abs(difference.high - range.high) < 1e-9)
    }

    /// The p-value beside that of all 32 ways to exchange the two files' results of 5 images.
    @Test func pValuesAreThoseOfAllExchanges() throws {
        let problem = FewImages(imageCount: 5)
        let all = Array(0..<5)
        func change(_ exchanged: Int) throws -> Double {
            var (first, second) = (DetectionTable(), DetectionTable())
            for row in 0..<problem.first.count {
                let isExchanged = exchanged >> Int(problem.first.imageIDs[row]) & 1 == 1
                first.append((isExchanged ? problem.second : problem.first)[row])
                second.append((isExchanged ? problem.first : problem.second)[row])
            }
            return try problem.figure(second, draw: all) - problem.figure(first, draw: all)
        }
        let actual = abs(try change(0))
        let exact = try (0..<32).count { try abs(change($0)) >= actual - 1e-12 }
        #expect(exact > 2 && exact < 30)
        let first = try Evaluation(
            truth: problem.truth, detections: problem.first, options: FewImages.options)
        let second = try Evaluation(
            truth: problem.truth, detections: problem.second, options: FewImages.options)
        let difference = try Evaluation.compare(first, second, parts: first.parts(), resamples: 4000)[0]
        #expect(abs(difference.pValue - Double(exact) / 32) < 0.025, "\(difference.pValue) \(exact) of 32")
    }

    @Test func comparisonSeesADifferenceAndNoneWhereThereIsNone() throws {
        let problem = problem()
        var worse = DetectionTable()
        for row in 0..<problem.detections.count {
            var detection = problem.detections[row]
            detection.box?.x += 2
            worse.append(detection)
        }
        let options = EvaluationOptions.coco(.box)
        let first = try Evaluation(truth: problem.truth, detections: problem.detections, options: options)
        let second = try Evaluation(truth: problem.truth, detections: worse, options: options)
        let same = try Evaluation.compare(first, first, parts: first.parts(), resamples: 100)
        #expect(same.allSatisfy { $0.pValue == 1 && $0.low == 0 && $0.high == 0 })
        let differences = try Evaluation.compare(first, second, parts: first.parts(), resamples: 200)
        #expect(differences[0].high < 0 && differences[0].pValue < 0.05)
        let back = try Evaluation.compare(second, first, parts: first.parts(), resamples: 200)
        #expect(back[0].low > 0 && back[0].pValue == differences[0].pValue)
        #expect(message { _ = try first.intervals(parts: first.parts(), resamples: 0) } != nil)
        let proposals = try Evaluation(truth: problem.truth, detections: worse, options: .proposals(.box))
        #expect(
            message { _ = try proposals.intervals(parts: proposals.parts()) }?.contains("proposals") == true)
        #expect(message { _ = try Evaluation.compare(first, proposals, parts: first.parts()) } != nil)
    }
}
