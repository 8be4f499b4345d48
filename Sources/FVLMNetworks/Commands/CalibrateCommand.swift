import Analysis
import ArgumentParser
import CLIP
import COCO
import Evaluation
import FVLM
import FVLMCommand
import Foundation
import Support

extension ScoreMap.Method: ExpressibleByArgument {}

/// `fvlm calibrate`
struct CalibrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .calibrate,
        discussion: """
            Scores of several classes, and of classes that were trained on (base) and others (novel), do not mean the same. \
            From annotated pictures that were not trained on, the command fits a map for each group, after which a score \
            is the share of right detections, and chooses thresholds: by the best F1 (--beta: F-beta), or for a wanted \
            precision. With --search it looks for weights and temperatures first, with --presence it fits how likely a class \
            is in a picture at all. The outcome is calibration.json in the \
            detector's folder (--output: elsewhere); it is used only where it is asked for:

              fvlm detect photos/ --model detector --classes "dog, cup" --calibrated --threshold best

            The table shows the calibration error (D-ECE, detections that find an object at IoU 0.5 by COCO's rule) and F1 \
            before and after, each half of the pictures measured with what was fitted to the other.

            Example:
              fvlm calibrate --model detector --annotations val.json --images val --plot reliability.svg
            """)

    @OptionGroup var detector: DetectorOptions

    @Option(
        name: [.short, .long], help: ArgumentHelp("The annotation file (COCO instances).", valueName: "file"),
        completion: .file())
    var annotations: String

    @Option(
        name: [.short, .long], help: ArgumentHelp("The folder of its pictures.", valueName: "folder"),
        completion: .directory)
    var images: String

    @Option(
        help:
            "Base and novel classes: ovd48-17 (COCO) or lvis-base-rare; otherwise what was trained on is base."
    )
    var split: OpenVocabularySplit?

    @Option(
        help: "single, imagenet-80, or a file with one template per line ({} for the name).",
        completion: .file())
    var templates = PromptTemplates.imageNet.name

    @Option(
        help: "platt (two numbers a group) or isotonic (any rising function, for thousands of detections).")
    var method = CalibrationFit.Options().method

    @Option(help: "Thresholds by the best F-beta: recall counts beta times as much as precision.")
    var beta: Double?

    @Option(
        name: .customLong("wanted-precision"),
        help: "Thresholds by a wanted precision, from 0 to 1, in place of F-beta.")
    var wantedPrecision: Double?

    @Option(
        help: ArgumentHelp(
            "Classes with at least so many objects get a map and a threshold of their own.",
            valueName: "objects"))
    var perClass: Int?

    @Flag(help: "Look for the weights of CLIP's score and for temperatures first.")
    var search = false

    @Flag(
        help:
            "Fit how likely a class is in a picture at all, and multiply scores by it; false alarms before and after are printed."
    )
    var presence = false

    @Option(
        help:
            "The number of pictures for --search and --presence, the first ones; they stay in memory."
    )
    var searchPictures = 200

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The file to write; calibration.json in the detector's folder if not given.", valueName: "file"),
        completion: .file())
    var output: String?

    @Option(
        help: ArgumentHelp("Write the reliability diagram (SVG).", valueName: "file"), completion: .file())
    var plot: String?

    @Option(help: "The number of pictures per batch.")
    var batchSize = 1

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if beta != nil, wantedPrecision != nil {
            throw ValidationError("--beta and --wanted-precision are mutually exclusive")
        }
        if let beta, !(beta > 0 && beta.isFinite) { throw ValidationError("--beta must be above 0") }
        if let wantedPrecision, !(wantedPrecision > 0 && wantedPrecision <= 1) {
            throw ValidationError("--wanted-precision must be above 0 and at most 1")
        }
        if let perClass, perClass < 1 { throw ValidationError("--per-class must be at least 1") }
        if searchPictures < 1 { throw ValidationError("--search-pictures must be at least 1") }
        if batchSize < 1 { throw ValidationError("--batch-size must be at least 1") }
    }

    private var fitting: CalibrationFit.Options {
        var options = CalibrationFit.Options()
        options.method = method
        options.classObjects = perClass
        options.criterion = wantedPrecision.map { .precision($0) } ?? .fBeta(beta ?? 1)
        return options
    }

    func run() async throws {
        let target = output ?? Path.join(detector.model, ScoreCalibration.fileName)
        let inputs = OutputGuard(
            [annotations, templates, images], models: output == nil ? [] : detector.models)
        try inputs.check(file: target)
        try inputs.check(file: plot)
        let truth = try Dataset(tolerating: annotations)
        let loaded = try detector.load()
        let splits =
            try split?.parts(of: truth) ?? EvaluateCommand.parts(of: truth, trained: loaded.trainedNames)
        let scored = truth.categories.filter { category in
            splits.isEmpty || splits.contains { $0.categoryIDs.contains(category.id) }
        }
        let base = Set(splits.first { $0.name == "base" }?.categoryIDs ?? [])
        let vocabulary = try Vocabulary(
            encoding: scored.map {
                Vocabulary.Class($0.name, split: splits.isEmpty ? nil : base.contains($0.id) ? .base : .novel)
            }, templates: PromptTemplates(named: templates), with: loaded.clip,
            tokenizer: loaded.clip.tokenizer(), note: StandardError.note)
        var evaluator = try DetectorEvaluator(
            truth: truth, imagesIn: images, vocabulary: vocabulary, splits: splits)
        evaluator.pictureCount = 0
        evaluator.batchSize = batchSize
        try evaluator.checkPictures()
        var options = detector.options(loaded)
        options.includesMasks = false
        if detector.scoreThreshold == nil { options.scoreThreshold = min(options.scoreThreshold, 0.01) }
        var trials: [ScoringSearch.Trial] = []
        var alarms: [PresenceFit.Alarms] = []
        if search || presence {
            options.includesPresence = presence
            let seen = try seen(evaluator, loaded, options)
            options.includesPresence = false
            if search { (options, trials) = try searched(evaluator, seen, loaded, options) }
            if presence {
                (options, alarms) = try Self.withPresence(evaluator, seen, options)
            }
        }
        let bar = ProgressBar("pictures")
        let found = try await evaluator.detections(of: loaded, options: options) { bar.update($0, of: $1) }
        bar.finish()
        for fault in found.faults { StandardError.note("skipped: \(fault.error)") }
        for note in evaluator.measurement(of: found).notes { StandardError.note(note) }
        let fit = CalibrationFit(
            truth: evaluator.truth, detections: found.table,
            imageIDs: evaluator.measuredImageIDs(found, .box),
            categoryIDs: scored.map(\.id), splits: splits, options: fitting)
        let (groups, classes) = try fit.fitted()
        let crossed = try fit.crossed()
        let calibration = ScoreCalibration(
            detector: try loaded.network.store.digest(), clip: loaded.identity.description, scoring: options,
            method: method,
            criterion: wantedPrecision.map { "precision of at least \(JSONText.number($0))" }
                ?? "best F-beta with beta \(JSONText.number(beta ?? 1))",
            iouThreshold: fitting.iouThreshold, groups: groups, classes: classes)
        try calibration.write(to: target)
        if let plot {
            try AtomicFile.write(Self.diagram(crossed.before, crossed.after).file, to: plot)
        }
        if json {
            try StandardOutput.print(
                JSONText.line(
                    Output(
                        file: target, figures: crossed.figures, groups: groups, classes: classes,
                        trials: trials, alarms: alarms)))
        } else {
            try StandardOutput.print(Self.table(crossed.figures, groups), terminator: "")
            for trial in Self.chosen(trials, options, from: detector.options(loaded)) {
                try StandardOutput.print(trial)
            }
            for line in Self.described(alarms, options) { try StandardOutput.print(line) }
            try StandardOutput.print("\(target): \(classes.count) classes with maps of their own")
        }
    }

    private struct Output: Encodable {
        let file: String
        let figures: [CalibrationFit.Figures]
        let groups: [String: ScoreCalibration.Group]
        let classes: [String: ScoreCalibration.Group]
        let trials: [ScoringSearch.Trial]
        /// Without presences and with them; empty if none were wanted.
        let alarms: [PresenceFit.Alarms]
    }

    private func seen(
        _ evaluator: DetectorEvaluator, _ detector: Detector, _ options: ScoringOptions
    ) throws -> DetectorEvaluator.Seen {
        let bar = ProgressBar("pictures")
        defer { bar.finish() }
        return try evaluator.seen(by: detector, options: options, limit: searchPictures) {
            bar.update($0, of: $1)
        }
    }

    /// Options with fitted presences, and the false alarms before and after: each half of the pictures with what was fitted to
    /// the other.
    private static func withPresence(
        _ evaluator: DetectorEvaluator, _ seen: DetectorEvaluator.Seen, _ options: ScoringOptions
    ) throws -> (ScoringOptions, [PresenceFit.Alarms]) {
        let halves = [0, 1].map { seen.half($0) }
        let samples = try halves.map { try evaluator.presenceSamples(in: $0, options: options) }
        let before = try evaluator.detections(in: seen, options: options).table
        var after = DetectionTable()
        for half in 0..<2 {
            let fitted = try PresenceFit(samples[1 - half]).applied(to: options)
            let found = try evaluator.detections(in: halves[half], options: fitted).table
            for row in 0..<found.count { after.append(row: row, of: found) }
        }
        return (
            try PresenceFit(samples[0] + samples[1]).applied(to: options),
            try [before, after].map { try evaluator.alarms($0, imageIDs: seen.imageIDs) }
        )
    }

    private static func described(_ alarms: [PresenceFit.Alarms], _ options: ScoringOptions) -> [String] {
        guard !alarms.isEmpty else { return [] }
        func digits(_ value: Double) -> String { String(format: "%.3f", value) }
        var rows = [["false alarms", "threshold", "F1", "pictures with one", "absent classes with one"]]
        for (name, figures) in zip(["without presence", "with presence"], alarms) {
            rows.append([
                name, digits(figures.threshold), digits(figures.f1), digits(figures.pictures),
                digits(figures.classes),
            ])
        }
        return [
            String(TextTable(rows, leftAligned: 1).text.dropLast()),
            "presence: scoring.presenceIntercept=\(digits(options.presenceIntercept)), "
                + "scoring.presenceRegions=\(digits(options.presenceRegions)), "
                + "scoring.presencePicture=\(digits(options.presencePicture))",
        ]
    }

    private func searched(
        _ evaluator: DetectorEvaluator, _ seen: DetectorEvaluator.Seen, _ detector: Detector,
        _ options: ScoringOptions
    ) throws -> (ScoringOptions, [ScoringSearch.Trial]) {
        let trying = ProgressBar("settings")
        let result = try ScoringSearch(
            evaluator, seen, from: options, learnedTemperature: detector.network.temperature
        ) { trying.update($0, of: $1) }
        trying.finish()
        return (result.options, result.trials)
    }

    private static func table(_ figures: [CalibrationFit.Figures], _ groups: [String: ScoreCalibration.Group])
        -> String
    {
        var rows = [
            [
                "group", "objects", "detections", "D-ECE", "mapped", "F1", "mapped", "threshold", "precision",
                "recall",
            ]
        ]
        func digits(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "-" }
        for figure in figures {
            let group = groups[figure.group]
            rows.append([
                figure.group, "\(figure.objects)", "\(figure.detections)", digits(figure.errorBefore),
                digits(figure.errorAfter), digits(figure.f1Before), digits(figure.f1After),
                digits(group?.threshold), digits(group?.precision), digits(group?.recall),
            ])
        }
        return TextTable(rows, leftAligned: 1).text
    }

    /// What a search has changed.
    private static func chosen(
        _ trials: [ScoringSearch.Trial], _ options: ScoringOptions, from start: ScoringOptions
    ) -> [String] {
        guard let first = trials.first, let best = trials.map(\.averagePrecision).max() else { return [] }
        func changed<Value: Equatable>(_ name: String, _ before: Value, _ after: Value) -> String? {
            before == after ? nil : "\(name)=\(after)"
        }
        let changes = [
            changed("baseWeight", start.baseWeight, options.baseWeight),
            changed("novelWeight", start.novelWeight, options.novelWeight),
            changed("vlmTemperature", start.vlmTemperature, options.vlmTemperature),
            options.detectorTemperature.map { "detectorTemperature=\($0)" },
        ].compactMap { $0 }
        return [
            "search: AP50 \(String(format: "%.3f", first.averagePrecision)) to \(String(format: "%.3f", best)) in "
                + "\(trials.count) trials"
                + (changes.isEmpty
                    ? ", nothing changed" : ": " + changes.map { "scoring." + $0 }.joined(separator: ", "))
        ]
    }

    private static func diagram(
        _ before: [String: [Calibration.Bin]], _ after: [String: [Calibration.Bin]]
    ) -> LineChart {
        func line(_ name: String, _ bins: [Calibration.Bin]) -> LineChart.Line {
            LineChart.Line(
                label: name, value: "\(bins.reduce(0) { $0 + $1.count })",
                points: bins.filter { $0.count > 0 }.map { ($0.meanScore, $0.precision) })
        }
        var lines: [LineChart.Line] = []
        for name in before.keys.sorted() {
            lines.append(line("\(name), mapped", after[name] ?? []))
            lines.append(line("\(name), as they are", before[name] ?? []))
        }
        lines.append(LineChart.Line(label: "score = share", color: "#999999", points: [(0, 0), (1, 1)]))
        return LineChart(
            title: "Reliability", subtitle: "Detections in ten intervals of scores", xLabel: "mean score",
            yLabel: "share of right detections", legendTitle: ("scores", "detections"), lines: lines,
            xLimits: 0...1, yLimits: 0...1)
    }
}
