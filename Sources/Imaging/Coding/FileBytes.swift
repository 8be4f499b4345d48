#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

private func systemRead(_ descriptor: Int32, _ memory: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, memory, count)
}

private func systemWrite(_ descriptor: Int32, _ memory: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, memory, count)
}

/// Whole files to and from memory.
enum FileBytes {
    /// Reads a file. It is not mapped: a file that shrinks meanwhile would end the process.
    ///
    /// - Throws: ``ImagingError`` when the file cannot be read, is no ordinary file or exceeds `limit` bytes.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be examined") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ImagingError(source: path, reason: "is no ordinary file")
        }
        let size = Int(status.st_size)
        guard size <= limit else { throw ImagingError(source: path, reason: excess(size, limit)) }
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

    /// Writes a file so that its name always stands for a complete one: into a temporary file beside it that
    /// then takes the name.
    static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
        let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(path, "cannot be created") }
        var written = 0
        while written < bytes.count, let base = bytes.baseAddress {
            let count = retry { systemWrite(descriptor, base + written, bytes.count - written) }
            if count < 0 { break }
            written += count
        }
        // Only the first failing call's reason counts; the later ones are made all the same.
        var error = written < bytes.count ? errno : 0
        if close(descriptor) != 0, error == 0 { error = errno }
        if error == 0, rename(temporary, path) != 0 { error = errno }
        if error != 0 {
            unlink(temporary)
            throw failure(path, "cannot be written", error)
        }
    }

    private static func retry(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private static func failure(_ path: String, _ what: String, _ code: Int32 = errno) -> ImagingError {
        ImagingError(source: path, reason: "\(what): \(String(cString: strerror(code)))")
    }
}
