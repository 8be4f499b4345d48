import Support

/// The bytes of a file: mapped when it is a regular file, read into memory when it is a pipe or a device.
///
/// A mapped file must not be cut shorter while it is read: the system then ends the process.
final class FileBytes {
    let path: String
    let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool
    private var released = 0

    /// - Parameter path: `-` stands for standard input.
    init(path: String) throws {
        self.path = path
        let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path, "cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "cannot be examined") }
        if status.st_mode & S_IFMT == S_IFDIR {
            throw AnnotationFileError(
                file: path, kind: .inaccessible, reason: "is a folder; the path of a JSON file is needed")
        }
        let size = Int(status.st_size)
        if status.st_mode & S_IFMT == S_IFREG, size > 0, lseek(descriptor, 0, SEEK_CUR) == 0 {
            guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED
            else { throw Self.failure(path, "cannot be mapped into memory") }
            madvise(address, size, MADV_SEQUENTIAL)
            bytes = UnsafeRawBufferPointer(start: address, count: size)
            isMapped = true
        } else {
            bytes = try Self.readAll(descriptor, path: path)
            isMapped = false
        }
    }

    deinit {
        if isMapped {
            munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        } else {
            bytes.deallocate()
        }
    }

    private static func failure(_ path: String, _ what: String) -> AnnotationFileError {
        AnnotationFileError(
            file: path, kind: .inaccessible, reason: "\(what): \(String(cString: strerror(errno)))")
    }

    private static func readAll(_ descriptor: Int32, path: String) throws -> UnsafeRawBufferPointer {
        var capacity = 1 << 20
        var count = 0
        guard var memory = malloc(capacity) else { throw failure(path, "does not fit into memory") }
        while true {
            if count == capacity {
                guard let larger = realloc(memory, capacity * 2) else {
                    free(memory)
                    throw failure(path, "does not fit into memory")
                }
                memory = larger
                capacity *= 2
            }
            let got = read(descriptor, memory + count, capacity - count)
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR { continue }
                let error = failure(path, "cannot be read")
                free(memory)
                throw error
            }
            count += got
        }
        return UnsafeRawBufferPointer(start: memory, count: count)
    }

    /// Gives back the memory of the mapped pages before `position`, which have been read: they would count
    /// as the process's memory although the file can fill them again at any time.
    func release(before position: Int) {
        let window = 8 << 20
        guard isMapped, position - released >= 2 * window, let base = bytes.baseAddress else { return }
        let end = position / window * window - window
        guard end > released else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + released), end - released, MADV_DONTNEED)
        released = end
    }
}

extension AnnotationFileError {
    /// The text of a file without a byte-order mark, `-` for standard input.
    ///
    /// - Throws: ``AnnotationFileError`` when the file cannot be read or is not UTF-8.
    package static func text(contentsOf path: String) throws -> String {
        let file = try FileBytes(path: path)
        return try withExtendedLifetime(file) {
            var bytes = file.bytes[...]
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                let isWide = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
                throw AnnotationFileError(
                    file: path, reason: isWide ? "is UTF-16 text; save it as UTF-8" : "is not UTF-8 text")
            }
            return text
        }
    }
}
