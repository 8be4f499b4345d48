import ArgumentParser
import COCO
import Dispatch
import Foundation
import Support
import Synchronization

/// `fvlm score`
struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .score,
        discussion: """
            Example:
              fvlm score --ground-truth instances_val2017.json --detections results.json --type segm

            A file name of - reads standard input. Figures are -1 where there is no object to find.
            """)

    @OptionGroup var given: ResultArguments

    @Flag(
        help:
            "The rules of LVIS: federated classes, 300 detections per image, AP of rare, common and frequent."
    )
    var lvis = false

    @Flag(help: "Recall of proposals at 100, 300 and 1000 per image; classes are ignored.")
    var proposals = false

    @Flag(
        help:
            "Score tracks of videos by HOTA, CLEAR and identity: MOT files, or folders of them, one a sequence."
    )
    var tracking = false

    @Flag(help: "Skip images without an object of the scored classes.")
    var onlyAnnotatedImages = false

    @Flag(help: "Reproduce two known faults of the Python tools (objects of id 0; box areas for masks).")
    var pycocotoolsCompatible = false

    @Option(
        help: ArgumentHelp(
            "Write precision-recall curves as SVG files into this folder: overall, for the splits, and for the "
                + "classes that lose most.", valueName: "folder"), completion: .directory)
    var plots: String?

    func validate() throws {
        if tracking,
            lvis || proposals || given.split != nil || given.bootstrap != nil || given.compare != nil
                || plots != nil
                || onlyAnnotatedImages || pycocotoolsCompatible
        {
            throw ValidationError("--tracking goes with --ground-truth, --detections and --json alone")
        }
        if lvis, proposals { throw ValidationError("--lvis and --proposals cannot be combined") }
        if proposals, given.split != nil || given.bootstrap != nil || given.compare != nil {
            throw ValidationError(
                "--proposals cannot be combined with --split, --bootstrap or --compare")
        }
    }

    func run() throws {
        if tracking {
            let report = try TrackingReport(truth: given.groundTruth, tracks: given.detections)
            return try StandardOutput.print(
                given.json ? report.json() : report.table, terminator: given.json ? "\n" : "")
        }
        let (truth, results) = try read()
        var options: EvaluationOptions =
            proposals ? .proposals(given.type) : lvis ? .lvis(given.type) : .coco(given.type)
        options.pycocotoolsCompatible = pycocotoolsCompatible
        options.threadCount = given.threads.count
        let splits = try given.split?.parts(of: truth) ?? []
        if given.split != nil { options.categoryIDs = splits.flatMap(\.categoryIDs) }
        if onlyAnnotatedImages { options.imageIDs = annotatedImages(truth, options.categoryIDs) }

        let evaluation = try Evaluation(truth: truth, detections: results[0], options: options)
        var report = ScoreReport(evaluation, splits: splits)
        let draws = given.bootstrap ?? 1000
        let progress = ProgressBar("draws")
        let total = given.compare == nil ? draws : 2 * draws
        let resampling = ResamplingProgress { progress.update($0, of: total) }
        if given.compare != nil {
            let other = try Evaluation(truth: truth, detections: results[1], options: options)
            report.differences = try Evaluation.compare(
                evaluation, other, parts: evaluation.parts(splits), resamples: draws, seed: given.seed,
                progress: resampling)
            report.comparedFile = given.compare
        } else if given.bootstrap != nil {
            report.intervals = try evaluation.intervals(
                parts: evaluation.parts(splits), resamples: draws, seed: given.seed, progress: resampling)
        }
        progress.finish()
        if let plots {
            try PlotFolder(path: plots).write(
                evaluation.precisionRecallPlots(parts: report.parts),
                notOver: OutputGuard([given.groundTruth] + given.tables))
        }
        if given.json {
            try StandardOutput.print(report.json())
        } else {
            try StandardOutput.print(report.table(classes: given.classes), terminator: "")
        }
        if truth.isFederated, !lvis, !proposals {
            StandardError.note(
                "\(given.groundTruth) lists absent classes as LVIS does; use --lvis to score by LVIS's rules")
        }
        for (path, table) in zip(given.tables, results) where table.count == 0 {
            StandardError.note(
                "\(path) contains no detections; figures are 0 where there are objects to find")
        }
        for line in report.notices { StandardError.note(line) }
    }

    /// Reads all files, each on its own thread.
    private func read() throws -> (Dataset, [DetectionTable]) {
        let paths = given.tables
        let truth = Mutex<Result<Dataset, any Error>?>(nil)
        let results = Mutex<[Int: Result<DetectionTable, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: paths.count + 1) { index in
            if index < paths.count {
                let result = Result { try DetectionTable(contentsOf: paths[index]) }
                results.withLock { $0[index] = result }
            } else {
                let result = Result { try usable(Dataset(tolerating: given.groundTruth)) }
                truth.withLock { $0 = result }
            }
        }
        guard let truth = try truth.withLock(\.self)?.get() else { throw ExitCode.failure }
        let tables = results.withLock(\.self)
        return (truth, try paths.indices.compactMap { try tables[$0]?.get() })
    }

    /// Refuses annotations that the figures need and that cannot be read. Boxes are scored without looking at outlines, and a
    /// polygon loses a last number without a partner, both as pycocotools does.
    private func usable(_ truth: Dataset) throws -> Dataset {
        let isNeeded = { (fault: RecordFault) in
            fault.loss == .annotation || fault.loss == .segmentation && given.type == .mask
        }
        if let fault = truth.faults.first(where: isNeeded) { throw fault.error }
        let rest = truth.faults.filter { ($0.loss == .unpairedNumber) == (given.type == .mask) }
        if let first = rest.first {
            let text =
                given.type == .mask
                ? "polygons with an odd count of numbers: the last one is passed over, as by pycocotools"
                : "segmentations that cannot be read, which boxes do not need"
            StandardError.note("\(given.groundTruth) has \(rest.count) \(text) (the first: \(first.error))")
        }
        return truth
    }

    private func annotatedImages(_ truth: Dataset, _ categoryIDs: [Int64]?) -> [Int64] {
        let wanted = Set(categoryIDs ?? truth.categories.map(\.id))
        let known = Set(truth.images.ids)
        var ids: Set<Int64> = []
        for row in 0..<truth.annotations.count
        where wanted.contains(truth.annotations.categoryIDs[row])
            && known.contains(truth.annotations.imageIDs[row])
        {
            ids.insert(truth.annotations.imageIDs[row])
        }
        return Array(ids)
    }
}

/// A folder for diagrams. Files with the same names are replaced, others are kept.
struct PlotFolder {
    let path: String

    /// Writes the diagrams and creates the folder if it does not exist.
    func write(_ plots: [Evaluation.Plot], notOver inputs: OutputGuard) throws {
        for plot in plots { try inputs.check("\(path)/\(plot.fileName)") }
        do {
            let lock = try FolderLock(making: path)
            defer { withExtendedLifetime(lock) {} }
            for plot in plots {
                try AtomicFile.write(Array(plot.svg.utf8), to: Path.join(path, plot.fileName))
            }
        } catch { throw AnnotationFileError(error) }
    }
}
