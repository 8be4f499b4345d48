import COCO
import Support

extension AnalysisReport {
    /// All figures as one JSON object, keys in the order of the alphabet. Shares are of 1, costs of errors in percent of AP.
    /// Figures that do not exist, such as the AP of a class without objects, are absent.
    public func json() throws -> String { try JSONText.document(Output(self)) }

    /// ``json()`` in one line.
    func compactJSON() throws -> String { try JSONText.line(Output(self)) }
}

/// The form of the JSON object. Names are snake case, but for the figures' own.
private struct Output: Encodable {
    struct Part: Encodable {
        var name: String
        var classes: Int
        var AP: Double?
        var AP50: Double?
        var AP75: Double?
        var errors: [String: Double]
    }

    struct Class: Encodable {
        var id: Int64
        var name: String
        var part: String?
        var objects: Int
        var detections: Int
        var AP: Double?
        var AP50: Double?
        var best_threshold: Double?
        var f1: Double?
        var precision: Double?
        var recall: Double?
        var oLRP: Double?
        var d_ece: Double?
    }

    struct Confusion: Encodable {
        var truth: Int64
        var prediction: Int64
        var count: Int
    }

    struct Point: Encodable {
        var threshold: Double
        var f1: Double
        var precision: Double?
        var recall: Double?
    }

    struct Calibration: Encodable {
        var d_ece: Double
        var greatest_gap: Double
        var laece: Double?
        var bins: [[Double]]
    }

    struct Recall: Encodable {
        var name: String
        var rule: String
        var objects: Int
        var found: Int
    }

    struct Slice: Encodable {
        var rule: String
        var images: Int
        var objects: Int
        var AP: Double?
        var AP50: Double?
    }

    struct Interval: Encodable {
        var part: String
        var figure: String
        var value: Double?
        var low: Double?
        var high: Double?
    }

    struct Difference: Encodable {
        var part: String
        var figure: String
        var first: Double?
        var second: Double?
        var low: Double?
        var high: Double?
        var p_value: Double?
    }

    struct Suspect: Encodable {
        var kind: String
        var image_id: Int64
        var category_id: Int64
        var score: Double
        var annotation_id: Int64?
        var detection: Int
    }

    struct Picture: Encodable {
        var image_id: Int64
        var file_name: String
        var true_positives: Int
        var false_positives: Int
        var false_negatives: Int
    }

    var `protocol`: String
    var type: String
    var images: Int
    var detections: Int
    var iou_threshold: Double
    var background_threshold: Double
    var score_threshold: Double
    var parts: [Part]
    var error_counts: [String: Int]
    var classes: [Class]
    var confusions: [Confusion]
    /// [row, column, count] of the entries that are not 0; the last row and column are the background.
    var confusion_matrix: [[Int]]
    var best_threshold: Point?
    var best_mean_threshold: Point?
    var operating_points: [Point]
    var calibration: Calibration?
    var lrp: [String: Double?]
    var recall: [String: [Recall]]
    var slices: [Slice]
    var intervals: [Interval]
    var differences: [Difference]
    var suspects: [Suspect]
    var pictures: [Picture]
    var rules: [String: String]
    var notices: [String]

    init(_ report: AnalysisReport) {
        let evaluation = report.evaluation
        func errors(_ figures: ErrorAnalysis.Figures) -> [String: Double] {
            var values = Dictionary(uniqueKeysWithValues: figures.costs.map { ($0.rawValue, $1) })
            values["AP"] = figures.averagePrecision
            values["FalsePos"] = figures.falsePositives
            values["FalseNeg"] = figures.falseNegatives
            return values
        }
        `protocol` = report.protocolText
        type = report.options.geometry.rawValue
        images = evaluation.imageCount
        detections = report.overlaps.detectionCount
        iou_threshold = report.options.thresholds.foreground
        background_threshold = report.options.thresholds.background
        score_threshold = report.scoreThreshold
        parts = zip(report.parts, report.errorRows).map { part, row in
            Part(
                name: part.name, classes: part.classes.count,
                AP: evaluation.averagePrecision(classes: part.classes),
                AP50: evaluation.averagePrecision(iouThreshold: 0.5, classes: part.classes),
                AP75: evaluation.averagePrecision(iouThreshold: 0.75, classes: part.classes),
                errors: errors(row.figures))
        }
        error_counts = Dictionary(uniqueKeysWithValues: report.errors.counts.map { ($0.rawValue, $1) })
        classes = evaluation.categories.enumerated().map { index, category in
            let best = report.operatingPoints.bestByClass[category.id]
            return Class(
                id: category.id, name: category.name,
                part: report.options.splits.first { $0.categoryIDs.contains(category.id) }?.name,
                objects: evaluation.objectCounts[index * evaluation.options.areaRanges.count],
                detections: evaluation.detectionCounts[index],
                AP: evaluation.averagePrecision(classes: [index]),
                AP50: evaluation.averagePrecision(iouThreshold: 0.5, classes: [index]),
                best_threshold: best?.threshold, f1: best?.f1, precision: best?.precision,
                recall: best?.recall,
                oLRP: report.localizationRecallPrecision.classOptima[category.id]?.error,
                d_ece: report.calibration?.classErrors[category.id])
        }
        confusions = report.confusion.confusions.map {
            Confusion(truth: $0.truth, prediction: $0.prediction, count: $0.count)
        }
        let side = report.confusion.categories.count + 1
        confusion_matrix = report.confusion.counts.enumerated().compactMap { index, count in
            count == 0 ? nil : [index / side, index % side, count]
        }
        func point(_ point: OperatingPoints.Point) -> Point {
            Point(threshold: point.threshold, f1: point.f1, precision: point.precision, recall: point.recall)
        }
        let points = report.operatingPoints.points
        best_threshold = report.operatingPoints.best.map(point)
        best_mean_threshold = report.operatingPoints.bestMacro.map {
            Point(threshold: $0.threshold, f1: $0.f1)
        }
        // A curve needs no more points than a screen has columns.
        let step = max(1, points.count / 500)
        operating_points = points.indices.filter { $0 % step == 0 || $0 == points.count - 1 }
            .map { point(points[$0]) }
        calibration = report.calibration.map { calibration in
            Calibration(
                d_ece: calibration.expectedError, greatest_gap: calibration.maximumError,
                laece: calibration.localizationAwareError,
                bins: calibration.bins.map {
                    [$0.lowerBound, $0.upperBound, $0.meanScore, $0.precision, Double($0.count)]
                })
        }
        let mean = report.localizationRecallPrecision.mean
        lrp = [
            "oLRP": mean?.error, "localization": mean?.localization, "false_positives": mean?.falsePositives,
            "false_negatives": mean?.falseNegatives,
        ]
        func groups(_ groups: [RecallBreakdown.Group]) -> [Recall] {
            groups.map { Recall(name: $0.name, rule: $0.rule, objects: $0.objectCount, found: $0.foundCount) }
        }
        recall = [
            "size": groups(report.recall.bySize), "aspect": groups(report.recall.byAspect),
            "crowding": groups(report.recall.byCrowding),
        ]
        slices = report.slices.map {
            Slice(
                rule: $0.name, images: $0.imageCount, objects: $0.objectCount, AP: $0.averagePrecision,
                AP50: $0.at50)
        }
        intervals = report.intervals.map {
            Interval(part: $0.part, figure: $0.figure, value: $0.value, low: $0.low, high: $0.high)
        }
        differences = report.differences.map {
            Difference(
                part: $0.part, figure: $0.figure, first: $0.first, second: $0.second, low: $0.low,
                high: $0.high,
                p_value: $0.pValue)
        }
        suspects = report.suspects.map {
            Suspect(
                kind: $0.kind.rawValue, image_id: $0.imageID, category_id: $0.categoryID, score: $0.score,
                annotation_id: $0.annotationID, detection: $0.detection)
        }
        pictures = report.pictures.map {
            Picture(
                image_id: $0.imageID, file_name: report.pictureName($0), true_positives: $0.truePositives,
                false_positives: $0.falsePositives, false_negatives: $0.falseNegatives)
        }
        rules = AnalysisReport.Rules(report).byName(report)
        notices = report.notices + (report.calibrationFailure.map { ["calibration: \($0)"] } ?? [])
    }
}
