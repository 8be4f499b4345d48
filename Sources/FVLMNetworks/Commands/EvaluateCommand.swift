import Analysis
import ArgumentParser
import CLIP
import COCO
import DetectionResults
import Evaluation
import FVLM
import FVLMCommand
import Foundation
import Support
import Torch

/// `fvlm evaluate`
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .evaluate,
        discussion: """
            Example:
              fvlm evaluate --model detector --annotations val.json --images val2017 --split ovd48-17
              fvlm evaluate --model detector --suite odinw --results odinw-results

            The classes are those of the annotations, or of the split. Figures are by COCO's rules. Without a split, \
            classes that the detector was trained on (base) and others (novel) are reported separately if there are both. \
            Masks are evaluated if the annotations have them. Pictures that cannot be read are reported and skipped, \
            as are those of annotations that cannot be read; the others are evaluated, and the exit status is 1.

            --suite evaluates every data set below a folder, as ODinW and RF100-VL have them: _annotations.coco.json, \
            annotations_without_background.json, annotations.json or instances.json in test, valid, val or the folder \
            itself, pictures beside it; classes.txt there gives names and synonyms to ask for. With --results, a folder, \
            an interrupted run is resumed by the same command.

            --calibrated measures mapped scores, --threshold best what reaches the calibration's thresholds. Both keep the \
            order within a class, so AP changes by what is left out alone; D-ECE and precision in --report change.

            Ctrl-C, and the signals TERM and HUP, end the work after the pictures that it is at. With --results what was \
            found so far is kept in FILE.progress, also after a crash, and --resume goes on from there.
            """)

    @OptionGroup var detector: DetectorOptions

    @Option(
        name: [.short, .long], help: ArgumentHelp("The annotation file (COCO instances).", valueName: "file"),
        completion: .file())
    var annotations: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("The folder of its pictures.", valueName: "folder"),
        completion: .directory)
    var images: String?

    @Option(
        help: ArgumentHelp("Many data sets in place of one: a folder of their folders.", valueName: "folder"),
        completion: .directory)
    var suite: String?

    @Option(help: "Report base and novel classes separately: ovd48-17 (COCO) or lvis-base-rare.")
    var split: OpenVocabularySplit?

    @Option(
        help: "single, imagenet-80, or a file with one template per line ({} for the name).",
        completion: .file())
    var templates = "imagenet-80"

    @Option(
        help: ArgumentHelp("Also write the detections as a COCO results file.", valueName: "file"),
        completion: .file())
    var results: String?

    @Flag(help: "Go on with an interrupted evaluation from the record beside --results.")
    var resume = false

    @Option(
        help: ArgumentHelp(
            "Also analyze the detections, as fvlm analyze does, and write the page into this new folder.",
            valueName: "folder"), completion: .directory)
    var report: String?

    @Option(help: "The number of pictures per batch.")
    var batchSize = 1

    @Option(
        name: .customLong("class-rows"),
        help: ArgumentHelp(
            "The number of classes in the tables, those that lose most first (default: 20).",
            valueName: "count"))
    var classes: Int?

    @OptionGroup var calibration: CalibrationOptions

    @Flag(help: "Print one JSON object for boxes and one for masks, one per line.")
    var json = false

    func validate() throws {
        if suite == nil, annotations == nil || images == nil {
            throw ValidationError("--annotations and --images are needed, or --suite")
        }
        if suite != nil, classes != nil {
            throw ValidationError("--class-rows is for the tables of one data set: --suite has none")
        }
        if suite != nil, annotations != nil || images != nil || split != nil || report != nil {
            throw ValidationError("--suite excludes --annotations, --images, --split and --report")
        }
        if resume, results == nil { throw ValidationError("--resume requires --results, the file to resume") }
        try BatchSize.check(batchSize)
        if let classes, classes < 0 { throw ValidationError("--class-rows cannot be negative") }
    }

    /// Base and novel classes; empty if all classes are of one kind.
    static func parts(of truth: Dataset, trained: Set<String>) -> [CategorySplit] {
        let isBase = truth.categories.map { trained.contains(ClassName.key($0.name)) }
        guard Set(isBase).count == 2 else { return [] }
        return [("base", true), ("novel", false)].map { name, flag in
            CategorySplit(
                name: name, categoryIDs: zip(truth.categories, isBase).filter { $1 == flag }.map(\.0.id))
        }
    }

    /// How detections are made, for reports: the classes are novel ones beside base ones, or the detector was trained on all or
    /// on none of them. Nil where it does not say what it was trained on.
    static func protocolName(
        _ classes: [COCO.Category], _ splits: [CategorySplit], trained: Set<String>
    ) -> String? {
        if !splits.isEmpty { return "split-novel" }
        guard !trained.isEmpty, let first = classes.first else { return nil }
        return trained.contains(ClassName.key(first.name)) ? "closed" : "zero-shot"
    }

    /// Refuses results that would replace a picture.
    private func checkPictures(of truth: Dataset, in images: String) throws {
        guard let results, FileStatus(results) != nil else { return }
        let folder = PictureFolder(path: images)
        try OutputGuard((0..<truth.images.count).map { folder.location(of: truth.images[$0]) }).check(results)
    }

    func run() async throws {
        if let suite { return try await evaluate(DatasetSuite(folder: suite), folder: suite) }
        guard let annotations, let images else { return }
        let inputs = OutputGuard([annotations, templates, images], models: detector.models)
        try inputs.check(file: results)
        try inputs.check(file: results.map(ResultsFile.record))
        try inputs.check(report)
        try OutputGuard.checkDistinct([results, report])
        let truth = try Dataset(tolerating: annotations)
        try checkPictures(of: truth, in: images)
        let folder = try report.map { try NewFolder(path: $0) }
        let loaded = try detector.load()
        let splits = try split?.parts(of: truth) ?? Self.parts(of: truth, trained: loaded.trainedNames)
        let scored = truth.categories.filter { category in
            splits.isEmpty || splits.contains { $0.categoryIDs.contains(category.id) }
        }
        let base = Set(splits.first { $0.name == "base" }?.categoryIDs ?? [])
        let vocabulary = try Vocabulary(
            encoding: scored.map {
                Vocabulary.Class(
                    $0.name, split: splits.isEmpty ? nil : base.contains($0.id) ? .base : .novel)
            }, templates: PromptTemplates(named: templates), with: loaded.clip,
            tokenizer: loaded.clip.tokenizer(), note: StandardError.note)
        var evaluator = try DetectorEvaluator(
            truth: truth, imagesIn: images, vocabulary: vocabulary, splits: splits)
        evaluator.pictureCount = 0
        evaluator.batchSize = batchSize
        try evaluator.checkPictures()
        try evaluator.check(masks: detector.options(loaded).includesMasks)
        var options = detector.options(loaded)
        if detector.scoreThreshold == nil { options.scoreThreshold = min(options.scoreThreshold, 0.01) }
        let calibration = try calibration.load(loaded, folder: detector.model)
        if let calibration { options = calibration.options(options) }
        evaluator.adjustment = calibration?.adjustment(of: loaded, vocabulary)
        // Beside a pipe or a device there is no place for it.
        let file = results.flatMap { FileStatus($0)?.kind ?? .file == .file ? $0 : nil }
        let record = try file.map {
            try EvaluationRecord(
                for: $0, origin: origin(loaded, vocabulary, options, annotations, calibration),
                resumes: resume)
        }
        if resume, let record, record.earlier.imageIDs.isEmpty {
            StandardError.note("\(record.path) is not there: the evaluation begins anew")
        }
        let work = InterruptibleEvaluation()
        let found: DetectorEvaluator.Detections
        do {
            found = try await work.detections(
                evaluator, of: loaded, options: options, record: record, label: "pictures")
        } catch let error as InterruptibleEvaluation.Interruption {
            StandardError.note(
                error.text(record?.path, advice: "the same command with --resume goes on"))
            throw ExitCode.failure
        }
        // Results that cannot be written cost no figures.
        let unwritten = results.flatMap { path in
            Result {
                try found.table.write(to: path)
                try record?.remove()
            }.failure
        }
        let measurement = evaluator.measurement(of: found)
        let protocolName = Self.protocolName(truth.categories, splits, trained: loaded.trainedNames)
        for geometry in measurement.geometries {
            let evaluation = try evaluator.evaluation(
                of: found, geometry, categoryIDs: split == nil ? nil : scored.map(\.id))
            let report = ScoreReport(evaluation, splits: splits, protocolName: protocolName)
            try StandardOutput.print(
                json ? report.json() : report.table(classes: classes ?? 20), terminator: json ? "\n" : "")
            if geometry == .box { for line in report.notices { StandardError.note(line) } }
        }
        if let folder {
            var options = AnalysisReport.Options()
            options.geometry = measurement.geometries.last ?? .box
            options.splits = splits
            if split != nil { options.categoryIDs = scored.map(\.id) }
            options.imageIDs = evaluator.measuredImageIDs(found, options.geometry)
            options.protocolName = protocolName
            let analysis = try AnalysisReport(
                truth: evaluator.truth, detections: found.table, options: options)
            let maker = try PictureThumbnails.maker(for: .evaluate)
            try AnalysisPages(
                title: "\(Path.name(detector.model)) on \(Path.name(annotations))", images: images,
                thumbnails: (AnalysisPages.thumbnailSide, maker)
            ).write(analysis, into: folder)
        }
        for note in measurement.notes { StandardError.note(note) }
        if found.table.count == 0 {
            StandardError.note(
                "nothing was detected above a score of \(options.scoreThreshold); metrics are 0 where there are objects"
            )
        }
        let isWhole = truth.faults.allSatisfy { $0.loss == .unpairedNumber }
        if let unwritten { throw unwritten }
        if !found.faults.isEmpty || !isWhole { throw ExitCode.failure }
    }
}

extension EvaluateCommand {
    /// Everything that detections depend on, by names for messages.
    func origin(
        _ loaded: Detector, _ vocabulary: Vocabulary, _ options: ScoringOptions, _ annotations: String,
        _ calibration: AppliedCalibration?
    ) throws -> ResultsFile.Origin {
        var origin = try ResultsFile.origin(
            loaded, vocabulary, options, precision: detector.precision.value.rawValue,
            masks: options.includesMasks, tiles: nil)
        if let calibration { origin["calibration"] = try calibration.identity }
        let status = FileStatus(annotations)
        origin["version of the annotations"] =
            "\(Path.absolute(annotations)) \(status?.byteCount ?? 0) \(status?.modification ?? 0)"
        return origin
    }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}
