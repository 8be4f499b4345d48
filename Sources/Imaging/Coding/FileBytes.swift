import Support

private func systemRead(_ descriptor: Int32, _ memory: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, memory, count)
}

/// Whole files to and from memory.
enum FileBytes {
    /// Reads a file. It is not mapped: a file that shrinks meanwhile would end the process.
    ///
    /// - Throws: ``ImagingError`` when the file cannot be read, is no ordinary file or exceeds `limit` bytes.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        // Without waiting for a writer, should it be a pipe.
        let descriptor = path.withPathPointer { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be examined") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ImagingError(path, reason: "is no ordinary file")
        }
        let size = Int(status.st_size)
        guard size <= limit else { throw ImagingError(path, reason: excess(size, limit)) }
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            while initialized < size, let base = buffer.baseAddress {
                let count = retry {
                    systemRead(descriptor, base + initialized, size - initialized)
                }
                if count <= 0 {
                    failed = count < 0
                    return
                }
                initialized += count
            }
        }
        if failed { throw failure(path, "cannot be read") }
        return bytes
    }

    /// The reason of a refusal by size.
    static func excess(_ size: Int, _ limit: Int) -> String {
        "its \(size) bytes exceed the limit of \(limit) (DecodingLimits.bytes)"
    }

    /// Writes a file so that its name always stands for a complete one.
    static func write(_ bytes: [UInt8], to path: String) throws {
        do { try AtomicFile.write(bytes, to: path) } catch {
            throw ImagingError(error.path, reason: error.reason, exitStatus: .failure)
        }
    }

    private static func retry(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private static func failure(_ path: String, _ what: String) -> ImagingError {
        ImagingError(path, reason: "\(what): \(String(cString: strerror(errno)))", exitStatus: .failure)
    }
}
