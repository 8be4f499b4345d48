import COCO
import Evaluation
import FVLM
import FVLMCommand
import Foundation
import Imaging
import Support
import Tracking
import Video

/// Where the results of a film go: a drawn film, a line of JSON a frame, a file of the MOT challenge, standard output.
final class VideoResults {
    private let film: String?
    private let source: VideoSource
    private let includesMasks: Bool
    private let printsLines: Bool
    private let lines: GrowingFile?
    private let mot: GrowingFile?
    private var writer: VideoWriter?
    private var annotator = Annotator()

    /// Begins all files; those that are there already are replaced when the work is done.
    init(
        film: String?, results: String?, mot: String?, printsLines: Bool, includesMasks: Bool,
        source: VideoSource
    ) throws {
        self.film = film
        self.source = source
        self.includesMasks = includesMasks
        self.printsLines = printsLines
        lines = try results.map { try GrowingFile(path: $0) }
        self.mot = try mot.map { try GrowingFile(path: $0) }
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
        let events: [Event]
    }

    /// Adds a frame.
    func append(
        _ frame: VideoFrame, _ detections: [FVLMDetection], _ tracked: Tracker.Frame, frameRate: Double
    ) throws {
        if printsLines || lines != nil {
            let text = try line(frame, detections, tracked) + "\n"
            if printsLines { try StandardOutput.print(text, terminator: "") }
            try lines?.append(text)
        }
        if let mot {
            var rows = MOTFile()
            for (detection, assignment) in zip(detections, tracked.assignments) {
                guard let id = assignment.id else { continue }
                rows.rows.append(
                    MOTFile.Row(
                        frame: frame.index + 1, id: id, box: TrackedDetection(detection).box,
                        score: Double(detection.score)))
            }
            try mot.append(rows.text)
        }
        if let film {
            if frame.index == 0 { writer = try VideoWriter(path: film, frameRate: frameRate, audio: source) }
            // What has no id yet would flicker.
            let shown = zip(detections, tracked.assignments).filter { $1.id != nil }
            var ids: [FVLMDetection: Int] = [:]
            for (detection, assignment) in shown { ids[detection] = assignment.id }
            let image = try annotator.draw(
                shown.map(\.0), on: frame.image,
                label: { detection in "\(ids[detection] ?? 0) \(detection.label)" })
            try writer?.append(image, time: frame.time)
        }
    }

    /// Gives all files their names.
    func finish() throws {
        try lines?.finish()
        try mot?.finish()
        try writer?.finish()
    }

    private func line(
        _ frame: VideoFrame, _ detections: [FVLMDetection], _ tracked: Tracker.Frame
    ) throws -> String {
        let size = frame.image.size
        let objects = try zip(detections, tracked.assignments).map { detection, assignment in
            // An object keeps the class that it was given first.
            let label = assignment.id.flatMap { _ in names[assignment.classIndex] }
            return try DetectedObject(
                detection, id: assignment.id, label: label,
                mask: includesMasks ? CompressedMask(detection, in: size) : nil)
        }
        for detection in detections { names[detection.classIndex] = detection.label }
        let events = tracked.events.map { event in
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
                height: size.height,
                detections: objects, events: events))
    }

    /// The names of the classes that were seen.
    private var names: [Int: String] = [:]
}

/// A file that is written bit by bit beside its name, and gets the name at the end; what is there of it stays when the
/// work does not end.
private final class GrowingFile {
    private let path: String
    private let partial: String
    private let handle: FileHandle
    private var isOwn = false

    init(path: String) throws {
        self.path = path
        partial = path + ".partial"
        let descriptor = partial.withPathPointer { open($0, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666) }
        guard descriptor >= 0 else { throw FileFailure(partial, "cannot be written") }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw FileFailure(path, reason: "is being written by another process", exitStatus: .failure)
        }
        // Under the lock: before, it may be another run's.
        guard ftruncate(descriptor, 0) == 0 else { throw FileFailure(partial, "cannot be written") }
        isOwn = true
    }

    deinit {
        // A film without a frame leaves nothing behind.
        if isOwn, FileStatus(partial)?.byteCount == 0 { _ = partial.withPathPointer { unlink($0) } }
    }

    func append(_ text: String) throws {
        do { try handle.write(contentsOf: Data(text.utf8)) } catch { throw fault(error) }
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
