/// The C library's `write`, which a method of that name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

/// A file that takes the place of an earlier one only when it is complete and on the disk.
///
/// The bytes go to a temporary file in the same folder, which is renamed at the end. Whatever fails, a full
/// disk too, leaves the earlier file as it was and nothing else behind.
package struct AtomicFile: ~Copyable {
    private let path: String
    private let temporary: String
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

    /// Begins a file beside `path`.
    package init(path: String) throws(FileFailure) {
        self.path = path
        temporary = TemporaryName.beside(path)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileFailure(path, "cannot be created") }
        buffer.reserveCapacity(Self.bufferSize)
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            if !isCommitted { unlink(temporary) }
        }
    }

    private static let bufferSize = 1 << 16

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
        guard fsync(descriptor) == 0 else { throw FileFailure(path, "cannot be written to the disk") }
        guard rename(temporary, path) == 0 else { throw FileFailure(path, "cannot be put in place") }
        isCommitted = true
        // The folder's entry has to reach the disk too. Some file systems cannot say so, which is no reason
        // to fail: the file is complete.
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let folderDescriptor = open(folder, O_RDONLY | O_CLOEXEC)
        if folderDescriptor >= 0 {
            _ = fsync(folderDescriptor)
            close(folderDescriptor)
        }
    }
}
