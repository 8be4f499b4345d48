import FVLM
import Tracking
import Video

/// A frame of a film with what was found in it.
public struct DetectedFrame: Sendable {
    /// The frame.
    public let frame: VideoFrame

    /// The objects, best first, in pixels of the frame.
    public let detections: [Detection]

    /// How likely the frame has each class of the vocabulary at all, in their order; nil unless the options have
    /// `includesPresence`, and in tiles.
    public let presences: [Float]?

    /// The track of each detection, in their order, and what happened to tracks; nil where objects are not followed.
    public let tracked: Tracker.Frame?

    /// The tracker behind this frame: with it a later reader goes on. Nil where objects are not followed.
    public let tracker: Tracker?

    /// Whether it is the last one of a batch: work that goes on behind it forms the same batches.
    package let endsBatch: Bool
}

/// The frames of a film with the objects in them: while a batch is followed and used, the network works on the next one, and the
/// one behind it is read and prepared. Memory is that of three batches, whatever the length of the film.
///
/// Use once: the film is read as the frames are asked for.
public struct DetectedFrames: AsyncSequence, Sendable {
    /// How objects are followed.
    enum Following: Sendable {
        /// Not at all.
        case none
        /// By a tracker with these rules; their frame rate is the film's.
        case rules(Tracker.Options)
        /// By a tracker that has seen the frames before.
        case tracker(Tracker)

        var usesLooks: Bool {
            switch self {
            case .none: false
            case .rules(let rules): rules.minimumSimilarity != nil
            case .tracker(let tracker): tracker.options.minimumSimilarity != nil
            }
        }
    }

    let detector: Detector
    let frames: any FrameSource
    let vocabulary: Vocabulary
    let options: ScoringOptions
    let following: Following
    let batchSize: Int
    let tiles: TilingOptions?
    private var adjustment: (@Sendable ([Detection]) -> [Detection])?

    /// The same frames with detections changed before they are followed: with mapped scores, or without some.
    /// - Parameter adjustment: Gives the detections of a frame in place of those that were found, best first.
    public func adjusting(_ adjustment: @escaping @Sendable ([Detection]) -> [Detection]) -> DetectedFrames {
        var frames = self
        let earlier = self.adjustment
        frames.adjustment = { adjustment(earlier?($0) ?? $0) }
        return frames
    }

    init(
        _ frames: any FrameSource, _ detector: Detector, vocabulary: Vocabulary, options: ScoringOptions?,
        following: Following, batchSize: Int, tiles: TilingOptions?
    ) {
        self.detector = detector
        self.frames = frames
        self.vocabulary = vocabulary
        self.options = options ?? detector.configuration.scoring
        self.following = following
        self.batchSize = Swift.max(batchSize, 1)
        self.tiles = tiles
    }

    /// Starts to read.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Goes through the frames.
    public struct Iterator: AsyncIteratorProtocol {
        private let work: DetectedFrames
        private var tracker: Tracker?
        /// Frames that were found but not asked for, the last one first.
        private var found: [DetectedFrame] = []
        private var next: Looking

        fileprivate init(_ work: DetectedFrames) {
            self.work = work
            if case .tracker(let tracker) = work.following { self.tracker = tracker }
            next = Looking(work.look(at: work.readAhead()))
        }

        /// The next frame; nil after the last one.
        /// - Throws: `VideoError` for a film without frames, the errors of `Detector.detect`; `CancellationError`.
        public mutating func next() async throws -> DetectedFrame? {
            if let frame = found.popLast() { return frame }
            let (waiting, frames) = (next.task, work.frames)
            let batch = try await withTaskCancellationHandler {
                try await waiting.value
            } onCancel: {
                frames.stop()
            }
            try Task.checkCancellation()
            guard !batch.frames.isEmpty else { return nil }
            next = Looking(work.look(at: batch.following))
            for (place, frame) in batch.frames.enumerated() {
                found.append(
                    follow(
                        frame, batch.findings.detections[place], batch.findings.presences?[place],
                        place == batch.frames.count - 1))
            }
            found.reverse()
            return found.popLast()
        }

        private mutating func follow(
            _ frame: VideoFrame, _ found: [Detection], _ presences: [Float]?, _ endsBatch: Bool
        ) -> DetectedFrame {
            let detections = work.adjustment?(found) ?? found
            if tracker == nil, case .rules(var rules) = work.following {
                // The nominal rate is that of the frames that are looked at, known once there is one.
                rules.frameRate = work.frames.frameRate
                tracker = Tracker(options: rules)
            }
            let tracked = tracker?.update(detections.map(TrackedDetection.init), time: frame.time)
            return DetectedFrame(
                frame: frame, detections: detections, presences: presences, tracked: tracked,
                tracker: tracker, endsBatch: endsBatch)
        }
    }

    /// A frame that was read ahead.
    fileprivate struct Prepared: Sendable {
        let frame: VideoFrame
        /// Nil where the frame is looked at in tiles.
        let pixels: PixelValues?
    }

    /// A batch that the network has seen.
    fileprivate struct Batch: Sendable {
        let frames: [VideoFrame]
        let findings: Findings
        /// The batch behind it, which is being read.
        let following: Task<[Prepared], any Error>
    }

    /// A batch that the network works on; the work ends with the last reference, when nobody wants it any more.
    fileprivate final class Looking: Sendable {
        let task: Task<Batch, any Error>

        init(_ task: Task<Batch, any Error>) { self.task = task }

        deinit { task.cancel() }
    }

    /// Lets the network work on a batch once it is read. The task has the caller's profile.
    private func look(at batch: Task<[Prepared], any Error>) -> Task<Batch, any Error> {
        Task {
            let prepared = try await batch.value
            guard !prepared.isEmpty else {
                return Batch(
                    frames: [], findings: Findings(detections: [], presences: nil), following: batch)
            }
            try Task.checkCancellation()
            let following = readAhead()
            return Batch(
                frames: prepared.map(\.frame), findings: try await findings(in: prepared),
                following: following)
        }
    }

    private func readAhead() -> Task<[Prepared], any Error> {
        let (frames, detector, count, isWhole) = (frames, detector, batchSize, tiles == nil)
        return Task.detached {
            var batch: [Prepared] = []
            while batch.count < count, let frame = try frames.next() {
                batch.append(
                    Prepared(frame: frame, pixels: isWhole ? try detector.prepare(frame.image) : nil))
            }
            return batch
        }
    }

    private func findings(in batch: [Prepared]) async throws -> Findings {
        guard let tiles else {
            return try await detector.findings(
                in: batch.compactMap(\.pixels), vocabulary: vocabulary, options: options,
                includesEmbeddings: following.usesLooks)
        }
        var found: [[Detection]] = []
        for item in batch {
            found.append(
                try await detector.detect(
                    item.frame.image, vocabulary: vocabulary, options: options, tiles: tiles,
                    includesEmbeddings: following.usesLooks))
        }
        return Findings(detections: found, presences: nil)
    }
}
