import CLIP
import DetectionResults
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support
import Tiling

/// Runs many pictures through a detector: read ahead, processed in batches, written immediately.
struct DetectionWork {
    let detector: Detector
    let vocabulary: Vocabulary
    let options: ScoringOptions
    let report: DetectionReport

    /// The results file; nil: standard output.
    let file: ResultsFile?

    /// Where results go that are a file a picture.
    let labels: LabelFolder?

    /// Pictures with what was found drawn on them.
    var drawings: AnnotatedPictures?
    var batchSize = 1

    /// Whether scores are wanted in the summary.
    var collectsScores = false

    /// What is done to scores; nil: nothing.
    var calibration: AppliedCalibration?

    /// The tiles that pictures are looked at in; nil: whole pictures.
    var tiles: TilingOptions?

    private let files: [String]
    private let pending: [String]

    /// The outcome of this run.
    struct Summary {
        var pictures = 0
        var objects = 0
        var unreadable = 0
        /// The scores of everything found, where they are wanted.
        var scores: [Double] = []
    }

    /// Creates work on the pictures that the file does not contain yet.
    init(
        detector: Detector, vocabulary: Vocabulary, options: ScoringOptions, report: DetectionReport,
        file: ResultsFile?, labels: LabelFolder? = nil, files: [String]
    ) {
        self.detector = detector
        self.vocabulary = vocabulary
        self.options = options
        self.report = report
        self.file = file
        self.labels = labels
        self.files = files
        pending = Self.pending(files, earlier: file?.earlier ?? labels?.earlier ?? [])
    }

    /// The files without an entry. An entry belongs to the file at its path, or to the same file under another name,
    /// such as a link. A picture given twice has two entries.
    private static func pending(_ files: [String], earlier: [ResultsFile.Entry]) -> [String] {
        var unmatched = Dictionary(grouping: earlier.map(\.location)) { $0 }.mapValues(\.count)
        func take<Key>(_ key: Key, from counts: inout [Key: Int]) -> Bool {
            guard let count = counts[key], count > 0 else { return false }
            counts[key] = count - 1
            return true
        }
        // Equal paths first: of two links to one file, the one with an entry is done.
        let isDone = files.map { take(Path.absolute($0), from: &unmatched) }
        var identities: [FileIdentity: Int] = [:]
        for (location, count) in unmatched where count > 0 {
            if let identity = FileIdentity(location) { identities[identity, default: 0] += count }
        }
        return zip(files, isDone).compactMap { name, isDone in
            if isDone { return nil }
            if !identities.isEmpty, let identity = FileIdentity(name), take(identity, from: &identities) {
                return nil
            }
            return name
        }
    }

    /// What is left to do, in a sentence.
    func resumption(of path: String) -> String {
        let count = files.count - pending.count
        return count == 0
            ? "\(path) contains none of the \(files.count) pictures yet"
            : "\(path) already contains \(count) of the \(files.count) pictures; continuing with the other \(pending.count)"
    }

    /// Runs the work.
    /// - Parameters:
    ///   - onUnreadable: Called for a picture that cannot be used: throwing stops the work.
    ///   - progress: Called with the number of pictures done, their total, and what more there is to say.
    func run(onUnreadable: (any Error) throws -> Void, progress: (Int, Int, String) -> Void) async throws
        -> Summary
    {
        var output = Output(self)
        if file == nil, labels == nil { try StandardOutput.print(report.header, terminator: "") }
        let summary =
            if let tiles { try await run(tiles, into: &output, onUnreadable, progress) } else {
                try await runWhole(into: &output, onUnreadable, progress)
            }
        if let file {
            try file.finish(report.footer)
        } else if labels == nil {
            try StandardOutput.print(report.footer, terminator: "")
        }
        return summary
    }

    /// A picture that was read.
    private struct Picture {
        let file: String
        let prepared: PixelValues
        /// The pixels, if they are drawn on and not too many.
        let image: Image?
    }

    /// Looks at pictures as a whole, in batches of several.
    private func runWhole(
        into output: inout Output, _ onUnreadable: (any Error) throws -> Void,
        _ progress: (Int, Int, String) -> Void
    ) async throws -> Summary {
        let (detector, pending, draws) = (detector, pending, drawings != nil)
        let stream = PictureStream(pending, batchSize: batchSize) { image, index in
            Picture(
                file: pending[index], prepared: try detector.prepare(image),
                image: draws ? AnnotatedPictures.kept(image) : nil)
        }
        var summary = Summary()
        while let batch = await stream.next() {
            try Task.checkCancellation()
            for fault in batch.faults { try onUnreadable(fault.error) }
            StageProfile.current?.add(.decoding, batch.time)
            let pictures = batch.pictures.map(\.value)
            let findings = try await detector.findings(
                in: pictures.map(\.prepared), vocabulary: vocabulary, options: options)
            var found = findings.detections
            if let calibration {
                found = found.map { calibration.applied(to: $0, of: detector, vocabulary) }
            }
            for (place, (picture, detections)) in zip(pictures, found).enumerated() {
                let presence = findings.presences.map {
                    PictureResult.presence($0[place], of: vocabulary.names)
                }
                try output.write(
                    picture.file, picture.prepared.transform.source, detections, presence: presence
                ) {
                    try $0.write(picture.file, picture.image, detections)
                }
                summary.objects += detections.count
                if collectsScores { summary.scores += detections.map { Double($0.score) } }
            }
            summary.unreadable += batch.faults.count
            summary.pictures += pictures.count
            progress(batch.end, stream.count, "")
        }
        return summary
    }

    /// Looks at pictures in tiles, a picture at a time.
    private func run(
        _ tiles: TilingOptions, into output: inout Output, _ onUnreadable: (any Error) throws -> Void,
        _ progress: (Int, Int, String) -> Void
    ) async throws -> Summary {
        let pending = pending
        // One picture is opened ahead.
        let stream = ReadAhead(count: pending.count, window: 1) {
            try TiledTIFF.picture(contentsOf: pending[$0])
        }
        defer { stream.cancel() }
        var summary = Summary()
        for (number, name) in pending.enumerated() {
            guard let result = await stream.next() else { break }
            let picture: any PictureRegions
            var detections: [FVLMDetection]
            do {
                picture = try result.get()
                detections = try await detector.detect(
                    picture, vocabulary: vocabulary, options: options, tiles: tiles,
                    progress: { progress(number, pending.count, ", \($0) of \($1) tiles") })
            } catch let error as ImagingError {
                // A damaged tile is found when it is read.
                try onUnreadable(error)
                summary.unreadable += 1
                continue
            }
            if let calibration { detections = calibration.applied(to: detections, of: detector, vocabulary) }
            let found = detections
            try output.write(name, picture.size, found) {
                if let image = picture as? Image { return try $0.write(name, image, found) }
                return try $0.write(name, smaller: picture, found)
            }
            summary.objects += found.count
            if collectsScores { summary.scores += found.map { Double($0.score) } }
            summary.pictures += 1
            progress(number + 1, pending.count, "")
        }
        return summary
    }

    /// Writes results to their destination.
    private struct Output {
        private let work: DetectionWork
        private var ids: PictureIDs
        private var isFirst = true

        init(_ work: DetectionWork) {
            self.work = work
            ids = PictureIDs(files: work.files, taken: work.file?.earlier.compactMap(\.id) ?? [])
        }

        /// - Parameter draw: Draws the detections and returns the drawing's name.
        mutating func write(
            _ name: String, _ size: ImageSize, _ detections: [FVLMDetection],
            presence: [String: Float]? = nil, draw: (AnnotatedPictures) throws -> String
        ) throws {
            if let labels = work.labels {
                try labels.write(
                    work.report.labels(labels.pictureName(name), size, detections), for: name)
                if let drawings = work.drawings { _ = try draw(drawings) }
                return
            }
            let isCOCO = work.report.format == .coco || work.report.format == .cvat
            let id = isCOCO ? ids.id(of: name) : 0
            let text = try work.report.text(
                name, id: id, size, detections, presence: presence,
                isFirst: work.file?.isEmpty ?? isFirst)
            let drawing = try work.drawings.map(draw)
            if let file = work.file {
                try file.append(text, file: name, id: isCOCO ? id : nil, drawing: drawing)
            } else {
                try StandardOutput.print(text, terminator: "")
            }
            if !text.isEmpty { isFirst = false }
        }
    }
}
