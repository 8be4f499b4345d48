import FVLM
import Tracking
import Video

extension Detector {
    /// Finds objects in a film and follows them.
    ///
    /// ```swift
    /// let film = try VideoReader(VideoSource("film.mp4"))
    /// for try await frame in detector.track(film, vocabulary: vocabulary) {
    ///     for (detection, track) in zip(frame.detections, frame.tracked?.assignments ?? []) {
    ///         print(frame.frame.time, track.id ?? 0, detection.label, detection.box)
    ///     }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - frames: The film; read as the frames of the result are asked for.
    ///   - vocabulary: The classes; made by this detector's CLIP, with a background row.
    ///   - options: Scoring options; the configuration's by default.
    ///   - rules: How objects are followed; the frame rate is taken from the film.
    ///   - batchSize: The number of frames that go through the network together.
    ///   - tiles: The tiles that each frame is looked at in; nil looks at it as a whole.
    public func track(
        _ frames: any FrameSource, vocabulary: Vocabulary, options: ScoringOptions? = nil,
        rules: Tracker.Options = .openVocabulary, batchSize: Int = 4, tiles: TilingOptions? = nil
    ) -> DetectedFrames {
        DetectedFrames(
            frames, self, vocabulary: vocabulary, options: options, following: .rules(rules),
            batchSize: batchSize, tiles: tiles)
    }

    /// Goes on following objects where an earlier work stopped.
    ///
    /// - Parameters:
    ///   - frames: The film behind the frames that the tracker has seen: see `FrameOptions.position`.
    ///   - tracker: The ``DetectedFrame/tracker`` of the last of these frames.
    ///   - vocabulary: As before.
    ///   - options: As before.
    ///   - batchSize: The number of frames that go through the network together.
    ///   - tiles: As before.
    public func track(
        _ frames: any FrameSource, from tracker: Tracker, vocabulary: Vocabulary,
        options: ScoringOptions? = nil, batchSize: Int = 4, tiles: TilingOptions? = nil
    ) -> DetectedFrames {
        DetectedFrames(
            frames, self, vocabulary: vocabulary, options: options, following: .tracker(tracker),
            batchSize: batchSize, tiles: tiles)
    }

    /// Finds objects in a film, in each frame alone.
    ///
    /// - Parameters:
    ///   - frames: The film; read as the frames of the result are asked for.
    ///   - vocabulary: The classes; made by this detector's CLIP, with a background row.
    ///   - options: Scoring options; the configuration's by default.
    ///   - batchSize: The number of frames that go through the network together.
    ///   - tiles: The tiles that each frame is looked at in; nil looks at it as a whole.
    public func detect(
        _ frames: any FrameSource, vocabulary: Vocabulary, options: ScoringOptions? = nil,
        batchSize: Int = 4, tiles: TilingOptions? = nil
    ) -> DetectedFrames {
        DetectedFrames(
            frames, self, vocabulary: vocabulary, options: options, following: .none, batchSize: batchSize,
            tiles: tiles)
    }
}

extension Tracker.Options {
    /// The rules for an open vocabulary: scores relative to those of each class, since they are low and differ by class; of each
    /// object its best box alone, since other names and parts of it have boxes, too; stricter with doubtful boxes, of which there
    /// are many; and with looks, since embeddings of different objects are often not far from each other, by which an id may be
    /// kept for longer.
    public static var openVocabulary: Self {
        var options = Self()
        options.scoreScale = .relativeToClass
        options.followsRepeats = false
        options.activationScore = 0.8
        options.lowScore = 0.3
        options.minimumLowOverlap = 0.5
        options.minimumSimilarity = 0.85
        options.lostDuration = 2
        return options
    }
}

extension TrackedDetection {
    /// A detection as a tracker sees it.
    public init(_ detection: Detection) {
        self.init(
            box: TrackedBox(
                left: detection.box.x1, top: detection.box.y1, right: detection.box.x2,
                bottom: detection.box.y2),
            score: Double(detection.score), classIndex: detection.classIndex, embedding: detection.embedding)
    }
}
