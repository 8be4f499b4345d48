import Foundation
import Support
import Synchronization

/// The program ffmpeg, which reads and writes films. It is started when a film is read or written, and never linked.
enum FFmpeg {
    /// The path of the program: `FVLM_FFMPEG`, or `ffmpeg` on the PATH.
    ///
    /// - Throws: ``VideoError`` that says how to get it.
    static func path(in environment: [String: String] = ProcessWords.environment) throws -> String {
        if let own = environment["FVLM_FFMPEG"], !own.isEmpty { return own }
        for folder in (environment["PATH"] ?? "").split(separator: ":") {
            let path = Path.join(String(folder), "ffmpeg")
            if FileStatus.isProgram(path) { return path }
        }
        throw VideoError(
            "", "ffmpeg, which reads and writes films, is not on the PATH",
            advice: "install it (apt-get install ffmpeg, brew install ffmpeg) or name it in FVLM_FFMPEG",
            exitStatus: .failure)
    }

    /// A running ffmpeg.
    ///
    /// Its messages are read as they come; the last ones explain its end.
    final class Run: Sendable {
        private let program: ChildProgram
        private let messages: Messages

        /// - Parameters:
        ///   - path: The program.
        ///   - arguments: What follows the program's name.
        ///   - input: Its standard input; nil for none.
        ///   - output: Its standard output; nil for none.
        ///   - line: Called with every line of its messages, on a thread of its own.
        init(
            _ path: String, _ arguments: [String], input: PipeEnds? = nil, output: PipeEnds? = nil,
            line: @escaping @Sendable (String) -> Void = { _ in }
        ) throws {
            let errors: PipeEnds
            do {
                errors = try PipeEnds()
                program = try ChildProgram(
                    path, ["-hide_banner", "-nostdin"] + arguments, input: input?.reading.fileDescriptor,
                    output: output?.writing.fileDescriptor, errors: errors.writing.fileDescriptor)
            } catch {
                throw VideoError(error.subject, error.reason, exitStatus: .failure)
            }
            // The other ends are ffmpeg's alone, so that its end is seen here.
            try? output?.writing.close()
            try? input?.reading.close()
            try? errors.writing.close()
            messages = Messages(errors.reading, of: program, line)
        }

        /// Waits for its end.
        ///
        /// - Returns: Nil when all went well, else its last message.
        func finish() -> String? {
            let (status, last) = messages.wait()
            return status == 0 ? nil : last
        }

        /// Ends it.
        func stop() { program.stop() }

        deinit { stop() }
    }

    /// Reads messages on a thread of its own, which then waits for the program's end.
    private final class Messages: Sendable {
        private let last = Mutex("")
        private let status = Mutex(0)
        private let isDone = DispatchSemaphore(value: 0)

        init(_ handle: FileHandle, of program: ChildProgram, _ line: @escaping @Sendable (String) -> Void) {
            let descriptor = handle.fileDescriptor
            let thread = Thread { [self] in
                var rest: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = read(descriptor, &buffer, buffer.count)
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { break }
                    rest += buffer[..<count]
                    // Progress ends in carriage returns.
                    while let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
                        take(String(decoding: rest[..<end], as: UTF8.self), line)
                        rest.removeFirst(end + 1)
                    }
                }
                take(String(decoding: rest, as: UTF8.self), line)
                try? handle.close()
                status.withLock { $0 = program.wait() }
                isDone.signal()
            }
            thread.start()
        }

        private func take(_ text: String, _ line: (String) -> Void) {
            guard !text.allSatisfy(\.isWhitespace) else { return }
            let message = Messages.plain(text)
            if !text.contains("Parsed_showinfo"), !Messages.consequences.contains(where: message.hasPrefix) {
                last.withLock { $0 = message }
            }
            line(text)
        }

        /// What follows the message that says why, and the progress.
        private static let consequences = [
            "Conversion failed", "Error marking filters as finished", "Cannot determine format of input",
            "Nothing was written into output", "Task finished with error code", "Terminating thread",
            "frame=",
        ]

        /// The message without the part of ffmpeg and the address that it comes from.
        private static func plain(_ text: String) -> String {
            var text = text[...]
            while text.hasPrefix("["), let end = text.firstIndex(of: "]") {
                text = text[text.index(after: end)...].drop { $0 == " " }
            }
            return text.trimmingCharacters(in: .whitespaces)
        }

        /// The exit status and the last message.
        func wait() -> (status: Int, last: String) {
            isDone.wait()
            isDone.signal()
            return (status.withLock(\.self), last.withLock(\.self))
        }
    }
}
