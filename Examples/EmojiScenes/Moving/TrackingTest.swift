import FVLM
import Tracking

/// Measures trackers on what a detector found in the frames of moving scenes, which is found once for all of them.
struct TrackingTest {
    /// A film: what was found in each frame, and what was there.
    struct Film: Sendable {
        var detections: [[TrackedDetection]] = []
        var objects: [[(number: Int, box: TrackedBox)]] = []

        /// The film as a perfect detector sees it, without looks.
        var perfect: Self {
            var film = self
            film.detections = objects.map { objects in
                objects.map { TrackedDetection(box: $0.box, score: 1, classIndex: $0.number) }
            }
            return film
        }
    }

    /// A tracker with its name.
    struct Rules {
        let name: String
        let options: Tracker.Options
    }

    static let columns = ["IDF1", "with perfect ids", "HOTA", "switches", "returns", "kept"]

    /// The frames a second of the films.
    let frameRate: Double

    /// The figures of a tracker over films: identity and HOTA over all of them, what IDF1 were if every box of a track that has
    /// an object had the object's id, how often a track changes its object, and of the
    /// returns of hidden objects that were followed before and after the part with the same id.
    /// - Parameter step: Only every so-manieth frame is looked at.
    func figures(_ films: [Film], _ rules: Tracker.Options, every step: Int) -> [String: Double] {
        var metrics = TrackingMetrics()
        var (returns, kept) = (0, 0)
        for film in films {
            var options = rules
            options.frameRate = frameRate / Double(step)
            var tracker = Tracker(options: options)
            var (truth, tracks) = (MOTFile(), MOTFile())
            // By object: the last id, and the frame in which the object was last there.
            var last: [Int: (id: Int?, frame: Int)] = [:]
            // The ids that hidden objects had, until they have one again.
            var pending: [Int: Int] = [:]
            for (place, frame) in stride(from: 0, to: film.detections.count, by: step).enumerated() {
                let found = film.detections[frame]
                let result = tracker.update(found, time: Double(frame) / frameRate)
                for object in film.objects[frame] {
                    truth.rows.append(MOTFile.Row(frame: place + 1, id: object.number + 1, box: object.box))
                }
                var seen: [(id: Int, box: TrackedBox)] = []
                for (detection, assignment) in zip(found, result.assignments) {
                    guard let id = assignment.id else { continue }
                    seen.append((id, detection.box))
                    tracks.rows.append(MOTFile.Row(frame: place + 1, id: id, box: detection.box))
                }
                for object in film.objects[frame] {
                    let best = seen.max {
                        object.box.overlap(with: $0.box) < object.box.overlap(with: $1.box)
                    }
                    let id = best.flatMap { object.box.overlap(with: $0.box) >= 0.5 ? $0.id : nil }
                    let wasHidden =
                        last[object.number].map { Double(frame - $0.frame) > 0.25 * frameRate } ?? false
                    if wasHidden { pending[object.number] = last[object.number]?.id }
                    if let id, let before = pending.removeValue(forKey: object.number) {
                        returns += 1
                        if before == id { kept += 1 }
                    }
                    last[object.number] = (id ?? last[object.number]?.id, frame)
                }
            }
            metrics = metrics + TrackingMetrics(TrackingSequence(truth: truth, tracks: tracks, rules: .all))
        }
        let (right, wrong, missed) = (
            Double(metrics.clearTruePositives), Double(metrics.clearFalsePositives),
            Double(metrics.clearFalseNegatives)
        )
        return [
            "IDF1": metrics.idf1, "with perfect ids": right / max(right + (wrong + missed) / 2, 1),
            "HOTA": metrics.hota, "switches": Double(metrics.identitySwitches),
            "returns": Double(returns), "kept": returns > 0 ? Double(kept) / Double(returns) : 0,
        ]
    }
}
