import Analysis
import ArgumentParser
import CLIP
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support
import Tiling
import Video

extension DetectionReport.Format: ExpressibleByArgument {}

/// `fvlm detect`
struct DetectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        .detect,
        discussion: """
            Examples:
              fvlm detect street.jpg --model detector --classes "dog, traffic light" --output found
              fvlm detect photos/ --model detector --classes-file names.txt --json > found.jsonl
              fvlm detect photos/ --model detector --vocabulary coco.safetensors --results found.jsonl --resume
              fvlm detect aerial.tif --model detector --classes "car, ship" --tile 640 --overlap 0.2 --json
              fvlm detect '{000000..000999}.tar' --model detector --classes-file names.txt --into found --shard 3/16

            Boxes are x, y, width, height in pixels of the upright picture. Pictures are read ahead while the network \
            runs, and results are written immediately. An interrupted run with --results is resumed by --resume: \
            pictures already in the file are skipped. Progress is recorded in FILE.progress, which can be deleted \
            once the run is complete.

            Many pictures: --into works shard by shard, alone or as one of several processes on any number of machines; fvlm \
            merge-results joins what they wrote. Of pictures that cannot be used a shard keeps count, and they are no \
            failure.

            Films (film.mp4), streams (rtsp://...) and cameras (camera) are read by ffmpeg: results are a JSON object for each \
            frame, and --output names a film. fvlm track also follows the objects.

            Small objects of large pictures: --tile 640 looks at overlapping tiles as well as at the whole picture. TIFF files \
            stored in tiles (aerial pictures) are then read part by part, whatever their size.

            --format coco writes the category ids of the vocabulary's data set (kept by fvlm train and fvlm vocabulary \
            import --annotations); without them, classes are numbered from 1, with a note.

            Labeling tools read --format labelstudio (tasks with predictions and scores), cvat (CVAT for images 1.1), \
            voc and yolo; for the last two, --results names a folder, which gets one file per picture and links to the \
            pictures.
            """)

    @OptionGroup var pictures: PictureArguments

    @OptionGroup var detector: DetectorOptions
    @OptionGroup var wanted: VocabularyOptions

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "A folder for the pictures with the detections drawn on them; of a film a film.",
            valueName: "folder"), completion: .directory)
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Write the results into this file (voc, yolo: folder) instead of printing them.",
            valueName: "file"
        ), completion: .file())
    var results: String?

    @Flag(help: "Resume an interrupted run from its results file.")
    var resume = false

    @Option(
        help:
            "table, json (one object per picture and line), coco (a results file), labelstudio, cvat, voc or yolo."
    )
    var format: DetectionReport.Format?

    @Flag(help: "The same as --format json.")
    var json = false

    @Flag(help: "Include masks in the results, as compressed run lengths.")
    var masks = false

    @Option(
        help:
            "The number of pictures per batch (default: 1); with --tile the number of tiles (default: \(TilingOptions().batchSize))."
    )
    var batchSize: Int?

    @OptionGroup var tiles: TileArguments
    @OptionGroup var reading: FilmArguments

    @Flag(
        help: "Take the pages of a TIFF, the frames of a GIF or WebP, or the pictures of a folder as a film.")
    var frames = false

    @Flag(
        help:
            "Add the presence of each class to the JSON of a picture or frame: how likely it has the class at all, by all of its regions and CLIP's look at the whole."
    )
    var presence = false

    @OptionGroup var calibration: CalibrationOptions
    @OptionGroup var shards: ShardArguments

    @Flag(
        help:
            "Say which threshold of scores parts probable objects from the rest of what was found; low scores are kept."
    )
    var suggestThreshold = false

    @Flag(help: "Print the time of each stage; pictures are decoded in parallel with the network.")
    var profile = false

    func validate() throws {
        if let batchSize { try BatchSize.check(batchSize) }
        if json, let format, format != .json {
            throw ValidationError("--json and --format \(format) are mutually exclusive")
        }
        if resume, results == nil {
            throw ValidationError("--resume requires --results, the file to resume")
        }
        if results != nil, format == .table {
            throw ValidationError("--results requires another format than table, which is only printed")
        }
        if let format, format.isFolder, results == nil {
            throw ValidationError(
                "--format \(format.rawValue) writes a file a picture: --results names the folder")
        }
        if try film != nil {
            if let format, format != .json {
                throw ValidationError("the results of a film are JSON lines: --format json")
            }
            try FilmRun.check(
                resume: resume, results: results, output: output, presence: presence,
                isTiled: tiles.options() != nil)
        } else if let option = reading.given {
            throw ValidationError("\(option) is about films")
        }
        if presence, try film == nil {
            let isJSON = json || format == .json || (format == nil && results != nil)
            guard isJSON, tiles.options() == nil else {
                throw ValidationError("--presence is part of the JSON of pictures without tiles: --json")
            }
        }
        if format == .voc, masks { throw ValidationError("--format voc takes boxes, no --masks") }
        try shards.refuse([
            ("--results", results != nil), ("--output", output != nil), ("--resume", resume),
            ("--suggest-threshold", suggestThreshold), ("--profile", profile), ("a film", try film != nil),
            ("--presence", presence),
        ])
        if shards.folder != nil, let format, format != .json {
            throw ValidationError(
                "shards are JSON lines: fvlm merge-results --format coco makes a COCO results file of them")
        }
    }

    /// The film that is looked at; nil for pictures.
    private var film: String? {
        get throws {
            guard let first = pictures.images.first(where: { VideoSource.isVideo($0) || frames }) else {
                return nil
            }
            if pictures.images.count > 1 {
                throw ValidationError("\(first) is a film, which is looked at alone: give no other pictures")
            }
            return first
        }
    }

    func run() async throws {
        if let film = try film {
            return try await FilmRun(
                film: film, detector: detector, wanted: wanted, reading: reading, tiles: tiles.options(),
                batchSize: batchSize ?? 4, output: output, results: results, masks: masks,
                presence: presence, calibration: calibration, resume: resume, profile: profile
            ).run()
        }
        if let folder = shards.folder { return try await runShards(into: folder) }
        let files = try pictures.files()
        if format?.isFolder == true, let file = files.first(where: { TarArchive.archive(in: $0) != nil }) {
            throw ValidationError(
                "\(file) is in an archive, and --format \(format?.rawValue ?? "") links to pictures: unpack it"
            )
        }
        let inputs = OutputGuard(
            files + pictures.lists
                + [wanted.vocabulary, wanted.names.classesFile, wanted.names.templates],
            models: detector.models)
        if format?.isFolder == true {
            try inputs.check(results)
        } else {
            for path in results.map({ [$0, ResultsFile.partial($0), ResultsFile.record($0)] }) ?? [] {
                try inputs.check(file: path)
            }
        }
        try inputs.check(additionsTo: output)
        try OutputGuard.checkDistinct([output, results])
        let drawings = try output.map { try AnnotatedPictures(folder: $0) }
        let loaded = try detector.load()
        let vocabulary = try await wanted.load(loaded, folder: detector.model)
        var options = detector.options(loaded)
        options.includesMasks = options.includesMasks && (masks || output != nil)
        options.includesPresence = presence
        if suggestThreshold, detector.scoreThreshold == nil { options.scoreThreshold = 0.01 }
        let calibration = try calibration.load(loaded, folder: detector.model)
        if let calibration { options = calibration.options(options) }
        let report = DetectionReport(
            format: json ? .json : format ?? (results == nil ? .table : .json), includesMasks: masks,
            hasCLIPScores: loaded.configuration.scoring.scorer != ScoringOptions.Scorer.none, files: files,
            names: vocabulary.names, categoryIDs: vocabulary.categoryIDs.ids)
        if report.format == .coco, let reason = vocabulary.categoryIDs.reasonForNumbers {
            note("category ids in the results are the classes' positions in the list, from 1: \(reason)")
        }
        let made = try results.map { _ in try origin(loaded, vocabulary, options, report.format) } ?? [:]
        let isFolder = report.format.isFolder
        let file = try (isFolder ? nil : results).map {
            try ResultsFile(
                path: $0, isWholeOrAbsent: report.format.isDocument, header: report.header, origin: made,
                resumes: resume)
        }
        let labels = try (isFolder ? results : nil).map {
            try LabelFolder(
                path: $0, format: report.format, files: files, classes: vocabulary.names, origin: made,
                resumes: resume)
        }
        if masks, report.format == .table {
            note("masks have no place in a table: --json and other formats have them")
        }
        if [.cvat, .voc, .yolo].contains(report.format) {
            note("scores have no place in the format \(report.format.rawValue)")
        }
        var work = DetectionWork(
            detector: loaded, vocabulary: vocabulary, options: options, report: report, file: file,
            labels: labels, files: files)
        if resume, let results { note(work.resumption(of: results)) }
        drawings?.reserve(file?.earlier.compactMap(\.drawing) ?? [])
        work.drawings = drawings
        work.batchSize = batchSize ?? 1
        work.tiles = tiles.options(batchSize: batchSize)
        work.calibration = calibration
        work.collectsScores = suggestThreshold
        let times = profile ? StageProfile(on: loaded.device) : nil
        let bar = ProgressBar("pictures")
        let summary = try await StageProfile.$current.withValue(times) {
            try await work.run(
                onUnreadable: { try pictures.leaveOut($0, of: files.count) },
                progress: { bar.update($0, of: $1, unit: $2) })
        }
        bar.finish()
        if suggestThreshold { note(Self.suggestion(summary.scores)) }
        if let results {
            try StandardOutput.print("\(results): \(summary.objects) objects in \(summary.pictures) pictures")
        }
        if let times { ProfileTable.print(times, pictures: max(summary.pictures, 1)) }
        if summary.unreadable > 0 {
            note("\(summary.unreadable) of \(files.count) pictures were skipped")
            throw ExitCode.failure
        }
    }

    /// Works shard by shard.
    private func runShards(into folder: String) async throws {
        let work = try ShardedWork(pictures, shards, folder: folder)
        let loaded = try detector.load()
        let vocabulary = try await wanted.load(loaded, folder: detector.model)
        var options = detector.options(loaded)
        options.includesMasks = options.includesMasks && masks
        let calibration = try calibration.load(loaded, folder: detector.model)
        if let calibration { options = calibration.options(options) }
        let (ids, reasonForNumbers) = vocabulary.categoryIDs
        if let reasonForNumbers {
            note(
                "category ids in the records are the classes' positions in the list, from 1: \(reasonForNumbers)"
            )
        }
        let made = try origin(loaded, vocabulary, options, .json)
        let (scoring, hasCLIPScores) = (
            options, loaded.configuration.scoring.scorer != ScoringOptions.Scorer.none
        )
        try await work.run(
            .detections, ending: ".jsonl", identity: made,
            categories: zip(ids, vocabulary.names).map { ShardRecord.Category(id: $0, name: $1) }
        ) { files, path in
            let report = DetectionReport(
                format: .json, includesMasks: masks, hasCLIPScores: hasCLIPScores, files: files,
                names: vocabulary.names, categoryIDs: ids)
            // What an earlier process has left is gone on with.
            let file = try ResultsFile(
                path: path, isWholeOrAbsent: false, header: report.header, origin: made, resumes: true)
            var work = DetectionWork(
                detector: loaded, vocabulary: vocabulary, options: scoring, report: report, file: file,
                files: files)
            work.batchSize = batchSize ?? 1
            work.tiles = tiles.options(batchSize: batchSize)
            work.calibration = calibration
            var outcome = ShardedWork.Outcome()
            let bar = ProgressBar("pictures")
            let summary = try await work.run(
                onUnreadable: {
                    try pictures.leaveOut($0, of: .max)
                    outcome.add($0, of: ($0 as? ImagingError)?.subject ?? "")
                },
                progress: { bar.update($0, of: $1, unit: $2) })
            bar.finish()
            outcome.pictures = file.earlier.count + summary.pictures
            return outcome
        }
    }

    private func note(_ text: String) { StandardError.note("\(text)") }

    private static func suggestion(_ scores: [Double]) -> String {
        guard let suggested = SuggestedThreshold(scores) else {
            return "no threshold can be suggested: too few objects were found"
        }
        // Rounded down, so that what the threshold keeps stays.
        let threshold = (suggested.score * 1e4).rounded(.down) / 1e4
        return
            "suggested threshold: --score-threshold \(NumberText.decimals(threshold, 4)), which keeps "
            + "\(scores.count { $0 >= threshold }) of \(suggested.count) detections"
            + (suggested.separation < 0.75 ? "; scores do not part clearly, so look at some of them" : "")
    }

    /// Everything that the results depend on, by names for messages.
    private func origin(
        _ loaded: Detector, _ vocabulary: Vocabulary, _ options: ScoringOptions,
        _ format: DetectionReport.Format
    ) throws -> ResultsFile.Origin {
        var origin = try ResultsFile.origin(
            loaded, vocabulary, options, precision: detector.precision.value.rawValue, masks: masks,
            tiles: tiles.options())
        origin["form of the results"] = format.rawValue
        if let file = try calibration.load(loaded, folder: self.detector.model) {
            origin["calibration"] = try file.identity
        }
        let (ids, reasonForNumbers) = vocabulary.categoryIDs
        if format == .coco, reasonForNumbers == nil { origin["choice of category ids"] = "\(ids)" }
        return origin
    }
}
