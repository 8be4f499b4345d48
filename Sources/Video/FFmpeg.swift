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

    /// A line of its messages.
    struct Message {
        /// The text without its level, and without the part of ffmpeg and the address that it comes from.
        let text: String

        /// The part of ffmpeg that it comes from: `mjpeg @ 0x55c6bb85f140`; empty for ffmpeg itself.
        let part: String

        /// Whether something went wrong. What has no level comes from elsewhere, and counts.
        let isError: Bool

        /// Nil for a line without text.
        init?(_ line: String) {
            var (text, parts, level) = (line.drop(while: \.isWhitespace), [Substring](), Substring?.none)
            while text.hasPrefix("["), let end = text.firstIndex(of: "]") {
                let tag = text[text.index(after: text.startIndex)..<end]
                if Message.levels.contains(tag) { level = tag } else { parts.append(tag) }
                text = text[text.index(after: end)...].drop { $0 == " " }
            }
            self.text = text.trimmingCharacters(in: .whitespaces)
            part = String(parts.first ?? "")
            isError = level.map { ["error", "fatal", "panic"].contains($0) } ?? !text.hasPrefix("frame=")
            if self.text.isEmpty { return nil }
        }

        private static let levels: [Substring] = [
            "quiet", "panic", "fatal", "error", "warning", "info", "verbose", "debug", "trace",
        ]
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
            line: @escaping @Sendable (Message) -> Void = { _ in }
        ) throws {
            let errors: PipeEnds
            do {
                errors = try PipeEnds()
                program = try ChildProgram(
                    path, ["-hide_banner", "-nostdin", "-loglevel", "level+info"] + arguments,
                    input: input?.reading.fileDescriptor,
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
        /// - Returns: Nil when all went well, else its last error.
        func finish() -> String? {
            let (status, last) = messages.wait()
            guard status != 0 else { return nil }
            return last.isEmpty ? "ffmpeg ended with status \(status)" : last
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

        init(_ handle: FileHandle, of program: ChildProgram, _ line: @escaping @Sendable (Message) -> Void) {
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

        private func take(_ text: String, _ line: (Message) -> Void) {
            guard let message = Message(text) else { return }
            if message.isError, !Messages.consequences.contains(where: message.text.hasPrefix) {
                last.withLock { $0 = message.text }
            }
            line(message)
        }

        /// What follows the message that says why.
        private static let consequences = [
            "Conversion failed", "Error marking filters as finished", "Cannot determine format of input",
            "Nothing was written into output", "Task finished with error code", "Terminating thread",
        ]

        /// The exit status and the last error.
        func wait() -> (status: Int, last: String) {
            isDone.wait()
            isDone.signal()
            return (status.withLock(\.self), last.withLock(\.self))
        }
    }
}
