import Foundation
import Imaging
import Support
import Synchronization

/// Pictures as the frames of a film: the files of a folder in the order of their names, as a burst of a camera leaves them, the
/// frames of an animated GIF or WebP, and the pages of a TIFF.
///
/// Frames of animations have their own times; others follow each other at ``FrameOptions/frameRate``, by default
/// ``defaultRate``.
public final class PictureSequence: FrameSource {
    /// Pictures a second where nothing says how many there are.
    public static let defaultRate = 10.0

    private enum Origin {
        case files([String])
        case pages(PicturePages)

        var count: Int {
            switch self {
            case .files(let paths): paths.count
            case .pages(let pages): pages.count
            }
        }
    }

    private struct State {
        /// The number of the next picture of the origin.
        var picture = 0
        /// When the next picture is shown.
        var time = 0.0
        /// The number of frames that were passed on, or would have been without a position.
        var index = 0
        /// From when on the next frame is due, with a rate that is chosen for an animation.
        var due = 0.0
        var isStopped = false
    }

    private let text: String
    private let origin: Origin
    private let options: FrameOptions
    private let state = Mutex(State())

    private static let suffixes: Set<String> = ["gif", "webp", "tif", "tiff"]

    /// Whether a text names a folder, or a file that may hold several pictures.
    public static func isSequence(_ text: String) -> Bool {
        FileStatus(text)?.kind == .folder || suffixes.contains(Path.suffix(text))
    }

    /// Opens a folder or a file.
    /// - Throws: `ImagingError` for a folder without pictures and a file that cannot be read.
    public init(_ path: String, options: FrameOptions = FrameOptions()) throws {
        text = path
        self.options = options
        origin =
            FileStatus(path)?.kind == .folder
            ? .files(try PictureFiles([path]).paths) : .pages(try PicturePages(contentsOf: path))
    }

    /// Pictures a second among those that are passed on.
    public var frameRate: Double {
        if let rate = options.frameRate { return rate / Double(isAnimation ? 1 : options.stride) }
        if case .pages(let pages) = origin, let duration = pages.duration, duration > 0 {
            return Double(pages.count) / duration / Double(options.stride)
        }
        return Self.defaultRate / Double(options.stride)
    }

    /// The length in seconds.
    public var duration: Double? {
        if case .pages(let pages) = origin, let duration = pages.duration { return duration }
        return Double(origin.count) / (options.frameRate ?? Self.defaultRate)
    }

    /// Always nil: a picture that cannot be read is an error.
    public var fault: String? { nil }

    /// Nil: a damaged picture is an error.
    public var damage: String? { nil }

    private var isAnimation: Bool {
        if case .pages(let pages) = origin { return pages.duration != nil }
        return false
    }

    /// The next frame; nil after the last one.
    /// - Throws: `ImagingError` for a picture that cannot be read.
    public func next() throws -> VideoFrame? {
        while let (picture, time, index) = taken() {
            // Animations are decoded in order, also where a frame is passed over.
            guard let index else {
                if case .pages(let pages) = origin, isAnimation { _ = try pages.page(picture) }
                continue
            }
            let image =
                switch origin {
                case .files(let paths): try Image(contentsOf: paths[picture])
                case .pages(let pages): try pages.page(picture)
                }
            return VideoFrame(index: index, time: time, image: image)
        }
        return nil
    }

    /// Stops reading.
    public func stop() { state.withLock { $0.isStopped = true } }

    /// The number of the next picture, its time and the number of its frame; without the latter it is passed over.
    private func taken() -> (picture: Int, time: Double, index: Int?)? {
        state.withLock { state in
            guard !state.isStopped, state.picture < origin.count else { return nil }
            let (picture, time) = (state.picture, state.time)
            state.picture += 1
            var isDue = picture % options.stride == 0
            if case .pages(let pages) = origin, pages.duration != nil {
                state.time += pages.delays[picture]
                if let rate = options.frameRate {
                    // The picture that is shown when a frame is due.
                    isDue = state.time > state.due
                    while state.due < state.time { state.due += 1 / rate }
                }
            } else {
                state.time = Double(state.picture) / (options.frameRate ?? Self.defaultRate)
            }
            guard isDue, time >= options.start else { return (picture, time, nil) }
            let index = state.index
            state.index += 1
            return (picture, time, index < options.position?.frames ?? 0 ? nil : index)
        }
    }
}
