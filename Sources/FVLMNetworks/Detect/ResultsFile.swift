import FVLMCommand
import Support
import Foundation

/// A file of results that grows with every picture, and beside it (`.progress`) a record of the pictures that are in it,
/// from which an interrupted run goes on.
///
/// A line of the record is written when its picture's results are: what lies behind the last whole line is of a picture
/// that was under way, is cut off, and made again. The first line says what the results were made with.
final class ResultsFile {
    /// A picture whose results are in the file.
    struct Entry: Codable {
        /// Its path as it was given.
        let file: String
        /// Its path from the root; records of earlier versions do not have it.
        var path: String?
        /// How long the file was after it, in bytes.
        let end: Int
        /// Its id in a COCO results file.
        var id: Int?
        /// The name of the picture that was drawn of it.
        var drawing: String?

        /// Its path from the root, as well as it is known.
        var location: String { path ?? Path.absolute(file) }
    }

    /// What must be the same when a run goes on: values by a name that a message can show.
    typealias Origin = [String: String]

    /// The pictures that are in the file already.
    let earlier: [Entry]

    private let path: String
    private let growing: String
    private let header: String
    private var results: FileHandle
    private let progress: FileHandle
    private(set) var end: Int

    /// Begins a file, or goes on with one.
    /// - Parameters:
    ///   - isWholeOrAbsent: Whether the file gets its name only when it is complete; it is `.partial` until then.
    ///   - header: What the file begins with.
    ///   - origin: What the results are made with.
    ///   - resumes: Whether to go on with a file that is there. Otherwise one that is there is an error.
    init(path: String, isWholeOrAbsent: Bool, header: String, origin: Origin, resumes: Bool) throws {
        self.path = path
        self.header = header
        growing = isWholeOrAbsent ? path + ".partial" : path
        let record = path + ".progress"
        let present = [path, growing, record].filter { FileManager.default.fileExists(atPath: $0) }
        if let first = present.first {
            guard resumes else {
                throw Self.refusal(
                    first, "is there already: add --resume to go on with it, or name another file")
            }
            guard present.contains(record) else {
                throw Self.refusal(
                    path, "cannot be gone on with: \(record), which says what is in it, is not there")
            }
        }
        progress = try Self.open(record)
        guard flock(progress.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw Self.refusal(path, "is being written by another process")
        }
        // A complete file keeps its name until there is a longer one.
        if growing != path, !present.contains(growing), present.contains(path) {
            do { try FileManager.default.copyItem(atPath: path, toPath: growing) } catch {
                throw Self.fault(growing, error)
            }
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

    /// Whether no results stand behind the header yet.
    var isEmpty: Bool { end == header.utf8.count }

    /// Adds a picture's results and notes that they are there.
    func append(_ text: String, file: String, id: Int?, drawing: String?) throws {
        do {
            try write(text)
            let entry = Entry(
                file: file, path: Path.absolute(file), end: end, id: id, drawing: drawing)
            try progress.write(contentsOf: Data((JSONText.line(entry) + "\n").utf8))
        } catch { throw Self.fault(growing, error) }
    }

    /// Ends the file: it is on the disk, under its name.
    func finish(_ footer: String) throws {
        do {
            try write(footer)
            try results.synchronize()
            try progress.synchronize()
        } catch { throw Self.fault(growing, error) }
        guard growing != path else { return }
        guard rename(growing, path) == 0 else {
            throw Self.fault(path, POSIXError(.init(rawValue: errno) ?? .EIO))
        }
    }

    private func write(_ text: String) throws {
        let bytes = Data(text.utf8)
        try results.write(contentsOf: bytes)
        end += bytes.count
    }

    // MARK: Parts

    private static func open(_ path: String) throws -> FileHandle {
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw fault(path, POSIXError(.init(rawValue: errno) ?? .EIO)) }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// The pictures that are recorded and whose results are there, and the bytes of the record up to them.
    private static func entries(_ record: FileHandle, path: String, origin: Origin, size: Int) throws -> (
        entries: [Entry], length: Int
    ) {
        let data = try record.readToEnd() ?? Data()
        guard let first = data.firstIndex(of: 0x0A) else { return ([], 0) }
        let decoder = JSONDecoder()
        guard let begun = try? decoder.decode(Origin.self, from: data[..<first]) else {
            throw refusal("\(path).progress", "is no record of results")
        }
        let names = Set(begun.keys).union(origin.keys).filter { begun[$0] != origin[$0] }.sorted()
        guard names.isEmpty else {
            throw refusal(
                path,
                "was begun with another \(names.joined(separator: ", another ")): name another file for these results"
            )
        }
        var entries: [Entry] = []
        var start = first + 1
        while let stop = data[start...].firstIndex(of: 0x0A),
            let entry = try? decoder.decode(Entry.self, from: data[start..<stop]),
            entry.end >= entries.last?.end ?? 0, entry.end <= size
        {
            entries.append(entry)
            start = stop + 1
        }
        return (entries, start)
    }

    private static func refusal(_ path: String, _ reason: String) -> FileFailure {
        FileFailure(path, reason: reason)
    }

    private static func fault(_ path: String, _ error: any Error) -> FileFailure {
        FileFailure(
            path, reason: "cannot be written: \(error.localizedDescription)",
            advice: "--resume goes on where it stopped", exitStatus: .failure)
    }
}
