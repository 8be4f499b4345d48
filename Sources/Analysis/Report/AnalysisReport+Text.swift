import COCO
import Support

extension AnalysisReport {
    /// A statement of how AP was measured.
    public var protocolText: String {
        let kind = options.geometry == .box ? "boxes" : "masks"
        let rules = evaluation.options.rules == .lvis ? "LVIS's rules" : "COCO's rules"
        return "\(kind), \(rules), \(evaluation.categories.count) classes at once, protocol "
            + (options.protocolName ?? "not stated")
    }

    /// The figures as tables for people.
    ///
    /// - Parameter classLimit: How many classes, pairs, pictures and suspects a table shows.
    public func text(classLimit: Int = 20) -> String {
        var text = ""
        let rules = Rules(self)
        func section(_ title: String, _ rule: String, _ rows: [[String]], left: Int = 1) {
            text += "\n\(title)\n\(Self.wrapped(rule))\n" + TextTable(rows, leftAligned: left).text
        }
        section(
            "Average precision", rules.averagePrecision,
            [["classes", "AP", "AP50", "AP75", "number"]]
                + parts.map { part in
                    [
                        part.name, Self.share(evaluation.averagePrecision(classes: part.classes)),
                        Self.share(evaluation.averagePrecision(iouThreshold: 0.5, classes: part.classes)),
                        Self.share(evaluation.averagePrecision(iouThreshold: 0.75, classes: part.classes)),
                        "\(part.classes.count)",
                    ]
                })
        if !intervals.isEmpty {
            section(
                "Intervals", rules.intervals,
                [["classes", "figure", "value", "low", "high"]]
                    + intervals.map {
                        [$0.part, $0.figure, Self.share($0.value), Self.share($0.low), Self.share($0.high)]
                    }, left: 2)
        }
        section(
            "Errors", rules.errors,
            [["classes", "AP"] + ErrorAnalysis.Kind.allCases.map(\.rawValue) + ["FalsePos", "FalseNeg"]]
                + errorRows.map { name, figures in
                    [name, Self.percent(figures.averagePrecision)]
                        + ErrorAnalysis.Kind.allCases.map { Self.percent(figures.costs[$0] ?? 0) }
                        + [Self.percent(figures.falsePositives), Self.percent(figures.falseNegatives)]
                }
                + [["count", ""] + ErrorAnalysis.Kind.allCases.map { "\(errors.counts[$0] ?? 0)" }])
        if let best = operatingPoints.best, let macro = operatingPoints.bestMacro {
            section(
                "Best thresholds", rules.thresholds,
                [
                    ["over", "threshold", "F1", "precision", "recall"],
                    [
                        "all detections", NumberText.significant(best.threshold, 4), Self.share(best.f1),
                        Self.share(best.precision), Self.share(best.recall),
                    ],
                    ["mean of classes", NumberText.significant(macro.threshold, 4), Self.share(macro.f1)],
                ])
        }
        section(
            "Confused classes",
            rules.confusion,
            [["objects of", "taken for", "count"]]
                + confusion.confusions.prefix(classLimit).map {
                    [name(ofCategory: $0.truth), name(ofCategory: $0.prediction), "\($0.count)"]
                }, left: 2)
        if let calibration {
            section(
                "Calibration", rules.calibration,
                [
                    ["D-ECE", "greatest gap", "LaECE", "detections"],
                    [
                        Self.share(calibration.expectedError), Self.share(calibration.maximumError),
                        Self.share(calibration.localizationAwareError), "\(calibration.detectionCount)",
                    ],
                ], left: 0)
        }
        if let mean = localizationRecallPrecision.mean {
            section(
                "LRP", rules.localizationRecallPrecision,
                [
                    ["oLRP", "1 - IoU", "1 - precision", "1 - recall"],
                    [
                        Self.share(mean.error), Self.share(mean.localization),
                        Self.share(mean.falsePositives),
                        Self.share(mean.falseNegatives),
                    ],
                ], left: 0)
        }
        section(
            "Recall", rules.recall,
            [["objects", "found", "of", "recall", ""]]
                + (recall.bySize + recall.byAspect + recall.byCrowding).map {
                    [$0.name, "\($0.foundCount)", "\($0.objectCount)", Self.share($0.recall), $0.rule]
                })
        if !slices.isEmpty {
            section(
                "Slices", rules.slices,
                [["slice", "images", "objects", "AP", "AP50"]]
                    + slices.map {
                        [
                            $0.name, "\($0.imageCount)", "\($0.objectCount)", Self.share($0.averagePrecision),
                            Self.share($0.at50),
                        ]
                    })
        }
        if !differences.isEmpty {
            // Parts first; then the classes that differ most.
            let names = Set(parts.map(\.name))
            let single = differences.filter { !names.contains($0.part) && $0.figure == "AP" }
                .sorted { abs(($0.second ?? 0) - ($0.first ?? 0)) > abs(($1.second ?? 0) - ($1.first ?? 0)) }
            section(
                "Compared with the other detections", rules.differences,
                [["classes", "figure", "first", "second", "low", "high", "p"]]
                    + (differences.filter { names.contains($0.part) } + single.prefix(classLimit)).map {
                        [
                            $0.part, $0.figure, Self.share($0.first), Self.share($0.second),
                            NumberText.decimals($0.low, 3), NumberText.decimals($0.high, 3),
                            Self.share($0.pValue),
                        ]
                    }, left: 2)
        }
        section(
            "Worst pictures", rules.pictures,
            [["picture", "right", "wrong", "missed"]]
                + pictures.prefix(min(classLimit, 10)).map {
                    [
                        pictureName($0), "\($0.truePositives)", "\($0.falsePositives)",
                        "\($0.falseNegatives)",
                    ]
                })
        section(
            "Labels to look at", rules.suspects,
            [["picture", "may be", "detected", "score"]]
                + suspects.prefix(min(classLimit, 10)).map {
                    [
                        pictureName(ofImage: $0.imageID), $0.kind.rawValue, name(ofCategory: $0.categoryID),
                        Self.share($0.score),
                    ]
                }, left: 3)
        return String(text.dropFirst())
    }

    /// The kinds of errors of all classes and of each part.
    var errorRows: [(name: String, figures: ErrorAnalysis.Figures)] {
        [("all", errors.figures())]
            + options.splits.map { ($0.name, errors.figures(of: Set($0.categoryIDs))) }
    }

    /// The name of an image's picture, or its id.
    func pictureName(_ summary: PictureSummary) -> String {
        let images = overlaps.problem.truth.images
        let name = images[overlaps.problem.imageRows[summary.index]].path
        return name.isEmpty ? "\(summary.imageID)" : name
    }

    private func pictureName(ofImage id: Int64) -> String {
        pictures.first { $0.imageID == id }.map { pictureName($0) } ?? "\(id)"
    }

    private static func share(_ value: Double?) -> String {
        guard let value, value.isFinite, value >= 0 else { return "-" }
        return NumberText.decimals(value, 3)
    }

    private static func percent(_ value: Double) -> String { NumberText.decimals(value, 2) }

    /// The text in lines of at most 100 characters.
    private static func wrapped(_ text: String) -> String {
        var lines = [""]
        for word in text.split(separator: " ") {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if last.count + word.count < 100 {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines.joined(separator: "\n")
    }
}
