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
                let box = Box(x: Double(image % 7), y: Double(20 * object), width: 10, height: 10)
                all.truth.annotations.append(
                    Annotation(
                        id: Int64(2 * image + object), imageID: Int64(image), categoryID: Int64(object + 1),
                        box: box,
                        area: 100))
                var moved = box
                moved.x += Double((image * 3) % 5)
                all.detections.append(
                    Detection(
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

    /// Drawing an image twice must equal a data set that holds it twice.
    @Test func oneDrawEqualsTheDataSetItStandsFor() throws {
        let problem = problem()
        // With a single image every draw is the data set itself.
        var single = Dataset()
        single.categories = problem.truth.categories
        single.images.append(problem.truth.images[0])
        for row in 0..<2 { single.annotations.append(row: row, of: problem.truth.annotations) }
        var found = DetectionTable()
        for row in 0..<2 { found.append(row: row, of: problem.detections) }
        let evaluation = try Evaluation(truth: single, detections: found, options: .coco(.box))
        for interval in try evaluation.intervals(parts: evaluation.parts(), resamples: 5) {
            #expect(interval.low == interval.value && interval.high == interval.value)
        }
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
