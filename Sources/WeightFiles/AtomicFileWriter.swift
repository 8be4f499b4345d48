import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The C library's `write`, which a method of that name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

/// Writes a file that takes the place of an earlier one only when it is complete and on the disk.
///
/// The bytes go to a temporary file in the same folder, which is renamed at the end. Whatever fails, a full
/// disk too, leaves the earlier file as it was and nothing else behind.
package struct AtomicFileWriter: ~Copyable {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isCommitted = false

    /// The number of bytes written so far.
    package private(set) var position = 0

    /// Runs `body`, which writes the file, and puts it at `path`.
    ///
    /// - Throws: ``WeightFileError`` when the file cannot be written; whatever `body` throws.
    package static func write(
        to path: String, _ body: (inout AtomicFileWriter) throws -> Void
    ) throws {
        var writer = try AtomicFileWriter(path)
        try body(&writer)
        try writer.commit()
    }

    private init(_ path: String) throws {
        self.path = path
        let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
        temporary = "\(path).\(suffix).tmp"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure("cannot be created") }
        buffer.reserveCapacity(Self.bufferSize)
    }

    deinit {
        if !isCommitted {
            close(descriptor)
            unlink(temporary)
        }
    }

    private static let bufferSize = 1 << 16

    private func failure(_ what: String) -> WeightFileError {
        WeightFileError(file: path, reason: "\(what): \(String(cString: strerror(errno)))")
    }

    /// Appends `bytes`.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        position += bytes.count
        if buffer.count + bytes.count <= Self.bufferSize {
            buffer.append(contentsOf: bytes)
        } else {
            try flush()
            try writeThrough(bytes)
        }
    }

    /// Appends `bytes`.
    package mutating func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    private mutating func flush() throws {
        try buffer.withUnsafeBytes { try writeThrough($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            // Linux writes at most 2 GB at once.
            let count = systemWrite(descriptor, start + done, min(bytes.count - done, 1 << 30))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot be written") }
            done += count
        }
    }

    private mutating func commit() throws {
        try flush()
        guard fsync(descriptor) == 0 else { throw failure("cannot be written to the disk") }
        guard rename(temporary, path) == 0 else { throw failure("cannot be put in place") }
        isCommitted = true
        close(descriptor)
        // The folder's entry has to reach the disk too. Some file systems cannot say so, which is no reason
        // to fail: the file is complete.
        let folder = URL(filePath: path).deletingLastPathComponent().path
        let folderDescriptor = open(folder, O_RDONLY | O_CLOEXEC)
        if folderDescriptor >= 0 {
            _ = fsync(folderDescriptor)
            close(folderDescriptor)
        }
    }
}
