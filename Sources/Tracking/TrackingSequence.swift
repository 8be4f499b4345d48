/// Ground truth and tracks of one video, frame by frame, as metrics compare them.
public struct TrackingSequence: Sendable {
    struct Frame: Sendable {
        /// The objects, as indices from 0.
        var truths: [Int]

        /// The tracks, as indices from 0.
        var tracks: [Int]

        /// IoU, truths by tracks, row-major.
        var overlaps: [Double]
    }

    /// Which boxes of the files count.
    public enum Rules: String, Sendable, CaseIterable {
        /// All of them.
        case all
        /// MOT17's: tracks on distractors (classes 2, 7, 8, 12) are dropped, then only pedestrians (class 1) with a mark other
        /// than 0 are to be found.
        case mot17
    }

    let frames: [Frame]

    /// The number of objects.
    public let truthCount: Int

    /// The number of tracks.
    public let trackCount: Int

    /// Brings two files together.
    ///
    /// - Parameters:
    ///   - truth: The annotated objects.
    ///   - tracks: The tracks; boxes without an id are dropped.
    ///   - rules: Which boxes count.
    public init(truth: MOTFile, tracks: MOTFile, rules: Rules = .mot17) {
        let truths = Dictionary(grouping: truth.rows, by: \.frame)
        let found = Dictionary(grouping: tracks.rows.filter { $0.id >= 0 }, by: \.frame)
        var truthIndices: [Int: Int] = [:]
        var trackIndices: [Int: Int] = [:]
        func index(_ id: Int, in indices: inout [Int: Int]) -> Int {
            if let known = indices[id] { return known }
            indices[id] = indices.count
            return indices.count - 1
        }
        frames = Set(truths.keys).union(found.keys).sorted().map { number in
            var own = truths[number] ?? []
            var seen = found[number] ?? []
            if rules == .mot17 { (own, seen) = Self.preprocessed(own, seen) }
            return Frame(
                truths: own.map { index($0.id, in: &truthIndices) },
                tracks: seen.map { index($0.id, in: &trackIndices) },
                overlaps: own.flatMap { truth in seen.map { truth.box.overlap(with: $0.box) } })
        }
        truthCount = truthIndices.count
        trackCount = trackIndices.count
    }

    private static let distractors: Set<Int> = [2, 7, 8, 12]

    private static func preprocessed(_ truths: [MOTFile.Row], _ tracks: [MOTFile.Row]) -> (
        [MOTFile.Row], [MOTFile.Row]
    ) {
        let overlaps = truths.flatMap { truth in tracks.map { truth.box.overlap(with: $0.box) } }
        // Pairs below 0.5 count nothing in the assignment and are none.
        let scores = overlaps.map { $0 >= 0.5 - TrackingMetrics.epsilon ? $0 : 0 }
        let onDistractors = Set(
            OptimalAssignment.pairs(costs: scores.map { -$0 }, rows: truths.count, columns: tracks.count)
                .filter {
                    scores[$0.row * tracks.count + $0.column] > 0
                        && distractors.contains(truths[$0.row].classNumber)
                }.map(\.column))
        return (
            // Files without classes hold what is to be found.
            truths.filter { ($0.classNumber == 1 || $0.classNumber == -1) && $0.score != 0 },
            tracks.indices.filter { !onDistractors.contains($0) }.map { tracks[$0] }
        )
    }
}
