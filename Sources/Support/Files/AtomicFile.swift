/// The C library's `write`, which a method of that name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

/// The C library's `open`, which a method of that name hides.
private func systemOpen(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 { open(path, flags, 0o666) }

/// A file that takes the place of an earlier one only when it is complete and on the disk.
///
/// The bytes go to a temporary file in the same folder, which is renamed at the end. Whatever fails, a full disk too,
/// leaves the earlier file as it was and nothing else behind. A link is followed, and the file that it names replaced.
/// Pipes and devices, such as `/dev/stdout`, are written to directly.
package struct AtomicFile: ~Copyable {
    private let path: String

    /// Nil where the bytes go to the path directly.
    private let temporary: String?

    /// Where the file will be: the path, or what it links to.
    private let target: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isCommitted = false

    /// The number of bytes written so far.
    package private(set) var position = 0

    /// Runs `body`, which writes the file, and puts it at `path`.
    ///
    /// - Throws: ``FileFailure`` when the file cannot be written; whatever `body` throws.
    package static func write(to path: String, _ body: (inout AtomicFile) throws -> Void) throws {
        var file = try AtomicFile(path: path)
        try body(&file)
        try file.commit()
    }

    /// Puts `bytes` at `path`.
    package static func write(_ bytes: [UInt8], to path: String) throws(FileFailure) {
        var file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }

    /// Puts `text` at `path`.
    package static func write(_ text: String, to path: String) throws(FileFailure) {
        try write(Array(text.utf8), to: path)
    }

    /// Begins a file beside `path`.
    package init(path: String) throws(FileFailure) {
        self.path = path
        (target, temporary, descriptor) = try Self.open(path)
        buffer.reserveCapacity(Self.bufferSize)
    }

    private static func open(
        _ path: String
    ) throws(FileFailure) -> (target: String, temporary: String?, descriptor: Int32) {
        let status = FileStatus(path)
        if status?.kind == .folder {
            throw FileFailure(path, reason: "cannot be put in place: it is a folder", exitStatus: .failure)
        }
        if let status, status.kind != .file {
            let descriptor = path.withPathPointer { systemOpen($0, O_WRONLY | O_CLOEXEC) }
            guard descriptor >= 0 else { throw FileFailure(path, "cannot be opened") }
            return (path, nil, descriptor)
        }
        let target = status == nil ? path : resolved(path)
        let temporary = TemporaryName.beside(target)
        let descriptor = temporary.withPathPointer { systemOpen($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileFailure(path, "cannot be created") }
        copyPermissions(of: target, to: descriptor)
        return (target, temporary, descriptor)
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            if !isCommitted, let temporary { _ = temporary.withPathPointer { unlink($0) } }
        }
    }

    private static let bufferSize = 1 << 16

    /// The file that a path names, without links.
    private static func resolved(_ path: String) -> String {
        guard let real = path.withPathPointer({ realpath($0, nil) }) else { return path }
        defer { free(real) }
        return String(systemPath: real)
    }

    /// A file that was private stays so.
    private static func copyPermissions(of path: String, to descriptor: Int32) {
        var status = stat()
        if path.withPathPointer({ stat($0, &status) }) == 0 {
            _ = fchmod(descriptor, status.st_mode & 0o7777)
        }
    }

    /// Appends `bytes`.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        position += bytes.count
        if buffer.count + bytes.count <= Self.bufferSize {
            buffer.append(contentsOf: bytes)
        } else {
            try flush()
            try writeThrough(bytes)
        }
    }

    /// Appends `bytes`.
    package mutating func write(_ bytes: [UInt8]) throws(FileFailure) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(FileFailure) in
            try write(UnsafeRawBufferPointer(bytes))
        }
    }

    private mutating func flush() throws(FileFailure) {
        try buffer.withUnsafeBufferPointer { (bytes) throws(FileFailure) in
            try writeThrough(UnsafeRawBufferPointer(bytes))
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            // Linux writes at most 2 GB at once.
            let count = systemWrite(descriptor, start + done, min(bytes.count - done, 1 << 30))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileFailure(path, "cannot be written") }
            done += count
        }
    }

    /// Gives the file its name, in place of any file of that name.
    package mutating func commit() throws(FileFailure) {
        try flush()
        guard let temporary else {
            isCommitted = true
            return
        }
        guard fsync(descriptor) == 0 else { throw FileFailure(path, "cannot be written to the disk") }
        let isRenamed = temporary.withPathPointer { from in target.withPathPointer { rename(from, $0) } } == 0
        guard isRenamed else { throw FileFailure(path, "cannot be put in place") }
        isCommitted = true
        Folder.flush(Path.parent(target))
    }
}

/// Names of files and folders that are not complete yet.
package enum TemporaryName {
    /// A name beside `path` that nothing has: some of the path's own name, so that people see what it belongs to, and 64
    /// random bits. It is far shorter than the 255 bytes that file systems take, however long the path's own name is.
    package static func beside(_ path: String) -> String {
        var name = ""
        for character in Path.name(path) {
            guard name.utf8.count + character.utf8.count <= 64 else { break }
            name.append(character)
        }
        let random = String(UInt64.random(in: .min ... .max), radix: 36)
        return Path.join(path.contains("/") ? Path.parent(path) : "", "\(name).\(random).tmp")
    }
}
