import Analysis
import ArgumentParser
import COCO
import Foundation
import Support

/// `fvlm analyze`
struct AnalyzeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        .analyze,
        discussion: """
            Example:
              fvlm analyze --ground-truth val.json --detections results.json --images val2017 --output report

            Prints what errors cost (TIDE), the best score thresholds, confused classes, calibration, LRP, recall by size, \
            shape and crowding, the worst pictures, and labels to look at. --output also writes index.html, a page that \
            works offline and shows the pictures of --images where they are, and figures.json.
            """)

    @OptionGroup var given: ResultArguments

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The folder of the pictures, which the page shows.", valueName: "folder"),
        completion: .directory)
    var images: String?

    @Option(
        name: [.short, .long], help: ArgumentHelp("A new folder for the page.", valueName: "folder"),
        completion: .directory)
    var output: String?

    @Option(
        help: ArgumentHelp(
            "The longer side of the small copies of pictures that the page lists, in pixels; 0 for none: it lists the pictures themselves.",
            valueName: "pixels"))
    var thumbnails = AnalysisPages.thumbnailSide

    @Option(
        help: ArgumentHelp(
            "The same for other data sets: a file with the names of the base classes, one per line; all others are novel.",
            valueName: "file"), completion: .file())
    var baseClasses: String?

    @Option(
        help: ArgumentHelp(
            "How the detections were made: split-novel (trained on the base classes), zero-shot (trained on none of them) or closed "
                + "(trained on all). Printed beside each AP.", valueName: "protocol"))
    var `protocol`: String?

    @Option(name: .customLong("iou"), help: "The IoU from which a detection finds an object.")
    var iouThreshold = 0.5

    @Option(name: .customLong("background-iou"), help: "The IoU up to which a detection lies on nothing.")
    var backgroundThreshold = 0.1

    @Option(help: "The score from which detections are shown and paired; by default that of the best F1.")
    var scoreThreshold: Double?

    @Option(
        name: .customLong("slice"),
        help: ArgumentHelp(
            "Measure a part of the images apart: width<640, height>=480, aspect<1, objects>20, folder=night, tag=rain; several "
                + "conditions with commas. Can be repeated.", valueName: "rule"))
    var slices: [String] = []

    @Option(
        help: ArgumentHelp(
            "Tags of pictures: a line each with the picture's file name or image id, a tab, and a tag.",
            valueName: "file"), completion: .file())
    var tags: String?

    @Option(help: "How many bins of scores the reliability diagram has.")
    var bins = 10

    private static let protocols = ["split-novel", "zero-shot", "closed"]

    func validate() throws {
        if given.split != nil, baseClasses != nil {
            throw ValidationError("--split excludes --base-classes")
        }
        let files = [given.groundTruth] + given.tables + [tags, baseClasses].compactMap(\.self)
        if files.count(where: { $0 == "-" }) > 1 {
            throw ValidationError("standard input (-) can be read only once")
        }
        if let `protocol`, !Self.protocols.contains(`protocol`) {
            throw ValidationError(
                "--protocol \(`protocol`) is not known; it is one of \(Self.protocols.joined(separator: ", "))"
            )
        }
        if !(1...10_000).contains(bins) { throw ValidationError("--bins must be from 1 to 10000") }
        if let scoreThreshold, !scoreThreshold.isFinite {
            throw ValidationError("--score-threshold must be a number")
        }
        if !(iouThreshold > 0 && iouThreshold <= 1) {
            throw ValidationError("--iou must be above 0 and at most 1")
        }
        if !(backgroundThreshold >= 0 && backgroundThreshold <= iouThreshold) {
            throw ValidationError("--background-iou must be between 0 and --iou")
        }
        if thumbnails < 0 || thumbnails > 4096 {
            throw ValidationError("--thumbnails is from 0 to 4096 pixels")
        }
        if images != nil, output == nil {
            throw ValidationError("--images are shown by the page: name its folder with --output")
        }
    }

    func run() throws {
        // Before anything is read or made: this may be the other program's work.
        let maker = images == nil || thumbnails == 0 ? nil : try PictureThumbnails.maker(for: .analyze)
        // Begun first, so that an output that cannot be is told before the work.
        var options = AnalysisReport.Options()
        options.slices = try slices.map(ImageSlice.init)
        if let images { try PictureFolder(path: images).check() }
        let folder = try output.map { try NewFolder(path: $0) }
        let truth = try Dataset(contentsOf: given.groundTruth)
        let table = try DetectionTable(contentsOf: given.detections)
        let other = try given.compare.map { try DetectionTable(contentsOf: $0) }
        options.geometry = given.type
        options.thresholds = .init(foreground: iouThreshold, background: backgroundThreshold)
        options.binCount = bins
        options.scoreThreshold = scoreThreshold
        options.splits =
            try given.split?.parts(of: truth) ?? baseClasses.map { try BaseClasses.parts($0, of: truth) }
            ?? []
        if given.split != nil { options.categoryIDs = options.splits.flatMap(\.categoryIDs) }
        options.tags = try tags.map { try PictureTags.read($0, truth) } ?? [:]
        options.resamples = given.bootstrap ?? 0
        options.seed = given.seed
        options.protocolName = `protocol` ?? (options.splits.isEmpty ? nil : "split-novel")
        options.threadCount = given.threads.count
        let report = try AnalysisReport(
            truth: truth, detections: table, comparedWith: other, options: options)
        if let folder {
            try AnalysisPages(
                title: "\(Path.name(given.detections)) on \(Path.name(given.groundTruth))", images: images,
                thumbnails: maker.map { (thumbnails, $0) }
            ).write(report, into: folder)
        }
        if given.json {
            try StandardOutput.print(report.json())
        } else {
            try StandardOutput.print(report.text(classLimit: given.classes), terminator: "")
        }
        if table.count == 0 { StandardError.note("\(given.detections) holds no detection") }
        for line in report.notices { StandardError.note(line) }
        if let reason = report.calibrationFailure { StandardError.note("no calibration: \(reason)") }
        if let output { StandardError.note("open \(Path.join(output, "index.html")) in a browser") }
    }
}

/// Base and novel classes by a file of the base classes' names.
enum BaseClasses {
    /// The parts `base` and `novel`, without those that have no class. Names are compared as those of prompts are.
    static func parts(_ path: String, of truth: Dataset) throws -> [CategorySplit] {
        let names = Set(try TextFile(contentsOf: path).entries(remarks: false).map(ClassName.key))
        let missing = names.subtracting(truth.categories.map { ClassName.key($0.name) })
        guard missing.count < names.count else {
            throw AnnotationFileError(
                file: path, reason: "names no class of the annotations; a line holds one name")
        }
        if let first = missing.sorted().first {
            StandardError.note(
                "\(missing.count) of \(names.count) names in \(path) are no classes of the annotations, such as '\(first)'"
            )
        }
        return [("base", true), ("novel", false)].map { name, isBase in
            CategorySplit(
                name: name,
                categoryIDs: truth.categories.filter { names.contains(ClassName.key($0.name)) == isBase }
                    .map(\.id))
        }.filter { !$0.categoryIDs.isEmpty }
    }
}

/// Tags of the pictures of a data set, from a file of lines `picture<tab>tag`.
enum PictureTags {
    /// The tags by image id.
    /// - Throws: An error with the line for one that names no picture of the data set.
    static func read(_ path: String, _ truth: Dataset) throws -> [Int64: Set<String>] {
        var ids: [String: Int64] = [:]
        for row in 0..<truth.images.count {
            let image = truth.images[row]
            ids["\(image.id)"] = image.id
            ids[image.path] = image.id
            ids[image.fileName] = image.id
        }
        var tags: [Int64: Set<String>] = [:]
        for (number, line) in try TextFile(contentsOf: path).lines.enumerated() {
            guard !line.isEmpty else { continue }
            let parts = line.split(separator: "\t", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard parts.count == 2, !parts[1].isEmpty else {
                throw AnnotationFileError(
                    file: path, line: number + 1, reason: "is no picture, tab and tag")
            }
            guard let id = ids[parts[0]] else {
                throw AnnotationFileError(
                    file: path, line: number + 1,
                    reason: "'\(parts[0])' is neither a file name nor an image id of the annotations")
            }
            tags[id, default: []].insert(parts[1])
        }
        return tags
    }
}
