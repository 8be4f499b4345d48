import ArgumentParser
import CLIP
import COCO
import DetectionResults
import Evaluation
import FVLM
import FVLMCommand
import Foundation
import Support

extension EvaluateCommand {
    /// The figures of one data set; nil where there is no object.
    private struct Row: Encodable {
        let name: String
        let images: Int
        let classes: Int
        let AP: Double?
        let AP50: Double?
        let AP75: Double?
        /// The ids of images that are not measured.
        let left_out: [Int64]
        /// What is left out, in a sentence each.
        let notes: [String]
    }

    /// The figures of a suite.
    private struct Summary: Encodable {
        let sets: [Row]
        let mean: [String: Double]
        let median: [String: Double]
    }

    /// Evaluates every data set, and prints one table, or one JSON object.
    func evaluate(_ suite: DatasetSuite, folder: String) async throws {
        let inputs = OutputGuard([folder, templates], models: detector.models)
        try inputs.check(results)
        let loaded = try detector.load()
        let calibration = try calibration.load(loaded, folder: detector.model)
        let results = try results.map { try SuiteResults(folder: $0, origin: origin(loaded, calibration)) }
        let work = InterruptibleEvaluation()
        var rows: [Row] = []
        var faults = 0
        for (number, entry) in suite.entries.enumerated() {
            do {
                let row = try await evaluate(
                    entry, loaded, calibration, results, work, "\(number + 1)/\(suite.entries.count) ")
                rows.append(row)
                for note in row.notes { StandardError.note("\(entry.name): \(note)") }
                faults += row.left_out.count
            } catch let error as InterruptibleEvaluation.Interruption {
                let text = error.text(results?.record(entry), advice: "the same command goes on")
                StandardError.note("\(entry.name): \(text)")
                faults += 1
                break
            } catch let error as any ReportedError where suite.entries.count > 1 {
                // One broken data set must not cost the others.
                StandardError.note("\(entry.name): not evaluated: \(error)")
                faults += 1
            }
        }
        guard !rows.isEmpty else { throw ExitCode.failure }
        let summary = Summary(
            sets: rows, mean: Self.figures(rows, Self.mean), median: Self.figures(rows, Self.median))
        if json {
            try StandardOutput.print(JSONText.line(summary))
        } else {
            func text(_ value: Double?) -> String { value.map { NumberText.decimals(100 * $0, 1) } ?? "-" }
            let lines =
                [["data set", "images", "classes", "AP", "AP50", "AP75"]]
                + rows.map {
                    [$0.name, "\($0.images)", "\($0.classes)", text($0.AP), text($0.AP50), text($0.AP75)]
                }
                + [("mean", summary.mean), ("median", summary.median)].map { name, values in
                    [name, "", "", text(values["AP"]), text(values["AP50"]), text(values["AP75"])]
                }
            try StandardOutput.print(
                "boxes, COCO's rules, protocol zero-shot unless the detector saw the data\n"
                    + TextTable(lines, leftAligned: 1).text, terminator: "")
        }
        if faults > 0 { throw ExitCode.failure }
    }

    private func evaluate(
        _ entry: DatasetSuite.Entry, _ loaded: Detector, _ calibration: AppliedCalibration?,
        _ results: SuiteResults?, _ work: InterruptibleEvaluation, _ label: String
    ) async throws -> Row {
        let truth = try Dataset(tolerating: entry.annotations)
        // A root of a tree of categories has no objects and is no class to ask for.
        let counts = truth.annotationCounts
        let scored = truth.categories.filter { (counts[$0.id] ?? 0) > 0 }
        var synonyms: [String: [String]] = [:]
        for item in try entry.classes.map({ try ClassNames.classes(contentsOf: $0) }) ?? [] {
            guard truth.categories.contains(where: { $0.name == item.name }) else {
                throw FileFailure(entry.classes ?? "", reason: "the annotations have no class '\(item.name)'")
            }
            synonyms[item.name] = item.synonyms
        }
        let gaps = try AnnotationGaps(truth, scored: Set(scored.map(\.id)), includesMasks: false)
        var (unused, notes) = (gaps.images, gaps.notes)
        let table: DetectionTable
        if let earlier = try results?.table(entry) {
            StandardError.note("\(label)\(entry.name): detections of an earlier run")
            table = earlier
        } else {
            let vocabulary = try Vocabulary(
                encoding: scored.map { Vocabulary.Class($0.name, synonyms: synonyms[$0.name] ?? []) },
                templates: PromptTemplates(named: templates), with: loaded.clip,
                tokenizer: loaded.clip.tokenizer(), note: StandardError.note)
            var evaluator = try DetectorEvaluator(
                truth: truth, imagesIn: entry.images, vocabulary: vocabulary)
            evaluator.pictureCount = 0
            evaluator.batchSize = batchSize
            try evaluator.checkPictures()
            var options = detector.options(loaded)
            options.includesMasks = false
            if detector.scoreThreshold == nil { options.scoreThreshold = min(options.scoreThreshold, 0.01) }
            if let calibration { options = calibration.options(options) }
            evaluator.adjustment = calibration?.adjustment(of: loaded, vocabulary)
            let record = try results?.record(
                entry, origin(loaded, vocabulary, options, entry.annotations, calibration))
            let found = try await work.detections(
                evaluator, of: loaded, options: options, record: record, label: label + entry.name)
            if let first = found.faults.first {
                unused.formUnion(found.faults.map(\.imageID))
                notes.append(
                    "\(found.faults.count) of \(truth.images.count) pictures could not be used and are not measured (the first: \(first.error))"
                )
            }
            table = found.table
            // Complete results only: a run that skips pictures looks again.
            if found.faults.isEmpty {
                try results?.write(table, entry)
                try record?.remove()
            }
        }
        var options = EvaluationOptions.coco(.box)
        let used = truth.images.ids.filter { !unused.contains($0) }
        guard !used.isEmpty || truth.images.count == 0 else {
            throw FileFailure(entry.annotations, reason: notes.first ?? "has no image that can be measured")
        }
        if !unused.isEmpty { options.imageIDs = used }
        options.categoryIDs = scored.map(\.id)
        let evaluation = try Evaluation(truth: truth, detections: table, options: options)
        return Row(
            name: entry.name, images: evaluation.imageCount, classes: scored.count,
            AP: evaluation.averagePrecision(), AP50: evaluation.averagePrecision(iouThreshold: 0.5),
            AP75: evaluation.averagePrecision(iouThreshold: 0.75),
            left_out: truth.images.ids.filter(unused.contains), notes: notes)
    }

    /// What detections depend on, by names for messages.
    private func origin(_ loaded: Detector, _ calibration: AppliedCalibration?) throws -> [String: String] {
        var origin = try [
            "model": loaded.network.store.digest(), "CLIP": loaded.clip.store.digest(),
            "configuration": loaded.configuration.yaml(), "templates": templates,
            "precision": detector.precision.value.rawValue,
            "score threshold": detector.scoreThreshold.map { "\($0)" } ?? "the model's",
        ]
        if let calibration { origin["calibration"] = try calibration.identity }
        return origin
    }

    private static func figures(_ rows: [Row], _ combined: ([Double]) -> Double) -> [String: Double] {
        var result: [String: Double] = [:]
        for (name, path) in [("AP", \Row.AP), ("AP50", \Row.AP50), ("AP75", \Row.AP75)] {
            let values = rows.compactMap { $0[keyPath: path] }
            if !values.isEmpty { result[name] = combined(values) }
        }
        return result
    }

    private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// The detections of a suite's data sets in a folder, a results file each, and what they were made with.
private final class SuiteResults {
    private let folder: String
    private let lock: FolderLock

    /// What the results depend on.
    private static let record = ".suite"

    /// - Throws: `FileFailure` when the folder holds results that were made otherwise, or something else, or another run
    ///   writes into it.
    init(folder: String, origin: [String: String]) throws {
        self.folder = folder
        lock = try FolderLock(making: folder)
        let path = Path.join(folder, Self.record)
        guard FileStatus(path) != nil else {
            guard try Folder.names(in: folder).allSatisfy({ $0 == FolderLock.fileName }) else {
                throw FileFailure(
                    folder, reason: "is not empty, and holds no results of a suite",
                    advice: "name another folder with --results")
            }
            try AtomicFile.write(JSONText.line(origin), to: path)
            return
        }
        let earlier: [String: String]? = try? JSONText.value(of: FileBytes(contentsOf: path).array)
        let names = origin.keys.filter { earlier?[$0] != origin[$0] }.sorted()
        guard names.isEmpty else {
            throw FileFailure(
                folder, reason: "holds results of another \(names.joined(separator: ", another "))",
                advice: "name another folder with --results")
        }
    }

    /// The file of a data set; names of two never give one path.
    private func path(_ entry: DatasetSuite.Entry) -> String { Path.join(folder, entry.name + ".json") }

    /// The detections of an earlier run; nil when there are none, or the data set was changed since.
    func table(_ entry: DatasetSuite.Entry) throws -> DetectionTable? {
        guard let made = FileStatus(path(entry)) else { return nil }
        for input in [entry.annotations, entry.classes].compactMap(\.self) {
            if let changed = FileStatus(input)?.modification, changed > made.modification {
                StandardError.note(
                    "\(entry.name): \(input) is newer than the detections, which are made anew")
                return nil
            }
        }
        return try DetectionTable(contentsOf: path(entry))
    }

    /// The path of the record of a data set whose evaluation is under way.
    func record(_ entry: DatasetSuite.Entry) -> String { ResultsFile.record(path(entry)) }

    /// That record; of another version of the data set it begins anew.
    func record(_ entry: DatasetSuite.Entry, _ origin: ResultsFile.Origin) throws -> EvaluationRecord {
        try Folder.make(Path.parent(path(entry)))
        return try EvaluationRecord(for: path(entry), origin: origin, resumes: true, mismatch: .replaced)
    }

    func write(_ table: DetectionTable, _ entry: DatasetSuite.Entry) throws {
        try Folder.make(Path.parent(path(entry)))
        try table.write(to: path(entry))
    }
}
