import Foundation

/// The C library's `write`, which a method with that name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

/// Writing to open files, pipes and devices.
package enum Descriptor {
    /// Writes all bytes.
    ///
    /// A pipe without a reader is an error here also in programs that leave SIGPIPE at its default, which would end them.
    /// - Returns: The system's error; 0 on success.
    package static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            // Linux writes at most 2 GB at once.
            let count = min(bytes.count - done, 1 << 30)
            let (written, code) = withoutBrokenPipeSignal { systemWrite(descriptor, start + done, count) }
            if code == EINTR { continue }
            if code == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, -1)
                continue
            }
            guard written > 0 else { return code == 0 ? EIO : code }
            done += written
        }
        return 0
    }

    /// Calls the system with SIGPIPE held back in this thread, to which a broken pipe sends it.
    private static func withoutBrokenPipeSignal(_ call: () -> Int) -> (result: Int, code: Int32) {
        var (pipe, before, pending) = (sigset_t(), sigset_t(), sigset_t())
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        sigpending(&pending)
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        let result = call()
        let code = result < 0 ? errno : 0
        if code == EPIPE, sigismember(&pending, SIGPIPE) == 0 {
            sigpending(&pending)
            var signal: Int32 = 0
            if sigismember(&pending, SIGPIPE) == 1 { sigwait(&pipe, &signal) }
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return (result, code)
    }
}
