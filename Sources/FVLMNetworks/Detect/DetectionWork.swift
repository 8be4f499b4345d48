import CLIP
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support

/// Many pictures through a detector: read ahead, looked at in batches, written as they come.
struct DetectionWork {
    let detector: Detector
    let vocabulary: Vocabulary
    let options: ScoringOptions
    let report: DetectionReport

    /// Where results go; nil: to standard output.
    let file: ResultsFile?

    /// Pictures with what was found drawn on them.
    var drawings: AnnotatedPictures?
    var batchSize = 1

    private let files: [String]
    private let pending: [String]

    /// What was done in this run.
    struct Summary {
        var pictures = 0
        var objects = 0
        var unreadable = 0
    }

    /// Work on those of the pictures that the file does not hold yet.
    init(
        detector: Detector, vocabulary: Vocabulary, options: ScoringOptions, report: DetectionReport,
        file: ResultsFile?, files: [String]
    ) {
        self.detector = detector
        self.vocabulary = vocabulary
        self.options = options
        self.report = report
        self.file = file
        self.files = files
        pending = Self.pending(files, earlier: file?.earlier ?? [])
    }

    /// The files that have no entry yet. An entry is of the file at its path, or of the same file under another name,
    /// such as a link. A picture that is named twice has two entries.
    private static func pending(_ files: [String], earlier: [ResultsFile.Entry]) -> [String] {
        var unmatched = Dictionary(grouping: earlier.map(\.location)) { $0 }.mapValues(\.count)
        func take<Key>(_ key: Key, from counts: inout [Key: Int]) -> Bool {
            guard let count = counts[key], count > 0 else { return false }
            counts[key] = count - 1
            return true
        }
        // Equal paths first: of two links to one file, the one that has an entry is done.
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

    /// What there is to go on with, in a sentence.
    func resumption(of path: String) -> String {
        let count = files.count - pending.count
        return count == 0
            ? "\(path) holds none of the \(files.count) pictures yet"
            : "\(path) holds \(count) of the \(files.count) pictures already; continuing with the other \(pending.count)"
    }

    /// A picture that was read.
    private struct Picture {
        let file: String
        let prepared: PixelValues
        /// Its pixels, when they are drawn on.
        let image: Image?
    }

    /// Does the work.
    /// - Parameters:
    ///   - onUnreadable: Decides about a picture that cannot be used: to throw ends the work.
    ///   - progress: Is told how many pictures are done, and of how many.
    func run(onUnreadable: (any Error) throws -> Void, progress: (Int, Int) -> Void) async throws
        -> Summary
    {
        let (detector, pending, draws) = (detector, pending, drawings != nil)
        let stream = PictureStream(pending, batchSize: batchSize) { image, index in
            Picture(
                file: pending[index], prepared: try detector.prepare(image), image: draws ? image : nil)
        }
        var output = Output(self)
        var summary = Summary()
        if file == nil { try StandardOutput.print(report.header, terminator: "") }
        while let batch = await stream.next() {
            try Task.checkCancellation()
            for fault in batch.faults { try onUnreadable(fault.error) }
            StageProfile.current?.add(.decoding, batch.time)
            let pictures = batch.pictures.map(\.value)
            let found = try await detector.detect(
                prepared: pictures.map(\.prepared), vocabulary: vocabulary, options: options)
            for (picture, detections) in zip(pictures, found) {
                try output.write(picture, detections)
                summary.objects += detections.count
            }
            summary.unreadable += batch.faults.count
            summary.pictures += pictures.count
            progress(batch.end, stream.count)
        }
        if let file {
            try file.finish(report.footer)
        } else {
            try StandardOutput.print(report.footer, terminator: "")
        }
        return summary
    }

    /// Brings results to where they go.
    private struct Output {
        private let work: DetectionWork
        private var ids: PictureIDs
        private var isFirst = true

        init(_ work: DetectionWork) {
            self.work = work
            ids = PictureIDs(files: work.files, taken: work.file?.earlier.compactMap(\.id) ?? [])
        }

        mutating func write(_ picture: Picture, _ detections: [FVLMDetection]) throws {
            let name = picture.file
            let isCOCO = work.report.format == .coco
            let id = isCOCO ? ids.id(of: name) : 0
            let text = try work.report.text(
                name, id: id, picture.prepared.transform.source, detections,
                isFirst: work.file?.isEmpty ?? isFirst)
            var drawing: String?
            if let drawings = work.drawings, let image = picture.image {
                drawing = try drawings.write(name, image, detections)
            }
            if let file = work.file {
                try file.append(text, file: name, id: isCOCO ? id : nil, drawing: drawing)
            } else {
                try StandardOutput.print(text, terminator: "")
            }
            if !text.isEmpty { isFirst = false }
        }
    }
}
