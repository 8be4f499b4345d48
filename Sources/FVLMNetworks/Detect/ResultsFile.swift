import FVLMCommand
import Support
import Foundation

/// A results file that grows with every picture, and a record of its pictures in FILE.progress, from which an
/// interrupted run is resumed.
///
/// A line is added to the record once its picture's results are written: data after the last complete line belongs to
/// an unfinished picture, is truncated, and made again. The first line states what the results depend on.
final class ResultsFile {
    /// A picture whose results are in the file.
    struct Entry: Codable {
        /// The picture's path as given.
        let file: String
        /// The picture's absolute path; missing from records of earlier versions.
        var path: String?
        /// The length of the file after it, in bytes.
        let end: Int
        /// Its id in a COCO results file.
        var id: Int?
        /// The name of the drawing of the picture.
        var drawing: String?

        /// The absolute path, as far as it is known.
        var location: String { path ?? Path.absolute(file) }
    }

    /// Values that must be unchanged when a run is resumed, by names for messages.
    typealias Origin = [String: String]

    /// The pictures already in the file.
    let earlier: [Entry]

    /// The name of a results file until it is complete, where a part of it is of no use under its own.
    static func partial(_ path: String) -> String { FileName.companion(of: path, ending: ".partial") }

    /// The name of the record of what is in a results file.
    static func record(_ path: String) -> String { FileName.companion(of: path, ending: ".progress") }

    private let path: String
    private let growing: String
    private let header: String
    private var results: FileHandle
    private let progress: FileHandle
    private(set) var end: Int

    /// Creates a file, or resumes one.
    /// - Parameters:
    ///   - isWholeOrAbsent: Whether the file gets its name only when it is complete; until then it is named `.partial`.
    ///   - header: The beginning of the file.
    ///   - origin: What the results depend on.
    ///   - resumes: Whether an existing file is resumed. Otherwise an existing one is an error.
    init(path: String, isWholeOrAbsent: Bool, header: String, origin: Origin, resumes: Bool) throws {
        self.path = path
        self.header = header
        growing = isWholeOrAbsent ? Self.partial(path) : path
        // The guard of outputs has refused a folder.
        if let kind = FileStatus(path)?.kind, kind != .file {
            throw FileFailure(
                path,
                reason:
                    "is no ordinary file, and results that can be resumed need one: without --results they go to standard output",
                exitStatus: .failure)
        }
        let record = Self.record(path)
        let present = [path, growing, record].filter { FileStatus($0) != nil }
        if let first = present.first {
            guard resumes else {
                throw Self.refusal(
                    first, "already exists: add --resume to resume it, or choose another file")
            }
            guard present.contains(record) else {
                throw Self.refusal(
                    path, "cannot be resumed: its record \(record) does not exist")
            }
        }
        progress = try Self.open(record)
        guard flock(progress.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw Self.refusal(path, "is being written by another process")
        }
        // A complete file keeps its name until there is a longer one.
        if growing != path, !present.contains(growing), present.contains(path) {
            let earlier = try FileBytes(contentsOf: path)
            try AtomicFile.write(to: growing) { try $0.write(earlier.bytes) }
        }
        results = try Self.open(growing)
        do {
            let size = Int(try results.seekToEnd())
            let (entries, length) = try Self.entries(progress, path: path, origin: origin, size: size)
            earlier = entries
            end = entries.last?.end ?? 0
            try progress.truncate(atOffset: UInt64(length))
            try results.truncate(atOffset: UInt64(end))
            if length == 0 { try progress.write(contentsOf: Data((JSONText.line(origin) + "\n").utf8)) }
            if end == 0 { try write(header) }
        } catch let error as FileFailure {
            throw error
        } catch { throw Self.fault(growing, error) }
    }

    /// Whether there are no results after the header yet.
    var isEmpty: Bool { end == header.utf8.count }

    /// Appends a picture's results and records them.
    func append(_ text: String, file: String, id: Int?, drawing: String?) throws {
        do {
            try write(text)
            let entry = Entry(
                file: file, path: Path.absolute(file), end: end, id: id, drawing: drawing)
            try progress.write(contentsOf: Data((JSONText.line(entry) + "\n").utf8))
        } catch { throw Self.fault(growing, error) }
    }

    /// Finishes the file: it is on disk, under its name.
    func finish(_ footer: String) throws {
        do {
            try write(footer)
            try results.synchronize()
            try progress.synchronize()
        } catch { throw Self.fault(growing, error) }
        guard growing != path else { return }
        try Folder.move(growing, to: path)
    }

    private func write(_ text: String) throws {
        let bytes = Data(text.utf8)
        try results.write(contentsOf: bytes)
        end += bytes.count
    }

    // MARK: Parts

    static func open(_ path: String) throws -> FileHandle {
        let descriptor = path.withPathPointer { Foundation.open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o666) }
        guard descriptor >= 0 else { throw FileFailure(path, "cannot be opened") }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// The recorded pictures whose results are in the file, and the length of the record up to them in bytes.
    private static func entries(_ record: FileHandle, path: String, origin: Origin, size: Int) throws -> (
        entries: [Entry], length: Int
    ) {
        let data = try record.readToEnd() ?? Data()
        guard let first = data.firstIndex(of: 0x0A) else { return ([], 0) }
        guard let begun: Origin = try? JSONText.value(of: Array(data[..<first])) else {
            throw refusal(Self.record(path), "is not a record of results")
        }
        try check(begun, against: origin, of: path)
        var entries: [Entry] = []
        var start = first + 1
        while let stop = data[start...].firstIndex(of: 0x0A),
            let entry: Entry = try? JSONText.value(of: Array(data[start..<stop])),
            entry.end >= entries.last?.end ?? 0, entry.end <= size
        {
            entries.append(entry)
            start = stop + 1
        }
        return (entries, start)
    }

    static func refusal(_ path: String, _ reason: String) -> FileFailure {
        FileFailure(path, reason: reason)
    }

    private static func fault(_ path: String, _ error: any Error) -> FileFailure {
        FileFailure(
            path, reason: "cannot be written: \(SystemErrorText(error).text)",
            advice: "use --resume to continue", exitStatus: .failure)
    }
}
