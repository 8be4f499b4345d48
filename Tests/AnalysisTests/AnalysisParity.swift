import Analysis
import COCO
import FixtureSupport
import Foundation
import Testing

/// Every case below Tests/Fixtures/analysis; rules are in the cases' notes.
@Suite struct AnalysisParity {
    @Test(arguments: try Fixtures.names("analysis"))
    func matchesTheReference(_ name: String) throws {
        let fixture = try Fixtures.case("analysis", name)
        let truth = try Dataset(contentsOf: fixture.path("gt.json"))
        let detections = try DetectionTable(contentsOf: fixture.path("dt.json"))
        let kind = try fixture.parameters["type"].string
        let geometry = try #require(EvaluationOptions.Geometry(rawValue: kind))
        let overlaps = try Overlaps(truth: truth, detections: detections, geometry: geometry)
        let checks = Checks(fixture: fixture)
        switch name {
        case let name where name.hasPrefix("tide-"): try checks.errors(overlaps)
        case let name where name.hasPrefix("confusion-"): try checks.confusion(overlaps)
        case let name where name.hasPrefix("calibration-"):
            try checks.calibration(overlaps)
            let evaluation = try Evaluation(truth: truth, detections: detections, options: .coco(geometry))
            try checks.interpolatedF1(evaluation)
        default: Issue.record("the case \(fixture.name) is not understood")
        }
    }
}

private struct Checks {
    let fixture: FixtureCase

    func equal(_ got: Double?, _ want: JSONValue?, _ label: String) throws {
        guard let want else {
            #expect(got == nil, "\(fixture.name) \(label): \(got ?? .nan), expected none")
            return
        }
        let value = try #require(got, "\(fixture.name) \(label)")
        let difference = Comparison.difference(
            "\(fixture.name) \(label)", [value], [try want.double], shape: [1], try fixture.tolerance())
        #expect(difference == nil, "\(difference ?? "")")
    }

    func errors(_ overlaps: Overlaps) throws {
        for expected in try fixture.expected["tidecv"].array {
            let thresholds = try expected["thresholds"].doubles
            let analysis = try ErrorAnalysis(
                overlaps, thresholds: .init(foreground: thresholds[0], background: thresholds[1]),
                maximumDetections: try fixture.parameters["max_detections"].int)
            let figures = analysis.figures(averaging: .detectedClasses)
            let label = "at \(thresholds)"
            try equal(figures.averagePrecision, try expected["ap"], "\(label) ap")
            #expect(try expected["main"].object.count == ErrorAnalysis.Kind.allCases.count)
            for kind in ErrorAnalysis.Kind.allCases {
                try equal(figures.costs[kind], try expected["main"][kind.rawValue], "\(label) \(kind)")
                #expect(
                    try analysis.counts[kind] == expected["counts"][kind.rawValue].int,
                    "\(fixture.name) \(label) count of \(kind)")
            }
            try equal(figures.falsePositives, try expected["special"]["FalsePos"], "\(label) FalsePos")
            try equal(figures.falseNegatives, try expected["special"]["FalseNeg"], "\(label) FalseNeg")
            #expect(try analysis.outcomes.map(\.rawValue) == expected["outcome"].strings, "\(label)")
            #expect(
                try analysis.kinds.map { $0?.rawValue ?? "null" }
                    == expected["error"].array.map { $0 == .null ? "null" : try $0.string }, "\(label)")
            #expect(try analysis.missed == expected["missed"].ints.map(Int64.init).sorted(), "\(label)")
        }
    }

    func confusion(_ overlaps: Overlaps) throws {
        for (index, expected) in try fixture.expected["runs"].array.enumerated() {
            var options = ConfusionMatrix.Options()
            options.iouThreshold = try expected["iou"].double
            options.scoreThreshold = try expected.optional("min_score").map { try $0.double }
            options.maximumDetections = try expected["max_detections"].int
            let matrix = try ConfusionMatrix(overlaps, options: options)
            #expect(try matrix.categories.map { Int($0.id) } == expected["categories"].ints)
            #expect(try matrix.counts == expected["hotcoco"].array.flatMap { try $0.ints }, "run \(index)")
            #expect(
                try matrix.confusions.map { [Int($0.truth), Int($0.prediction), $0.count] }
                    == expected["pairs"].array.map { try $0.ints }, "run \(index)")
            let matches = try expected["matches"].array.map { pair in
                let pair = try pair.array
                return [try pair[0].int, pair[1] == .null ? nil : try pair[1].int]
            }
            #expect(
                matrix.matches.map { [$0.detection, $0.annotation.map(Int.init)] } == matches, "run \(index)")
            let normalized = try fixture.floats("out.normalized.\(index)")
            for (got, want) in zip(matrix.normalized, normalized) { #expect(abs(got - Double(want)) < 1e-6) }
            options.matching = .classFirst
            #expect(
                try ConfusionMatrix(overlaps, options: options).counts
                    == expected["supervision"].array.flatMap { try $0.ints }, "run \(index), class first")
        }
    }

    func calibration(_ overlaps: Overlaps) throws {
        let (parameters, expected) = (try fixture.parameters, try fixture.expected)
        let assignment = try Assignment(
            overlaps, iouThreshold: try parameters["iou"].double,
            maximumDetections: try parameters["max_detections"].int)
        let calibration = try Calibration(assignment, binCount: try parameters["bins"].int)
        let wanted = try expected["calibration"]
        try equal(calibration.expectedError, try wanted["ece"], "ece")
        try equal(calibration.maximumError, try wanted["mce"], "mce")
        #expect(try calibration.detectionCount == wanted["num_detections"].int)
        for (bin, want) in zip(calibration.bins, try wanted["bins"].array) {
            try equal(bin.lowerBound, try want["bin_lower"], "bin")
            try equal(bin.upperBound, try want["bin_upper"], "bin")
            try equal(bin.meanScore, try want["avg_confidence"], "confidence of a bin")
            try equal(bin.precision, try want["avg_accuracy"], "accuracy of a bin")
            #expect(try bin.count == want["count"].int)
        }
        try byClass(calibration.classErrors, try wanted["per_category"], "ece")
        for want in try expected["laece"].array {
            let assignment = try Assignment(overlaps, iouThreshold: try want["tau"].double)
            let calibration = try Calibration(assignment, binCount: try want["bins"].int)
            try equal(calibration.localizationAwareError, try want["laece"], "laece")
            try byClass(calibration.classLocalizationAwareErrors, try want["per_category"], "laece")
        }
        try operatingPoints(OperatingPoints(assignment), try expected["best_f1"], assignment)
        try localizationRecallPrecision(overlaps, try expected["lrp"])
    }

    private func byClass(_ got: [Int64: Double], _ want: JSONValue, _ label: String) throws {
        #expect(try Set(got.keys.map { "\($0)" }) == Set(want.object.keys), "\(fixture.name) \(label)")
        for (id, value) in got { try equal(value, try want["\(id)"], "\(label) of \(id)") }
    }

    private func operatingPoints(_ got: OperatingPoints, _ want: JSONValue, _ assignment: Assignment) throws {
        func check(_ point: OperatingPoints.Point?, _ want: JSONValue?, _ label: String) throws {
            try equal(point?.threshold, want?.optional("threshold"), "\(label) threshold")
            try equal(point?.f1, want?.optional("f1"), "\(label) f1")
            try equal(point?.precision, want?.optional("precision"), "\(label) precision")
            try equal(point?.recall, want?.optional("recall"), "\(label) recall")
        }
        try check(got.best, try want["micro"], "best f1")
        try equal(got.bestMacro?.threshold, try want["macro"]["threshold"], "macro threshold")
        try equal(got.bestMacro?.f1, try want["macro"]["f1"], "macro f1")
        for category in assignment.categories {
            try check(
                got.bestByClass[category.id], want.optional("per_category")?.optional("\(category.id)"),
                "best f1 of \(category.id)")
        }
    }

    private func localizationRecallPrecision(_ overlaps: Overlaps, _ want: JSONValue) throws {
        let parameters = try fixture.parameters["lrp"]
        let got = LocalizationRecallPrecision(
            try Assignment(overlaps, iouThreshold: try parameters["tau"].double))
        let errors = got.errors(atScore: try parameters["score"].double)
        let classes = try want["per_category"].object
        #expect(Set(got.classOptima.keys.map { "\($0)" }) == Set(classes.keys))
        for (id, optimum) in got.classOptima {
            let want = try want["per_category"]["\(id)"]
            try equal(optimum.error, want.optional("olrp"), "olrp of \(id)")
            try equal(optimum.localization, want.optional("loc"), "loc of \(id)")
            try equal(optimum.falsePositives, want.optional("fp"), "fp of \(id)")
            try equal(optimum.falseNegatives, want.optional("fn"), "fn of \(id)")
            try equal(optimum.threshold, want.optional("threshold"), "threshold of \(id)")
            try equal(errors[id], want.optional("at_score"), "lrp of \(id)")
        }
        try equal(got.mean?.error, want.optional("olrp"), "olrp")
        try equal(got.mean?.localization, want.optional("loc"), "loc")
        try equal(got.mean?.falsePositives, want.optional("fp"), "fp")
        try equal(got.mean?.falseNegatives, want.optional("fn"), "fn")
        let mean = errors.isEmpty ? nil : errors.values.sorted().reduce(0, +) / Double(errors.count)
        try equal(mean, want.optional("at_score"), "lrp")
    }

    /// The greatest F1 on the interpolated precision curve, mean over classes: hotcoco's `f_scores`.
    func interpolatedF1(_ evaluation: Evaluation) throws {
        let want = try fixture.expected["f_scores"]
        try equal(evaluation.interpolatedF1(), want.optional("F1"), "F1")
        try equal(evaluation.interpolatedF1(iouThreshold: 0.5), want.optional("F1_50"), "F1_50")
        try equal(evaluation.interpolatedF1(iouThreshold: 0.75), want.optional("F1_75"), "F1_75")
    }
}
