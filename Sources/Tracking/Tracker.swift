import Support

/// Gives the objects of a video ids that stay with them: ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by
/// Associating Every Detection Box", ECCV 2022), by time instead of frames.
///
/// Detections are associated with the predicted boxes of all tracks by IoU: first those of high score, then the others
/// with the tracks that are left. With embeddings a third round brings back tracks that were lost, by the cosine of what
/// they looked like. A tracker holds the tracks that are alive and nothing else; ids start at 1 in each.
///
/// ```swift
/// var tracker = Tracker(options: .init(frameRate: 25))
/// for (time, detections) in frames { let tracked = tracker.update(detections, time: time) }
/// ```
public struct Tracker: Sendable, Codable {
    /// How scores are compared with thresholds.
    public enum ScoreScale: String, Sendable, Codable, CaseIterable {
        /// As they are.
        case absolute
        /// Divided by the best recent score of their class, or by three quarters of the best of all classes where that is
        /// more: scores of an open vocabulary are low, and differ by class.
        case relativeToClass = "relative"
    }

    /// The rules of a tracker.
    public struct Options: Sendable, Hashable, Codable {
        /// Frames a second, the unit of time of the motion model.
        public var frameRate = 30.0

        /// How long a track is kept without a detection, in seconds.
        public var lostDuration = 1.0

        /// The score from which a detection takes part in the first round.
        public var highScore = 0.6

        /// The score from which a detection that no track took begins a track.
        public var activationScore = 0.7

        /// The score below which a detection takes no part in the second round either.
        public var lowScore = 0.0

        /// The number of frames in a row in which an object must be detected before it gets an id.
        public var confirmationCount = 2

        /// The least IoU of a detection with the predicted box of its track.
        public var minimumOverlap = 0.1

        /// The same in the second round: what a doubtful box says of a track that no sure one explains.
        public var minimumLowOverlap = 0.1

        /// How scores are compared with the thresholds.
        public var scoreScale = ScoreScale.absolute

        /// Whether every detection may begin a track, as in ByteTrack. If not, an object's best detection stands for all of it: other
        /// names of nearly the same box, and boxes of the class that are parts of a better one or hold most of it, as detectors of
        /// an open vocabulary leave them, get no track. Other names count in the vote for the class of the object's track.
        public var followsRepeats = true

        /// The cosine from which a detection is taken for a lost track; nil leaves looks out. Below it a lost track does not take
        /// a detection that its predicted box hardly overlaps.
        public var minimumSimilarity: Double? = 0.8

        /// Creates the default options: those of ByteTrack, with looks where detections have embeddings.
        public init(frameRate: Double = 30) { self.frameRate = frameRate }
    }

    /// A detection with its track.
    public struct Assignment: Sendable, Hashable {
        /// The id, from 1; nil while the track is not confirmed, and for detections without a track.
        public var id: Int?

        /// The class that most of the track's detections had, weighted by score; the detection's own without an id.
        public var classIndex: Int
    }

    /// What happened to a track.
    public enum Event: Sendable, Hashable {
        /// It got its id.
        case confirmed(id: Int)
        /// It has no detection since this frame.
        case lost(id: Int)
        /// It is detected again.
        case found(id: Int)
        /// It was lost for too long and is forgotten.
        case ended(id: Int)
    }

    /// The result of a frame.
    public struct Frame: Sendable, Hashable {
        /// One for each detection, in their order.
        public var assignments: [Assignment] = []

        /// What happened, in order of id.
        public var events: [Event] = []
    }

    /// A confirmed track.
    public struct Track: Sendable, Hashable {
        /// The id.
        public var id: Int

        /// The box as the motion model believes it to be, in pixels of the frame.
        public var box: TrackedBox

        /// The number of frames since the last detection.
        public var missedFrames: Int

        /// The class that most of its detections had, weighted by score.
        public var classIndex: Int
    }

    /// The rules.
    public let options: Options

    private struct State: Sendable, Codable {
        var filter: BoxFilter
        var id: Int?
        var lastMatch: Double
        var missedFrames = 0
        var consecutive = 1
        var votes: [Int: Double]
        var embedding: [Float]?

        var classIndex: Int {
            // Of equal votes the lower class, so that the result is one.
            votes.max { a, b in a.value != b.value ? a.value < b.value : a.key > b.key }?.key ?? 0
        }

        mutating func vote(for detection: TrackedDetection) {
            votes[detection.classIndex, default: 0] += detection.score
        }
    }

    private var states: [State] = []
    private var nextID = 1
    private var previousTime: Double?
    private var bestScores: [Int: Double] = [:]

    /// Creates a tracker for one video.
    public init(options: Options = Options()) { self.options = options }

    /// The confirmed tracks that are alive.
    public var tracks: [Track] {
        states.compactMap { state in
            state.id.map {
                Track(
                    id: $0, box: state.filter.box, missedFrames: state.missedFrames,
                    classIndex: state.classIndex)
            }
        }
    }

    /// Takes in the detections of the next frame.
    ///
    /// - Parameters:
    ///   - detections: The detections; those whose box or score is not a finite number get no track.
    ///   - time: When the frame was taken, in seconds; nil for one nominal frame after the last. Times that do not rise count as
    ///     one nominal frame.
    public mutating func update(_ detections: [TrackedDetection], time: Double? = nil) -> Frame {
        let interval = 1 / options.frameRate
        let last = previousTime ?? 0
        var now = previousTime == nil ? (time ?? 0) : (time ?? last + interval)
        if previousTime != nil, !(now > last) { now = last + interval }
        var elapsed = previousTime == nil ? 1 : (now - last) / interval
        // Times of films are rounded to their time base.
        if abs(elapsed - 1) < 1e-3 { elapsed = 1 }
        for index in states.indices { states[index].filter.predict(elapsed) }

        var frame = Frame(
            assignments: detections.map { Assignment(id: nil, classIndex: $0.classIndex) }, events: [])
        let scores = scaled(detections)
        let (usable, names) = objects(detections)
        let high = usable.filter { scores[$0] >= options.highScore }
        var free = Array(states.indices)
        var matches = associate(detections, high, &free, options.minimumOverlap)
        let taken = Set(matches.map(\.detection))
        var left = high.filter { !taken.contains($0) }
        let low = usable.filter { scores[$0] < options.highScore && scores[$0] >= options.lowScore }
        matches += associate(detections, low, &free, options.minimumLowOverlap)
        let recovered = recover(detections, &left, &free, at: now)

        for (state, detection) in matches + recovered {
            accept(detections[detection], names[detection] ?? [], into: state, at: now, &frame)
            frame.assignments[detection] = Assignment(
                id: states[state].id,
                classIndex: states[state].id == nil
                    ? detections[detection].classIndex : states[state].classIndex)
        }
        var dead: Set<Int> = []
        for state in free {
            states[state].missedFrames += 1
            states[state].consecutive = 0
            if let id = states[state].id {
                if states[state].missedFrames == 1 { frame.events.append(.lost(id: id)) }
                // Alive as long as the frame before was within the time.
                let lost = last - states[state].lastMatch
                if lost >= options.lostDuration - 1e-9 * max(1, abs(last)) {
                    dead.insert(state)
                    frame.events.append(.ended(id: id))
                }
            } else if options.confirmationCount > 1 || states[state].missedFrames > 1 {
                dead.insert(state)
            }
        }
        if !dead.isEmpty { states = states.indices.filter { !dead.contains($0) }.map { states[$0] } }
        for detection in left where scores[detection] >= options.activationScore {
            var state = State(
                filter: BoxFilter(detections[detection].box), id: nil, lastMatch: now, votes: [:],
                embedding: detections[detection].embedding)
            for vote in [detections[detection]] + (names[detection] ?? []) { state.vote(for: vote) }
            states.append(state)
        }
        previousTime = now
        frame.events.sort { $0.id < $1.id }
        return frame
    }

    /// The IoU from which a detection is another name of a better one's object.
    private static let leastNameOverlap = 0.6

    /// The part of the smaller one of two boxes of a class, from which it is a part of the better one's object or has this as a part.
    private static let leastPartShare = 0.6

    /// The detections that stand for an object each, in their order, and by them the object's other names.
    private func objects(_ detections: [TrackedDetection]) -> (own: [Int], names: [Int: [TrackedDetection]]) {
        let usable = detections.indices.filter { detections[$0].isUsable }
        guard !options.followsRepeats else { return (usable, [:]) }
        var own: [Int] = []
        var names: [Int: [TrackedDetection]] = [:]
        // Best first; of equal scores the first, so that the result is one.
        for index in usable.sorted(by: { (-detections[$0].score, $0) < (-detections[$1].score, $1) }) {
            let detection = detections[index]
            let overlaps = own.map { detections[$0].box.overlap(with: detection.box) }
            if let nearest = overlaps.indices.max(by: { overlaps[$0] < overlaps[$1] }),
                overlaps[nearest] >= Self.leastNameOverlap
            {
                names[own[nearest], default: []].append(detection)
                continue
            }
            let isPart = own.contains { better in
                ([detections[better]] + (names[better] ?? [])).contains {
                    $0.classIndex == detection.classIndex
                } && detections[better].box.share(with: detection.box) >= Self.leastPartShare
            }
            if !isPart { own.append(index) }
        }
        return (own.sorted(), names)
    }

    /// The scores to compare with thresholds.
    private mutating func scaled(_ detections: [TrackedDetection]) -> [Double] {
        guard options.scoreScale == .relativeToClass else { return detections.map(\.score) }
        // Fades by half in some seven seconds at 30 frames, so that one lucky frame does not silence a class.
        for key in bestScores.keys { bestScores[key, default: 0] *= 0.9967 }
        for detection in detections where detection.isUsable {
            bestScores[detection.classIndex] = max(bestScores[detection.classIndex] ?? 0, detection.score)
        }
        // Classes of which nothing sure was ever seen would otherwise track their noise.
        let floor = (bestScores.values.max() ?? 0) * 0.75
        return detections.map { detection in
            let best = max(bestScores[detection.classIndex] ?? 0, floor)
            return best > 0 ? detection.score / best : 0
        }
    }

    /// Pairs of the greatest total IoU; those with too little are undone afterwards. Tracks that are taken leave `free`.
    private func associate(
        _ detections: [TrackedDetection], _ candidates: [Int], _ free: inout [Int], _ least: Double
    ) -> [(state: Int, detection: Int)] {
        guard !candidates.isEmpty, !free.isEmpty else { return [] }
        var overlaps: [Double] = []
        overlaps.reserveCapacity(free.count * candidates.count)
        for state in free {
            let box = states[state].filter.box
            for candidate in candidates {
                let overlap = box.overlap(with: detections[candidate].box)
                overlaps.append(isOther(detections[candidate], states[state], overlap) ? 0 : overlap)
            }
        }
        let pairs = OptimalAssignment.pairs(
            costs: overlaps.map { -$0 }, rows: free.count, columns: candidates.count
        ).filter { overlaps[$0.row * candidates.count + $0.column] >= least }
        let result = pairs.map { (state: free[$0.row], detection: candidates[$0.column]) }
        let taken = Set(result.map(\.state))
        free.removeAll { taken.contains($0) }
        return result
    }

    /// The IoU below which a lost track takes up no detection that looks like another object: it may have moved on unseen.
    private static let sureOverlap = 0.3

    /// Whether a detection where a lost track may be by now looks like another object.
    private func isOther(_ detection: TrackedDetection, _ state: State, _ overlap: Double) -> Bool {
        guard let least = options.minimumSimilarity, state.missedFrames > 0, overlap > 0,
            overlap < Self.sureOverlap, let old = state.embedding, let new = detection.embedding,
            !old.isEmpty, !new.isEmpty
        else { return false }
        return Self.cosine(old, new) < least
    }

    /// Pairs detections that no box explains with lost tracks that look like them, and that are not too far to be reached.
    private func recover(
        _ detections: [TrackedDetection], _ left: inout [Int], _ free: inout [Int], at time: Double
    ) -> [(state: Int, detection: Int)] {
        guard let least = options.minimumSimilarity else { return [] }
        let lost = free.filter { states[$0].id != nil && !(states[$0].embedding ?? []).isEmpty }
        let seen = left.filter { !(detections[$0].embedding ?? []).isEmpty }
        guard !lost.isEmpty, !seen.isEmpty else { return [] }
        var similarities: [Double] = []
        for state in lost {
            for detection in seen {
                let isNear = states[state].filter.box.reaches(
                    detections[detection].box, within: time - states[state].lastMatch)
                similarities.append(
                    isNear
                        ? Self.cosine(states[state].embedding ?? [], detections[detection].embedding ?? [])
                        : -1)
            }
        }
        let pairs = OptimalAssignment.pairs(
            costs: similarities.map { -$0 }, rows: lost.count, columns: seen.count
        ).filter { similarities[$0.row * seen.count + $0.column] >= least }
        let result = pairs.map { (state: lost[$0.row], detection: seen[$0.column]) }
        let (taken, found) = (Set(result.map(\.state)), Set(result.map(\.detection)))
        free.removeAll { taken.contains($0) }
        left.removeAll { found.contains($0) }
        return result
    }

    private mutating func accept(
        _ detection: TrackedDetection, _ names: [TrackedDetection], into index: Int, at time: Double,
        _ frame: inout Frame
    ) {
        if detection.box.overlap(with: states[index].filter.box) > 0 {
            states[index].filter.update(detection.box)
        } else {
            // Brought back by its looks: the old motion says nothing of the new place.
            states[index].filter = BoxFilter(detection.box)
        }
        if states[index].missedFrames > 0, let id = states[index].id { frame.events.append(.found(id: id)) }
        states[index].missedFrames = 0
        states[index].lastMatch = time
        states[index].consecutive += 1
        for vote in [detection] + names { states[index].vote(for: vote) }
        if let embedding = detection.embedding, !embedding.isEmpty {
            states[index].embedding = Self.blended(states[index].embedding, embedding)
        }
        if states[index].id == nil, states[index].consecutive >= options.confirmationCount {
            states[index].id = nextID
            frame.events.append(.confirmed(id: nextID))
            nextID += 1
        }
    }

    private static func cosine(_ a: [Float], _ b: [Float]) -> Double {
        guard a.count == b.count else { return -1 }
        var (product, x, y) = (0.0, 0.0, 0.0)
        for index in a.indices {
            product += Double(a[index]) * Double(b[index])
            x += Double(a[index]) * Double(a[index])
            y += Double(b[index]) * Double(b[index])
        }
        return x > 0 && y > 0 ? product / (x * y).squareRoot() : -1
    }

    /// Nine parts of what a track looked like and one part of what it looks like now.
    private static func blended(_ old: [Float]?, _ new: [Float]) -> [Float] {
        guard let old, old.count == new.count else { return new }
        return zip(old, new).map { 0.9 * $0 + 0.1 * $1 }
    }
}

extension Tracker.Event {
    /// The track.
    public var id: Int {
        switch self {
        case .confirmed(let id), .lost(let id), .found(let id), .ended(let id): id
        }
    }
}

extension TrackedDetection {
    fileprivate var isUsable: Bool {
        score.isFinite && box.left.isFinite && box.top.isFinite && box.right.isFinite && box.bottom.isFinite
    }
}

extension TrackedBox {
    /// Intersection over the area of the smaller box; 0 for boxes that have nothing in common.
    fileprivate func share(with other: TrackedBox) -> Double {
        let width = min(right, other.right) - max(left, other.left)
        let height = min(bottom, other.bottom) - max(top, other.top)
        guard width > 0, height > 0 else { return 0 }
        return width * height / min(area, other.area)
    }

    /// Whether an object of this size may have come to `other` in a time in seconds: within its own size, and 7.5 times
    /// that more each second.
    fileprivate func reaches(_ other: TrackedBox, within seconds: Double) -> Bool {
        let size = max(right - left, bottom - top, other.right - other.left, other.bottom - other.top, 1)
        let (x, y) = (
            (left + right - other.left - other.right) / 2, (top + bottom - other.top - other.bottom) / 2
        )
        let reach = size * (1 + 7.5 * seconds)
        return x * x + y * y <= reach * reach
    }
}
