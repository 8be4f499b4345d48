/// The bytes of a whole file: mapped in place, or read into memory, as pipes always are.
///
/// A mapped file must not be truncated while it is in use: the system would end the process.
package final class FileBytes: @unchecked Sendable {
    // Sendable as memory is: distinct tasks must not write to the same bytes at the same time.

    /// How an ordinary file is accessed.
    package enum Access: Sendable {
        /// Mapped, for sequential reading.
        case mapped

        /// Mapped so that writing to the memory does not change the file.
        case mappedCopyOnWrite

        /// Read into memory.
        case read
    }

    /// The path; `-` for standard input.
    package let path: String

    /// The first byte.
    package let pointer: UnsafeMutableRawPointer

    /// The number of bytes.
    package let count: Int

    private let isMapped: Bool
    private var released = 0

    /// Opens a file and reads or maps it. Pipes, such as those of a shell's process substitution, are read to their
    /// end.
    ///
    /// - Parameters:
    ///   - path: The file; `-` for standard input.
    ///   - limit: The maximum number of bytes; messages call it `limitName`.
    /// - Throws: ``FileFailure`` if the file does not exist, is a folder, is a pipe without a writer, or exceeds the
    ///   limit.
    package init(
        contentsOf path: String, access: Access = .mapped, limit: Int = .max, limitName: String = ""
    ) throws(FileFailure) {
        self.path = path
        // Opening a pipe must not wait for a writer that may never come.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let descriptor = path == "-" ? dup(STDIN_FILENO) : path.withPathPointer { open($0, flags) }
        guard descriptor >= 0 else { throw FileFailure(path, "cannot be opened") }
        defer { close(descriptor) }
        guard let status = FileStatus(descriptor: descriptor) else {
            throw FileFailure(path, "cannot be examined")
        }
        guard status.kind != .folder else {
            throw FileFailure(path, reason: "is a folder, not a file", exitStatus: .failure)
        }
        if status.kind == .file, status.byteCount > limit {
            throw Self.excess(path, status.byteCount, limit, limitName)
        }
        let isAtStart = status.kind == .file && lseek(descriptor, 0, SEEK_CUR) == 0
        if isAtStart, status.byteCount > 0, access != .read {
            let isWritable = access == .mappedCopyOnWrite
            guard
                let address = mmap(
                    nil, status.byteCount, isWritable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_PRIVATE,
                    descriptor, 0),
                address != MAP_FAILED
            else { throw FileFailure(path, "cannot be mapped into memory") }
            if !isWritable { madvise(address, status.byteCount, MADV_SEQUENTIAL) }
            (pointer, count, isMapped) = (address, status.byteCount, true)
        } else {
            (pointer, count) = try Self.read(
                descriptor, path: path, expecting: isAtStart ? status.byteCount : 0, limit, limitName)
            isMapped = false
            if count == 0, status.kind == .pipe, path != "-" {
                throw FileFailure(path, reason: "is not an ordinary file but a pipe without a writer")
            }
        }
    }

    deinit {
        if isMapped { munmap(pointer, count) } else { free(pointer) }
    }

    /// The bytes. Valid as long as this object lives.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: pointer, count: count) }

    /// Whether the bytes are in the mapped file rather than in memory of this process.
    package var isInPlace: Bool { isMapped }

    /// A copy of the bytes.
    package var array: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }

    private static func excess(_ path: String, _ count: Int, _ limit: Int, _ name: String) -> FileFailure {
        FileFailure(
            path,
            reason: "its \(count) bytes exceed the limit of \(limit)" + (name.isEmpty ? "" : " (\(name))"))
    }

    private static func read(
        _ descriptor: Int32, path: String, expecting: Int, _ limit: Int, _ limitName: String
    ) throws(FileFailure) -> (UnsafeMutableRawPointer, Int) {
        // One byte more than expected, so that the end is detected without growing.
        var capacity = max(expecting + 1, 1 << 16)
        var count = 0
        guard var memory = malloc(capacity) else { throw FileFailure(path, "does not fit into memory") }
        while true {
            if count == capacity {
                guard let larger = realloc(memory, capacity * 2) else {
                    free(memory)
                    throw FileFailure(path, "does not fit into memory")
                }
                memory = larger
                capacity *= 2
            }
            let got = systemRead(descriptor, memory + count, min(capacity - count, 1 << 30))
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                    _ = poll(&state, 1, -1)
                    continue
                }
                let failure = FileFailure(path, "cannot be read")
                free(memory)
                throw failure
            }
            count += got
            if count > limit {
                free(memory)
                throw excess(path, count, limit, limitName)
            }
        }
        return (memory, count)
    }

    /// Releases the mapped pages before `position`, which have been read: they would count as the process's memory
    /// although the file can provide them again at any time.
    package func release(before position: Int) {
        let window = 8 << 20
        guard isMapped, position - released >= 2 * window else { return }
        let end = position / window * window - window
        guard end > released else { return }
        madvise(pointer + released, end - released, MADV_DONTNEED)
        released = end
    }
}

/// The C library's `read`, which a method with that name hides.
private func systemRead(_ descriptor: Int32, _ memory: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, memory, count)
}
