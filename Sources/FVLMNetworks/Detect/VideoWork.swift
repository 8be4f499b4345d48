import CLIP
import FVLM
import Imaging
import Support
import Tracking
import Video

/// A film through a detector and a tracker: frames are read and prepared while the network works on the batch before.
/// Memory is that of two batches, whatever the length of the film.
struct VideoWork {
    let detector: Detector
    let vocabulary: Vocabulary
    let options: ScoringOptions
    let reader: VideoReader
    let rules: Tracker.Options

    /// What was done.
    struct Summary {
        var frames = 0
        var objects = 0
        var tracks = 0
    }

    /// A frame that was read ahead.
    private struct Prepared: Sendable {
        let frame: VideoFrame
        let pixels: PixelValues
    }

    /// Works to the end of the film.
    ///
    /// - Parameter progress: Called with the number of frames that are done and the time of the last in seconds.
    func run(
        batchSize: Int, into results: VideoResults, progress: (_ frames: Int, _ time: Double) -> Void
    ) async throws -> Summary {
        var summary = Summary()
        var tracker = Tracker(options: rules)
        var next = readAhead(batchSize)
        while true {
            let batch = try await next.value
            guard !batch.isEmpty else { break }
            next = readAhead(batchSize)
            let found = try await detector.detect(
                prepared: batch.map(\.pixels), vocabulary: vocabulary, options: options,
                includesEmbeddings: rules.minimumSimilarity != nil)
            for (item, detections) in zip(batch, found) {
                if item.frame.index == 0 {
                    var rules = rules
                    // The nominal rate is that of the frames that are looked at, known once there is one.
                    rules.frameRate = reader.frameRate
                    tracker = Tracker(options: rules)
                }
                let tracked = tracker.update(detections.map(TrackedDetection.init), time: item.frame.time)
                try results.append(item.frame, detections, tracked, frameRate: reader.frameRate)
                summary.frames += 1
                summary.objects += detections.count
                for case .confirmed(let id) in tracked.events { summary.tracks = max(summary.tracks, id) }
                progress(summary.frames, item.frame.time)
            }
        }
        return summary
    }

    private func readAhead(_ count: Int) -> Task<[Prepared], any Error> {
        let (reader, detector) = (reader, detector)
        return Task.detached {
            var batch: [Prepared] = []
            while batch.count < count, let frame = try reader.next() {
                batch.append(Prepared(frame: frame, pixels: try detector.prepare(frame.image)))
            }
            return batch
        }
    }
}

extension TrackedDetection {
    init(_ detection: FVLMDetection) {
        self.init(
            box: TrackedBox(
                left: detection.box.x1, top: detection.box.y1, right: detection.box.x2,
                bottom: detection.box.y2),
            score: Double(detection.score), classIndex: detection.classIndex, embedding: detection.embedding)
    }
}
