import COCO
import DetectionResults
import Evaluation
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support
import Tracking
import Video
import VideoDetection

/// Where the results of a film go: a drawn film, a line of JSON a frame, a file of the MOT challenge, standard output.
final class VideoResults {
    private let film: String?
    private let audio: VideoSource?
    private let includesMasks: Bool
    private let printsLines: Bool
    private let names: [String]
    private let lines: GrowingFile?
    private let mot: GrowingFile?
    private var writer: VideoWriter?
    private var hasBegun = false
    private var annotator = Annotator()

    /// Begins all files; those that are there already are replaced when the work is done.
    /// - Parameters:
    ///   - names: The names of the classes.
    ///   - audio: The film whose sound is kept.
    ///   - resumed: How far files are that are gone on with; nil for new ones.
    init(
        film: String?, results: String?, mot: String?, printsLines: Bool, includesMasks: Bool,
        names: [String], audio: VideoSource?, resumed: FilmProgress?
    ) throws {
        self.film = film
        self.audio = audio
        self.includesMasks = includesMasks
        self.printsLines = printsLines
        self.names = names
        lines = try results.map { try GrowingFile(path: $0, length: resumed?.lines ?? 0) }
        self.mot = try mot.map { try GrowingFile(path: $0, length: resumed?.mot ?? 0) }
        // A name that cannot be is told before the work.
        if let film { writer = try VideoWriter(path: film, frameRate: 30) }
    }

    private struct Event: Encodable {
        let id: Int
        let event: String
    }

    private struct Line: Encodable {
        let frame: Int
        let time: Double
        let width: Int
        let height: Int
        let detections: [DetectedObject]
        /// Nil where it was not asked for.
        let presence: [String: Float]?
        /// Nil where objects are not followed.
        let events: [Event]?
    }

    /// Adds a frame.
    func append(_ found: DetectedFrame, frameRate: Double) throws {
        let (frame, detections) = (found.frame, found.detections)
        let ids = found.tracked?.assignments.map(\.id)
        if printsLines || lines != nil {
            let text = try line(found) + "\n"
            if printsLines { try StandardOutput.print(text, terminator: "") }
            try lines?.append(text)
        }
        if let mot {
            var rows = MOTFile()
            for (detection, id) in zip(detections, ids ?? []) {
                guard let id else { continue }
                rows.rows.append(
                    MOTFile.Row(
                        frame: frame.index + 1, id: id, box: TrackedDetection(detection).box,
                        score: Double(detection.score)))
            }
            try mot.append(rows.text)
        }
        if let film {
            if !hasBegun { writer = try VideoWriter(path: film, frameRate: frameRate, audio: audio) }
            hasBegun = true
            let image: Image
            if let ids {
                // What has no id yet would flicker.
                let shown = zip(detections, ids).filter { $1 != nil }
                var labels: [FVLMDetection: String] = [:]
                for (detection, id) in shown { labels[detection] = "\(id ?? 0) \(detection.label)" }
                image = try annotator.draw(
                    shown.map(\.0), on: frame.image, label: { labels[$0] ?? $0.label })
            } else {
                image = try annotator.draw(detections, on: frame.image)
            }
            try writer?.append(image, time: frame.time)
        }
    }

    /// Gives all files their names.
    func finish() throws {
        try lines?.finish()
        try mot?.finish()
        try writer?.finish()
    }

    /// The lengths of the files of lines and of tracks in bytes, once all of it is on the disk.
    func synchronizedLengths() throws -> (lines: Int, mot: Int) {
        (try lines?.synchronizedLength() ?? 0, try mot?.synchronizedLength() ?? 0)
    }

    private func line(_ found: DetectedFrame) throws -> String {
        let (frame, size) = (found.frame, found.frame.image.size)
        let objects = try found.detections.enumerated().map { place, detection in
            let assignment = found.tracked?.assignments[place]
            return try DetectedObject(
                detection, id: assignment?.id, label: names[assignment?.classIndex ?? detection.classIndex],
                mask: includesMasks ? CompressedMask(detection, in: size) : nil)
        }
        let events = found.tracked?.events.map { event in
            switch event {
            case .confirmed(let id): Event(id: id, event: "confirmed")
            case .lost(let id): Event(id: id, event: "lost")
            case .found(let id): Event(id: id, event: "found")
            case .ended(let id): Event(id: id, event: "ended")
            }
        }
        return try JSONText.line(
            Line(
                frame: frame.index, time: (frame.time * 1e6).rounded() / 1e6, width: size.width,
                height: size.height, detections: objects,
                presence: found.presences.map { PictureResult.presence($0, of: names) }, events: events))
    }
}

/// A file that is written bit by bit beside its name, and gets the name at the end; what is there of it stays when the
/// work does not end.
private final class GrowingFile {
    private let path: String
    private let partial: String
    private let handle: FileHandle
    private var isOwn = false
    private var length: Int

    /// - Parameter length: The length in bytes of what is kept of an earlier work.
    init(path: String, length: Int) throws {
        self.path = path
        partial = ResultsFile.partial(path)
        self.length = length
        let descriptor = partial.withPathPointer { open($0, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666) }
        guard descriptor >= 0 else { throw FileFailure(partial, "cannot be written") }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw FileFailure(path, reason: "is being written by another process", exitStatus: .failure)
        }
        // Under the lock: before, it may be another run's.
        do {
            try handle.truncate(atOffset: UInt64(length))
            try handle.seekToEnd()
        } catch { throw fault(error) }
        isOwn = true
    }

    deinit {
        // A film without a frame leaves nothing behind.
        if isOwn, FileStatus(partial)?.byteCount == 0 { _ = partial.withPathPointer { unlink($0) } }
    }

    func append(_ text: String) throws {
        do { try handle.write(contentsOf: Data(text.utf8)) } catch { throw fault(error) }
        length += text.utf8.count
    }

    func synchronizedLength() throws -> Int {
        do { try handle.synchronize() } catch { throw fault(error) }
        return length
    }

    func finish() throws {
        do { try handle.synchronize() } catch { throw fault(error) }
        try Folder.move(partial, to: path)
        isOwn = false
    }

    private func fault(_ error: any Error) -> FileFailure {
        FileFailure(path, reason: "cannot be written: \(SystemErrorText(error).text)", exitStatus: .failure)
    }
}
