import Foundation
import Imaging
import Support
import Synchronization

/// A frame of a film.
public struct VideoFrame: Sendable, Hashable {
    /// The number of the frame among those that are read, from 0.
    public var index: Int

    /// When it is shown, in seconds from the beginning of the film.
    public var time: Double

    /// The picture, upright, with square pixels.
    public var image: Image

    /// Creates a frame.
    public init(index: Int, time: Double, image: Image) {
        self.index = index
        self.time = time
        self.image = image
    }
}

/// Reads the frames of a film one by one, with their times: rotated as the film asks for, at whatever rate it has.
///
/// ```swift
/// let film = try VideoReader(VideoSource("film.mp4"))
/// while let frame = try film.next() { print(frame.time, frame.image.size) }
/// ```
///
/// ffmpeg decodes ahead by what a pipe holds; memory does not grow with the film. Use from one task or thread at a time.
public final class VideoReader: FrameSource {
    /// What ffmpeg says of a film. Nil for what it does not.
    public struct Info: Sendable, Hashable {
        /// Width and height of the upright frames.
        public var size: ImageSize?

        /// Frames a second, the mean where they vary.
        public var frameRate: Double?

        /// The length in seconds.
        public var duration: Double?

        /// Whether it has sound.
        public var hasAudio = false
    }

    /// The film.
    public let source: VideoSource

    private struct State {
        var info = Info()
        var times: [Double?] = []
        var isInput = true
        var isEnded = false
        var count = 0
        var last = -Double.infinity
        var fault: String?
        var errors = (count: 0, first: "")
        var hasNoVideo = false
    }

    private let state = Mutex(State())
    private let arrived = DispatchSemaphore(value: 0)
    private let run: FFmpeg.Run
    private let output: FileHandle
    private let options: FrameOptions

    /// Starts to read.
    ///
    /// - Throws: ``VideoError`` when ffmpeg is not there.
    public convenience init(_ source: VideoSource, options: FrameOptions = FrameOptions()) throws {
        try self.init(source, options: options, program: FFmpeg.path())
    }

    init(_ source: VideoSource, options: FrameOptions = FrameOptions(), program: String) throws {
        self.source = source
        self.options = options
        if let position = options.position {
            state.withLock { state in
                state.count = position.frames
                state.last = position.time
            }
        }
        var filters: [String] = []
        if options.stride > 1 { filters.append("select='not(mod(n\\,\(options.stride)))'") }
        if let rate = options.frameRate { filters.append("fps=\(NumberText.shortest(rate))") }
        // Frames that were read before are decoded, since only that finds the others exactly, and go no further.
        if let position = options.position { filters.append("select='gte(n\\,\(position.frames))'") }
        filters += ["scale=iw*sar:ih", "setsar=1", "format=rgb24", "showinfo=checksum=0"]
        let pipe: PipeEnds
        do { pipe = try PipeEnds() } catch {
            throw VideoError(source.text, error.reason, exitStatus: .failure)
        }
        output = pipe.reading
        let sink = LineSink()
        run = try FFmpeg.Run(
            program,
            (options.start > 0 ? ["-ss", NumberText.shortest(options.start)] : []) + source.arguments + [
                "-map", "0:v:0", "-vf", filters.joined(separator: ","), "-fps_mode", "passthrough", "-f",
                "rawvideo",
                "-pix_fmt", "rgb24", "pipe:1",
            ], output: pipe, line: { sink.take($0) })
        sink.begin { [weak self] line in self?.take(line) }
    }

    /// What is known of the film; all of it once a frame was read.
    public var info: Info { state.withLock(\.info) }

    /// What was wrong with a film that ended early; nil when nothing was.
    public var fault: String? { state.withLock(\.fault) }

    /// What ffmpeg says of damage that it read over: such frames are shown as far as they go. Nil for none.
    public var damage: String? {
        let (count, first) = state.withLock(\.errors)
        return count > 1 ? "\(count) errors, the first: \(first)" : count == 1 ? first : nil
    }

    /// The length in seconds, once a frame was read.
    public var duration: Double? { info.duration }

    /// Frames a second among those that are read: what was asked for, or the film's own; 30 where it does not say.
    public var frameRate: Double {
        options.frameRate ?? (info.frameRate ?? 30) / Double(options.stride)
    }

    /// The next frame; nil after the last one.
    ///
    /// A film that is damaged behind its first frame ends there, and ``fault`` says why.
    /// - Throws: ``VideoError`` when there is no frame at all.
    public func next() throws -> VideoFrame? {
        if state.withLock(\.isEnded) { return nil }
        guard let size = try firstSize() else { return nil }
        let count = size.width * size.height * 3
        var filled = 0
        let descriptor = output.fileDescriptor
        let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while filled < count, let base = buffer.baseAddress {
                let got = read(descriptor, base + filled, count - filled)
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { break }
                filled += got
            }
            initialized = filled
        }
        guard filled == count else {
            try end()
            return nil
        }
        awaitTime()
        let (index, time) = state.withLock { state in
            let index = state.count
            state.count += 1
            let rate = options.frameRate ?? (state.info.frameRate ?? 30) / Double(options.stride)
            let isFirst = state.last == -.infinity
            let told = state.times.isEmpty ? nil : state.times.removeFirst()
            // Times that are missing or do not rise are a frame behind the last.
            var time = told.map { $0 + options.start } ?? (isFirst ? options.start : state.last + 1 / rate)
            if !isFirst, !(time > state.last) { time = state.last + 1 / rate }
            state.last = time
            return (index, time)
        }
        return VideoFrame(
            index: index, time: time, image: try Image(width: size.width, height: size.height, pixels: pixels)
        )
    }

    /// Stops reading; the next frame is nil.
    public func stop() {
        state.withLock { $0.isEnded = true }
        run.stop()
    }

    /// Waits for the message with the time of the frame that was read: it was sent before the frame, on another pipe.
    private func awaitTime() {
        let limit = DispatchTime.now() + .seconds(2)
        while state.withLock(\.times.isEmpty), DispatchTime.now() < limit {
            _ = arrived.wait(timeout: .now() + .milliseconds(20))
        }
    }

    /// The size of the frames, which the first message about a frame tells; nil when the film ended before.
    private func firstSize() throws -> ImageSize? {
        while true {
            if let size = state.withLock(\.info.size) { return size }
            // Messages come before the frame; at the end of the pipe no more will.
            if arrived.wait(timeout: .now() + .milliseconds(20)) == .timedOut, isAtEnd() {
                _ = run.finish()
                if state.withLock(\.info.size) != nil { continue }
                try end()
                return nil
            }
        }
    }

    /// Whether ffmpeg has closed its output with nothing in it.
    private func isAtEnd() -> Bool {
        var entry = pollfd(fd: output.fileDescriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLHUP) != 0
            && entry.revents & Int16(POLLIN) == 0
    }

    private func end() throws {
        let reason = run.finish()
        let count = state.withLock { state in
            state.isEnded = true
            if state.count > 0, let reason { state.fault = reason }
            // Nothing new is no error where an earlier reader had all.
            return state.count
        }
        guard count == 0 else { return }
        if state.withLock(\.hasNoVideo) { throw VideoError(source.text, "has no video") }
        throw VideoError(source.text, reason.map { "cannot be read: \($0)" } ?? "has no frames")
    }

    // MARK: - Messages

    private func take(_ message: FFmpeg.Message) {
        let text = message.text
        state.withLock { state in
            if message.part.hasPrefix("Parsed_showinfo") {
                guard let place = text.range(of: " pts_time:") else { return }
                state.times.append(Double(text[place.upperBound...].prefix { !$0.isWhitespace }))
                if state.info.size == nil, let size = Self.size(in: text) { state.info.size = size }
            } else if text.contains("matches no streams") {
                // Advice follows it, so it is not the last message.
                state.hasNoVideo = true
            } else if message.isError {
                state.errors.count += 1
                if state.errors.count == 1 { state.errors.first = text }
            } else if state.isInput {
                state.info.read(text)
                if text.hasPrefix("Stream mapping") || text.hasPrefix("Output #") { state.isInput = false }
            }
        }
        arrived.signal()
    }

    private static func size(in line: String) -> ImageSize? {
        guard let place = line.range(of: " s:") else { return nil }
        let sides = line[place.upperBound...].prefix { !$0.isWhitespace }.split(separator: "x").compactMap {
            Int($0)
        }
        return sides.count == 2 ? ImageSize(width: sides[0], height: sides[1]) : nil
    }
}

extension VideoReader.Info {
    /// Takes what a line of ffmpeg's description of the input says.
    fileprivate mutating func read(_ line: String) {
        if let place = line.range(of: "Duration: ") {
            let parts = line[place.upperBound...].prefix { $0 != "," }.split(separator: ":").compactMap {
                Double($0)
            }
            if parts.count == 3 { duration = parts[0] * 3600 + parts[1] * 60 + parts[2] }
        } else if line.contains("Stream #"), line.contains(": Audio:") {
            hasAudio = true
        } else if line.contains("Stream #"), line.contains(": Video:"), frameRate == nil {
            let part = line.split(separator: ",").first { $0.hasSuffix(" fps") }
            frameRate = part.flatMap { Double($0.dropLast(4).filter { $0 != " " }) }
        }
    }
}

/// Holds lines back until there is somebody to take them: a reader cannot be named before it is made.
private final class LineSink: Sendable {
    private let state = Mutex<(lines: [FFmpeg.Message], target: (@Sendable (FFmpeg.Message) -> Void)?)>(
        ([], nil))

    func take(_ line: FFmpeg.Message) {
        let target = state.withLock { state in
            if state.target == nil { state.lines.append(line) }
            return state.target
        }
        target?(line)
    }

    func begin(_ target: @escaping @Sendable (FFmpeg.Message) -> Void) {
        // Under the lock, so that no later line overtakes those that were held back.
        state.withLock { state in
            for line in state.lines { target(line) }
            state.lines = []
            state.target = target
        }
    }
}
