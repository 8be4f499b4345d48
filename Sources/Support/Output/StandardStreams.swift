/// The three standard streams of a process.
package enum StandardStreams {
    /// Turns writing to a closed pipe into an error instead of ending the program, and keeps files from being opened in
    /// place of a closed stream.
    ///
    /// A closed stream stays unusable: reading from it or writing to it fails as before.
    package static func prepare() {
        ignoreBrokenPipes()
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
        where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // This is the lowest free number. It is opened in the wrong direction, so that using it fails.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    /// Makes writing to a pipe or connection without a reader an error in the whole program, for libraries that write to them
    /// without more ado. A handler of the program's own stays.
    package static func ignoreBrokenPipes() {
        let previous = signal(SIGPIPE, SIG_IGN)
        let isDefault = unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_DFL, to: Int.self)
        if !isDefault { signal(SIGPIPE, previous) }
    }
}

/// The output of a command. Every command prints through this type, so that a full disk or a closed pipe is an error.
package enum StandardOutput {
    private static func failure(_ code: Int32) -> FileFailure {
        FileFailure("standard output", "cannot be written", code: code)
    }

    /// Writes text and its terminator at once, so that the reader of a pipe does not wait.
    ///
    /// - Throws: ``FileFailure``.
    package static func print(_ text: String, terminator: String = "\n") throws(FileFailure) {
        try write(Array((text + terminator).displayedPath.utf8))
    }

    /// Writes bytes.
    ///
    /// - Throws: ``FileFailure``.
    package static func write(_ bytes: [UInt8]) throws(FileFailure) {
        let code = writeAll(bytes, to: STDOUT_FILENO)
        if code != 0 { throw failure(code) }
    }

    /// Finishes the output: some file systems report only now that there was no room.
    ///
    /// - Throws: ``FileFailure``.
    package static func finish() throws(FileFailure) {
        guard close(STDOUT_FILENO) != 0, errno != EBADF else { return }
        throw failure(errno)
    }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { Descriptor.write($0, to: descriptor) }
}
