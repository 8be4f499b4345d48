import COCO
import FixtureSupport
import Foundation
import Testing

@testable import Analysis

@Suite struct AnalysisTests {
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func errorsAreThoseOfASlowImplementation(_ seed: UInt64) throws {
        let problem = RandomBoxes(seed: seed, crowds: seed.isMultiple(of: 2))
        let overlaps = try Overlaps(truth: problem.truth, detections: problem.detections, geometry: .box)
        let errors = try ErrorAnalysis(overlaps)
        let slow = SlowErrors(problem.truth, problem.detections, foreground: 0.5, background: 0.1)
        let figures = errors.figures(averaging: .detectedClasses)
        #expect(abs(figures.averagePrecision - slow.averagePrecision) < 1e-9)
        for kind in ErrorAnalysis.Kind.allCases {
            #expect(errors.counts[kind] == slow.counts[kind], "\(kind)")
            #expect(abs((figures.costs[kind] ?? -1) - (slow.costs[kind] ?? -2)) < 1e-9, "\(kind)")
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func resultsDoNotDependOnThreads(_ seed: UInt64) throws {
        let problem = RandomBoxes(seed: seed, images: 80)
        let texts = try [1, 3].map { count in
            var options = AnalysisReport.Options()
            options.threadCount = count
            return try AnalysisReport(truth: problem.truth, detections: problem.detections, options: options)
                .json()
        }
        #expect(texts[0] == texts[1])
    }

    @Test func everyObjectAndShownDetectionIsInTheConfusionMatrixOnce() throws {
        for seed in 20..<26 as Range<UInt64> {
            let problem = RandomBoxes(seed: seed)
            let overlaps = try Overlaps(truth: problem.truth, detections: problem.detections, geometry: .box)
            for matching in ConfusionMatrix.Matching.allCases {
                var options = ConfusionMatrix.Options()
                options.matching = matching
                let matrix = try ConfusionMatrix(overlaps, options: options)
                let side = matrix.categories.count + 1
                for (index, category) in matrix.categories.enumerated() {
                    let objects = problem.truth.annotations.categoryIDs.count { $0 == category.id }
                    #expect(matrix.counts[index * side..<(index + 1) * side].reduce(0, +) == objects)
                    let detections = problem.detections.categoryIDs.count { $0 == category.id }
                    #expect((0..<side).reduce(0) { $0 + matrix.counts[$1 * side + index] } == detections)
                }
            }
        }
    }

    @Test func aPerfectDetectorHasNothingToRepair() throws {
        let problem = RandomBoxes(seed: 3)
        var perfect = DetectionTable()
        for row in 0..<problem.truth.annotations.count {
            let object = problem.truth.annotations[row]
            perfect.append(
                DetectionRecord(
                    imageID: object.imageID, categoryID: object.categoryID, score: 1, box: object.box))
        }
        let report = try AnalysisReport(truth: problem.truth, detections: perfect)
        let figures = report.errors.figures()
        #expect(abs(figures.averagePrecision - 100) < 1e-9)
        #expect(figures.costs.values.allSatisfy { $0 < 1e-9 } && figures.falsePositives < 1e-9)
        #expect(report.operatingPoints.best?.f1 == 1)
        #expect(report.localizationRecallPrecision.mean?.error == 0)
        #expect(report.calibration?.expectedError == 0)
        #expect(report.suspects.isEmpty && report.confusion.confusions.isEmpty)
        #expect(report.pictures.allSatisfy { $0.falsePositives == 0 && $0.falseNegatives == 0 })
    }

    @Test func nothingAndOnlyCrowdsAreReportedWithoutFigures() throws {
        var crowd = RandomBoxes(seed: 5, crowds: false).truth
        let annotations = crowd.annotations
        crowd.annotations = AnnotationTable()
        for row in 0..<annotations.count {
            var record = annotations[row]
            record.isCrowd = true
            crowd.annotations.append(record)
        }
        for (truth, detections) in [
            (Dataset(), DetectionTable()), (crowd, DetectionTable()),
            (crowd, RandomBoxes(seed: 5).detections),
        ] {
            let report = try AnalysisReport(truth: truth, detections: detections)
            #expect(report.evaluation.averagePrecision() == nil)
            #expect(report.localizationRecallPrecision.mean == nil)
            #expect(!report.text().contains("nan"))
            let object = try JSONSerialization.jsonObject(with: Data(report.json().utf8)) as? [String: Any]
            let part = try #require((object?["parts"] as? [[String: Any]])?.first)
            #expect(part["name"] as? String == "all" && part["AP"] == nil)
        }
    }

    @Test func classesWithoutObjectsDoNotDrawTheMeanDown() throws {
        var problem = RandomBoxes(seed: 3)
        problem.truth.categories += (100..<120).map { Category(id: $0, name: "absent \($0)") }
        let overlaps = try Overlaps(truth: problem.truth, detections: problem.detections, geometry: .box)
        let before = try ErrorAnalysis(overlaps).figures()
        for id in 100..<120 as Range<Int64> {
            problem.detections.append(
                DetectionRecord(
                    imageID: 0, categoryID: id, score: 0.001 * Double(id - 99) / 20,
                    box: BoundingBox(x: 1, y: 1, width: 5, height: 5)))
        }
        let errors = try ErrorAnalysis(
            Overlaps(truth: problem.truth, detections: problem.detections, geometry: .box))
        #expect(abs(errors.figures().averagePrecision - before.averagePrecision) < 1e-12)
        #expect(
            errors.figures(averaging: .detectedClasses).averagePrecision < 0.5 * before.averagePrecision)
    }

    @Test func scoresAboveOneLeaveOutCalibrationAlone() throws {
        var problem = RandomBoxes(seed: 3)
        problem.detections.append(
            DetectionRecord(
                imageID: 0, categoryID: 0, score: 7, box: BoundingBox(x: 0, y: 0, width: 5, height: 5)))
        let report = try AnalysisReport(truth: problem.truth, detections: problem.detections)
        #expect(report.calibration == nil)
        #expect(report.calibrationFailure?.contains("with 7") == true)
        #expect(report.operatingPoints.best != nil)
    }
}

@Suite struct ImageSliceTests {
    private let dataset: Dataset = {
        var dataset = Dataset()
        for (id, width, name) in [
            (1, 640, "night/a.jpg"), (2, 320, "day/b.jpg"), (3, 320, "day/night/c.jpg"),
        ] {
            dataset.images.append(ImageRecord(id: Int64(id), width: width, height: 480, fileName: name))
        }
        for _ in 0..<3 { dataset.annotations.append(AnnotationRecord(id: 0, imageID: 2, categoryID: 1)) }
        return dataset
    }()

    @Test(arguments: [
        ("width<640", [2, 3]), ("width>=640", [1]), ("height=480, width!=640", [2, 3]), ("aspect>1", [1]),
        ("objects>2", [2]), ("folder=night", [1, 3]), ("folder=day/night", [3]), ("folder!=night", [2]),
        ("tag=rain", [3]), ("tag!=rain,width<640", [2]),
    ])
    func aRuleChoosesImages(_ rule: String, _ ids: [Int64]) throws {
        #expect(try ImageSlice(rule).imageIDs(in: dataset, tags: [3: ["rain"]]) == ids)
    }

    @Test(arguments: ["", "width", "width<wide", "color=red", "folder<night", "tag=", "width<640,"])
    func aRuleThatIsNotUnderstoodIsNamed(_ rule: String) {
        let error = #expect(throws: COCOError.self) { try ImageSlice(rule) }
        #expect(error?.reason.contains("objects>20") == true)
        #expect(error?.subject == "slice '\(rule)'")
    }
}

@Suite struct ReportPageTests {
    @Test func thePageHoldsWhatItShowsAndNothingFromElsewhere() throws {
        var problem = RandomBoxes(seed: 7, images: 5)
        problem.truth.categories[0].name = "</script><b>&\"'"
        let report = try AnalysisReport(truth: problem.truth, detections: problem.detections)
        var files: [String: String] = [:]
        try report.writePages(title: "<a> & b", address: { "../pictures/\($0.path)" }) { files[$0] = $1 }
        #expect(files.keys.sorted() == ["figures.json", "index.html", "pictures/0.js"])
        let page = try #require(files["index.html"])
        #expect(page.contains("<title>&lt;a&gt; &amp; b</title>"))
        #expect(!page.contains("</script><b>"))
        #expect(page.components(separatedBy: "</script>").count == 2)
        // The name of SVG's elements is the only address, and nothing is fetched from it.
        #expect(
            page.components(separatedBy: "http").count == 2 && page.contains("'http://www.w3.org/2000/svg'"))
        let figures = try #require(files["figures.json"])
        let json = try #require(JSONSerialization.jsonObject(with: Data(figures.utf8)) as? [String: Any])
        #expect((json["pictures"] as? [Any])?.count == 5)
        let script = try #require(files["pictures/0.js"])
        #expect(script.hasPrefix("page(0,[") && script.components(separatedBy: "\n").count == 8)
        // Boxes alone have no outlines to draw.
        #expect(page.contains("const hasMasks = false;") && !script.contains("\"tp\""))
    }

    @Test func masksAreDrawnAsOutlines() throws {
        var truth = Dataset()
        truth.images.append(ImageRecord(id: 0, width: 60, height: 40, fileName: "a.jpg"))
        truth.categories = [Category(id: 0, name: "a")]
        let box = BoundingBox(x: 4, y: 6, width: 20, height: 10)
        truth.annotations.append(
            AnnotationRecord(
                id: 0, imageID: 0, categoryID: 0, box: box, area: 200,
                // A point that no one sees, on a side.
                segmentation: .polygons([[4, 6, 14, 6.2, 24, 6, 24, 16, 4, 16]])))
        truth.annotations.append(
            AnnotationRecord(
                id: 1, imageID: 0, categoryID: 0, box: BoundingBox(x: 40, y: 6, width: 5, height: 5), area: 25
            ))
        var detections = DetectionTable()
        var pixels = [UInt8](repeating: 0, count: 60 * 40)
        for row in 6..<16 { for column in 4..<24 { pixels[row * 60 + column] = 1 } }
        // A hole is a ring of its own, without a cut to it.
        for row in 9..<13 { for column in 8..<12 { pixels[row * 60 + column] = 0 } }
        let mask = try RunLengthMask(height: 40, width: 60, pixels: pixels)
        detections.append(
            DetectionRecord(
                imageID: 0, categoryID: 0, score: 0.5, box: box,
                segmentation: .compressedRunLengths(height: 40, width: 60, counts: mask.compressed)))
        let report = try AnalysisReport(truth: truth, detections: detections)
        var files: [String: String] = [:]
        try report.writePages(title: "t", address: { _ in nil }, thumbnail: { "small/\($0.id).jpg" }) {
            files[$0] = $1
        }
        let script = try #require(files["pictures/0.js"])
        #expect(script.contains(#""tp":["M4 6 24 6 24 16 4 16Z",""]"#), "\(script)")
        #expect(script.contains(#""dp":["M4 6 24 6 24 16 4 16ZM8 13 12 13 12 9 8 9Z"]"#), "\(script)")
        let page = try #require(files["index.html"])
        #expect(page.contains("const hasMasks = true;") && page.contains("\"thumbnail\":\"small"))
    }
}
