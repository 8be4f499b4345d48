import ArgumentParser
import COCO
import Dispatch
import Foundation
import Support
import Synchronization

extension EvaluationOptions.Geometry: ExpressibleByArgument {}
extension OpenVocabularySplit: ExpressibleByArgument {}

/// `fvlm score`
struct ScoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .score,
        discussion: """
            Example:
              fvlm score --ground-truth instances_val2017.json --detections results.json --type segm

            A file name of - reads standard input. Figures are -1 where there is no object to find.
            """)

    @Option(name: [.short, .long], help: "The annotation file (COCO instances or LVIS v1).")
    var groundTruth: String

    @Option(name: [.short, .long], help: "The result file.")
    var detections: String

    @Option(help: "What to compare: bbox or segm.")
    var type: EvaluationOptions.Geometry = .box

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

    @Option(help: "Also report base and novel classes separately: ovd48-17 (COCO) or lvis-base-rare.")
    var split: OpenVocabularySplit?

    @Flag(help: "Skip images without an object of the scored classes.")
    var onlyAnnotatedImages = false

    @Flag(help: "Reproduce two known faults of the Python tools (objects of id 0; box areas for masks).")
    var pycocotoolsCompatible = false

    @Option(
        help: ArgumentHelp(
            "A second result file to compare with the first in a paired test.", valueName: "file"))
    var compare: String?

    @Option(
        help: ArgumentHelp(
            "Report confidence intervals from this many bootstrap draws of the images.", valueName: "draws"))
    var bootstrap: Int?

    @Option(help: "The seed of the draws.")
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "The number of classes in the table, those that lose most first.", valueName: "count"))
    var classes = 20

    @OptionGroup var threads: ThreadArguments

    @Option(
        help: ArgumentHelp(
            "Write precision-recall curves as SVG files into this folder: overall, for the splits, and for the "
                + "classes that lose most.", valueName: "folder"))
    var plots: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if tracking,
            lvis || proposals || split != nil || bootstrap != nil || compare != nil || plots != nil
                || onlyAnnotatedImages || pycocotoolsCompatible
        {
            throw ValidationError("--tracking goes with --ground-truth, --detections and --json alone")
        }
        if lvis, proposals { throw ValidationError("--lvis and --proposals cannot be combined") }
        if proposals, split != nil || bootstrap != nil || compare != nil {
            throw ValidationError(
                "--proposals cannot be combined with --split, --bootstrap or --compare")
        }
        if [groundTruth, detections, compare].count(where: { $0 == "-" }) > 1 {
            throw ValidationError("standard input (-) can be read only once")
        }
        if let bootstrap, !(1...1_000_000).contains(bootstrap) {
            throw ValidationError("--bootstrap must be from 1 to 1000000 draws")
        }
        if classes < 0 { throw ValidationError("--classes cannot be negative") }
    }

    func run() throws {
        if tracking {
            let report = try TrackingReport(truth: groundTruth, tracks: detections)
            return try StandardOutput.print(json ? report.json() : report.table, terminator: json ? "\n" : "")
        }
        let (truth, results) = try read()
        var options: EvaluationOptions =
            proposals ? .proposals(type) : lvis ? .lvis(type) : .coco(type)
        options.pycocotoolsCompatible = pycocotoolsCompatible
        options.threadCount = threads.count
        let splits = try split?.parts(of: truth) ?? []
        if split != nil { options.categoryIDs = splits.flatMap(\.categoryIDs) }
        if onlyAnnotatedImages { options.imageIDs = annotatedImages(truth, options.categoryIDs) }

        let evaluation = try Evaluation(truth: truth, detections: results[0], options: options)
        var report = ScoreReport(evaluation, splits: splits)
        let draws = bootstrap ?? 1000
        let progress = ProgressBar("draws")
        let total = compare == nil ? draws : 2 * draws
        let resampling = ResamplingProgress { progress.update($0, of: total) }
        if let compare {
            let other = try Evaluation(truth: truth, detections: results[1], options: options)
            report.differences = try Evaluation.compare(
                evaluation, other, parts: evaluation.parts(splits), resamples: draws, seed: seed,
                progress: resampling)
            report.comparedFile = compare
        } else if bootstrap != nil {
            report.intervals = try evaluation.intervals(
                parts: evaluation.parts(splits), resamples: draws, seed: seed, progress: resampling)
        }
        progress.finish()
        if let plots {
            try PlotFolder(path: plots).write(
                evaluation.precisionRecallPlots(parts: report.parts),
                notOver: OutputGuard([groundTruth, detections, compare]))
        }
        if json {
            try StandardOutput.print(report.json())
        } else {
            try StandardOutput.print(report.table(classes: classes), terminator: "")
        }
        if truth.isFederated, !lvis, !proposals {
            StandardError.note(
                "\(groundTruth) lists absent classes as LVIS does; use --lvis to score by LVIS's rules")
        }
        for (path, table) in zip([detections] + (compare.map { [$0] } ?? []), results) where table.count == 0
        {
            StandardError.note(
                "\(path) contains no detections; figures are 0 where there are objects to find")
        }
        for line in report.notices { StandardError.note(line) }
    }

    /// Reads all files, each on its own thread.
    private func read() throws -> (Dataset, [DetectionTable]) {
        let paths = [detections] + (compare.map { [$0] } ?? [])
        let truth = Mutex<Result<Dataset, any Error>?>(nil)
        let results = Mutex<[Int: Result<DetectionTable, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: paths.count + 1) { index in
            if index < paths.count {
                let result = Result { try DetectionTable(contentsOf: paths[index]) }
                results.withLock { $0[index] = result }
            } else {
                let result = Result { try usable(Dataset(tolerating: groundTruth)) }
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
            fault.loss == .annotation || fault.loss == .segmentation && type == .mask
        }
        if let fault = truth.faults.first(where: isNeeded) { throw fault.error }
        let rest = truth.faults.filter { ($0.loss == .unpairedNumber) == (type == .mask) }
        if let first = rest.first {
            let text =
                type == .mask
                ? "polygons with an odd count of numbers: the last one is passed over, as by pycocotools"
                : "segmentations that cannot be read, which boxes do not need"
            StandardError.note("\(groundTruth) has \(rest.count) \(text) (the first: \(first.error))")
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
        } catch let failure as FileFailure { throw AnnotationFileError(failure) }
    }
}
