import Imaging

/// Where frames come from: a film, a stream, a camera, or pictures in order. Use from one task or thread at a time.
public protocol FrameSource: AnyObject, Sendable {
    /// The next frame; nil after the last one.
    /// - Throws: ``VideoError``, `ImagingError`.
    func next() throws -> VideoFrame?

    /// Frames a second among those that are read.
    var frameRate: Double { get }

    /// The length in seconds; nil where it is not known.
    var duration: Double? { get }

    /// What was wrong where it ended early; nil when nothing was.
    var fault: String? { get }

    /// What is said of damage that was read over; nil for none.
    var damage: String? { get }

    /// Stops reading; the next frame is nil.
    func stop()
}

/// Which frames of a film are read.
public struct FrameOptions: Sendable, Hashable {
    /// Only every n-th frame, at least 1.
    public var stride = 1

    /// Frames a second; nil for those of the film.
    public var frameRate: Double?

    /// The first frame's time in seconds: earlier frames are skipped.
    public var start = 0.0

    /// Where an earlier reader with the same options stopped; nil to read from the beginning.
    public var position: FramePosition?

    /// Creates options that read every frame.
    public init() {}
}

/// How far a film was read.
public struct FramePosition: Sendable, Hashable, Codable {
    /// The number of frames that were read.
    public var frames: Int

    /// The time of the last of them in seconds.
    public var time: Double

    /// Creates a position.
    public init(frames: Int, time: Double) {
        self.frames = frames
        self.time = time
    }
}
