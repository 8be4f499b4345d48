import COCO
import Support

extension AnalysisReport {
    /// The rule of each group of figures, as text, JSON and page print it beside them.
    struct Rules {
        let averagePrecision: String
        let intervals: String
        let errors: String
        let thresholds: String
        let confusion: String
        let calibration: String
        let localizationRecallPrecision: String
        let recall: String
        let slices: String
        let differences: String
        let pictures = "Most false positives and missed objects first."
        let suspects =
            "False positives by score: on nothing, on an object of another class, or beside an object."

        init(_ report: AnalysisReport) {
            let options = report.options
            let statement = report.protocolText
            let iou = NumberText.shortest(options.thresholds.foreground)
            averagePrecision =
                "\(statement). Mean of the precisions at 101 recalls, over IoU 0.5 to 0.95 (AP), at 0.5 (AP50) and at 0.75 "
                + "(AP75)."
            intervals =
                "95 % of \(options.resamples) draws of the images with replacement, seed \(options.seed); \(statement)."
            errors =
                "TIDE: AP in percent that repairing one kind of error alone would win, 101-point AP at IoU \(iou); "
                + "background below IoU \(NumberText.shortest(options.thresholds.background)). Cls: wrong class; Loc: "
                + "overlaps too little; Both: both; Dupe: object found before; Bkg: nothing there; Miss: not found. Mean over "
                + "classes that have objects; the best \(options.maximumDetections) detections of an image count; \(statement)."
            thresholds =
                "F1 = 2 TP / (2 TP + FP + FN) at IoU \(iou); a detection is kept from the threshold on; of equal F1 the "
                + "highest threshold."
            confusion =
                "Pairs by IoU, from \(iou), whatever the class, best score first, each object once; then classes are compared. "
                + "Detections from a score of \(NumberText.significant(report.scoreThreshold, 4))."
            calibration =
                "D-ECE: gap between mean score and precision, by \(options.binCount) bins of score, weighted by detections. "
                + "LaECE: the same with the IoU of right detections in place of 1, averaged over classes. Detections are "
                + "assigned as in COCO's evaluation at IoU \(iou), greedily by score."
            localizationRecallPrecision =
                "oLRP at IoU \(iou): the least (loose boxes + false positives + misses) over all thresholds, mean over "
                + "classes; 0 is perfect."
            recall =
                "Share of objects found at IoU \(iou) by any of the best 100 detections of their class and image."
            slices = "AP on a part of the images alone; \(statement)."
            differences =
                "Second minus first with its 95 % interval, paired over \(report.comparisonDraws) draws of the images; p is "
                + "that of no difference; \(statement)."
        }

        /// The rules of what a report holds, by the names of its JSON.
        func byName(_ report: AnalysisReport) -> [String: String] {
            var rules = [
                "average_precision": averagePrecision, "errors": errors, "confusion": confusion,
                "thresholds": thresholds, "calibration": calibration, "lrp": localizationRecallPrecision,
                "recall": recall, "pictures": pictures, "suspects": suspects,
            ]
            if !report.intervals.isEmpty { rules["intervals"] = intervals }
            if !report.slices.isEmpty { rules["slices"] = slices }
            if !report.differences.isEmpty { rules["differences"] = differences }
            return rules
        }
    }
}
