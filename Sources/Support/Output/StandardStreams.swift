/// The three streams that a program is started with.
package enum StandardStreams {
    /// Makes writing to a stream that is gone an error instead of the program's end, and keeps files from being opened in
    /// the place of a stream that was closed.
    ///
    /// A closed stream stays unusable: reading from it or writing to it fails, as it would without this.
    package static func prepare() {
        signal(SIGPIPE, SIG_IGN)
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
        where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The lowest free number is this one. It is opened for the other direction, so that use fails.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}

/// Lines for people beside the output proper. That nobody can read them is no reason to stop.
package enum StandardError {
    /// Writes a text as it is.
    package static func write(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }

    /// Writes a line that begins with "note:".
    package static func note(_ text: String) { write("note: \(text)\n") }
}

/// What a command prints. Every command prints through this, so that a full disk or a closed pipe is an error.
package enum StandardOutput {
    private static func failure(_ code: Int32) -> FileFailure {
        FileFailure("standard output", "cannot be written", code: code)
    }

    /// Writes a text and a line's end at once: who reads a pipe need not wait.
    ///
    /// - Throws: ``FileFailure``.
    package static func print(_ text: String, terminator: String = "\n") throws(FileFailure) {
        try write(Array((text + terminator).utf8))
    }

    /// Writes bytes.
    ///
    /// - Throws: ``FileFailure``.
    package static func write(_ bytes: [UInt8]) throws(FileFailure) {
        let code = writeAll(bytes, to: STDOUT_FILENO)
        if code != 0 { throw failure(code) }
    }

    /// Ends the output: some file systems say only now that there was no room.
    ///
    /// - Throws: ``FileFailure``.
    package static func finish() throws(FileFailure) {
        guard close(STDOUT_FILENO) != 0, errno != EBADF else { return }
        throw failure(errno)
    }
}

/// Writes all bytes to a descriptor.
/// - Returns: The system's error, 0 when there is none.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { bytes in
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            // Linux writes at most 2 GB at once.
            let count = write(descriptor, start + done, min(bytes.count - done, 1 << 30))
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, -1)
                continue
            }
            guard count > 0 else { return count < 0 ? errno : EIO }
            done += count
        }
        return 0
    }
}
