#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that appears under its name only when all of it is written.
package struct AtomicFile: ~Copyable {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private var isFinished = false

    /// Begins a file beside `path`.
    package init(path: String) throws {
        self.path = path
        var template = Array("\(path).XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        temporary = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? path }
        guard descriptor >= 0 else {
            isFinished = true
            throw Self.failure(path, "cannot be written")
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if !isFinished { unlink(temporary) }
    }

    private static func failure(_ path: String, _ what: String) -> AnnotationFileError {
        AnnotationFileError(
            file: path, kind: .inaccessible, reason: "\(what): \(String(cString: strerror(errno)))")
    }

    /// Adds bytes.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        #if canImport(Darwin)
            let put = Darwin.write
        #elseif canImport(Musl)
            let put = Musl.write
        #else
            let put = Glibc.write
        #endif
        var done = 0
        while done < bytes.count {
            let count = put(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failure(path, "cannot be written")
            }
            done += count
        }
    }

    /// Gives the file its name, in place of any file of that name.
    package mutating func finish() throws {
        // The temporary file is private to the user; the final one follows the process's mask as any other.
        let mask = umask(0)
        umask(mask)
        guard fchmod(descriptor, 0o666 & ~mask) == 0, fsync(descriptor) == 0, rename(temporary, path) == 0
        else {
            throw Self.failure(path, "cannot be written")
        }
        isFinished = true
    }
}
