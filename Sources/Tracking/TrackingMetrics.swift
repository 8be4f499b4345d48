import Support

/// How well tracks follow objects: HOTA (Luiten et al., IJCV 2021), CLEAR (Bernardin and Stiefelhagen, 2008) and identity
/// (Ristani et al., 2016), by the rules of TrackEval.
///
/// Metrics of several sequences are added: ``+(_:_:)``.
public struct TrackingMetrics: Sendable, Hashable {
    static let epsilon = Double.ulpOfOne

    /// The IoU thresholds of HOTA: 0.05, 0.1, ... 0.95.
    public static let alphas: [Double] = (1...19).map { 0.05 * Double($0) }

    // HOTA: one value a threshold. Association figures and overlaps are sums over true positives.
    private var found = [Int](repeating: 0, count: 19)
    private var missed = [Int](repeating: 0, count: 19)
    private var wrong = [Int](repeating: 0, count: 19)
    private var association = [Double](repeating: 0, count: 19)
    private var associationRecall = [Double](repeating: 0, count: 19)
    private var associationPrecision = [Double](repeating: 0, count: 19)
    private var overlap = [Double](repeating: 0, count: 19)

    /// CLEAR: pairs with an IoU of at least 0.5.
    public private(set) var clearTruePositives = 0

    /// CLEAR: objects without a pair.
    public private(set) var clearFalseNegatives = 0

    /// CLEAR: boxes of tracks without a pair.
    public private(set) var clearFalsePositives = 0

    /// How often an object's track changed.
    public private(set) var identitySwitches = 0

    /// How often an object was lost and found again.
    public private(set) var fragmentations = 0

    /// Objects that were followed for more than 80 % of their life.
    public private(set) var mostlyTracked = 0

    /// Objects that were followed for 20 to 80 % of their life.
    public private(set) var partlyTracked = 0

    /// Objects that were followed for less than 20 % of their life.
    public private(set) var mostlyLost = 0

    private var clearOverlap = 0.0

    /// Identity: boxes under the one-to-one assignment of tracks to objects that explains most.
    public private(set) var identityTruePositives = 0

    /// Identity: boxes of objects that this assignment does not explain.
    public private(set) var identityFalseNegatives = 0

    /// Identity: boxes of tracks that this assignment does not explain.
    public private(set) var identityFalsePositives = 0

    /// The number of objects.
    public private(set) var objectCount = 0

    /// The number of tracks.
    public private(set) var trackCount = 0

    /// Metrics of nothing, to add to.
    public init() {}

    /// Measures the tracks of a sequence.
    public init(_ sequence: TrackingSequence) {
        addHOTA(sequence)
        addCLEAR(sequence)
        addIdentity(sequence)
        objectCount = sequence.truthCount
        trackCount = sequence.trackCount
    }

    /// The metrics of two sequences together: counts added, association weighted by true positives.
    public static func + (a: TrackingMetrics, b: TrackingMetrics) -> TrackingMetrics {
        func sum(_ path: KeyPath<TrackingMetrics, [Double]>) -> [Double] {
            zip(a[keyPath: path], b[keyPath: path]).map(+)
        }
        func sum(_ path: KeyPath<TrackingMetrics, [Int]>) -> [Int] {
            zip(a[keyPath: path], b[keyPath: path]).map(+)
        }
        var result = a
        result.found = sum(\.found)
        result.missed = sum(\.missed)
        result.wrong = sum(\.wrong)
        result.association = sum(\.association)
        result.associationRecall = sum(\.associationRecall)
        result.associationPrecision = sum(\.associationPrecision)
        result.overlap = sum(\.overlap)
        result.clearTruePositives += b.clearTruePositives
        result.clearFalseNegatives += b.clearFalseNegatives
        result.clearFalsePositives += b.clearFalsePositives
        result.identitySwitches += b.identitySwitches
        result.fragmentations += b.fragmentations
        result.mostlyTracked += b.mostlyTracked
        result.partlyTracked += b.partlyTracked
        result.mostlyLost += b.mostlyLost
        result.clearOverlap += b.clearOverlap
        result.identityTruePositives += b.identityTruePositives
        result.identityFalseNegatives += b.identityFalseNegatives
        result.identityFalsePositives += b.identityFalsePositives
        result.objectCount += b.objectCount
        result.trackCount += b.trackCount
        return result
    }

    // MARK: - HOTA

    private mutating func addHOTA(_ sequence: TrackingSequence) {
        let (truths, tracks) = (sequence.truthCount, sequence.trackCount)
        var truthBoxes = [Double](repeating: 0, count: truths)
        var trackBoxes = [Double](repeating: 0, count: tracks)
        var potential: [Int: Double] = [:]
        for frame in sequence.frames {
            for truth in frame.truths { truthBoxes[truth] += 1 }
            for track in frame.tracks { trackBoxes[track] += 1 }
            let columns = frame.tracks.count
            let rowSums = frame.truths.indices.map { row in
                frame.overlaps[row * columns..<(row + 1) * columns].reduce(0, +)
            }
            let columnSums = (0..<columns).map { column in
                frame.truths.indices.reduce(0) { $0 + frame.overlaps[$1 * columns + column] }
            }
            for (row, truth) in frame.truths.enumerated() {
                for (column, track) in frame.tracks.enumerated() {
                    let overlap = frame.overlaps[row * columns + column]
                    let sum = rowSums[row] + columnSums[column] - overlap
                    if sum > Self.epsilon, overlap > 0 {
                        potential[truth * tracks + track, default: 0] += overlap / sum
                    }
                }
            }
        }
        // How well a track fits an object over the whole sequence decides which pairs a frame has.
        func alignment(_ truth: Int, _ track: Int) -> Double {
            let value = potential[truth * tracks + track] ?? 0
            return value / (truthBoxes[truth] + trackBoxes[track] - value)
        }
        var matches = [[Int: Double]](repeating: [:], count: Self.alphas.count)
        for frame in sequence.frames {
            let columns = frame.tracks.count
            var costs = [Double](repeating: 0, count: frame.overlaps.count)
            for (row, truth) in frame.truths.enumerated() {
                for (column, track) in frame.tracks.enumerated() {
                    costs[row * columns + column] =
                        -alignment(truth, track) * frame.overlaps[row * columns + column]
                }
            }
            let pairs = OptimalAssignment.pairs(costs: costs, rows: frame.truths.count, columns: columns)
            for (index, alpha) in Self.alphas.enumerated() {
                var count = 0
                for pair in pairs {
                    let value = frame.overlaps[pair.row * columns + pair.column]
                    guard value >= alpha - Self.epsilon else { continue }
                    count += 1
                    overlap[index] += value
                    matches[index][frame.truths[pair.row] * tracks + frame.tracks[pair.column], default: 0] +=
                        1
                }
                found[index] += count
                missed[index] += frame.truths.count - count
                wrong[index] += columns - count
            }
        }
        for index in Self.alphas.indices {
            // In order, so that the sums have the same bits in every run.
            for (key, count) in matches[index].sorted(by: { $0.key < $1.key }) {
                let (truth, track) = (truthBoxes[key / tracks], trackBoxes[key % tracks])
                association[index] += count * count / max(1, truth + track - count)
                associationRecall[index] += count * count / max(1, truth)
                associationPrecision[index] += count * count / max(1, track)
            }
        }
    }

    // MARK: - CLEAR

    private mutating func addCLEAR(_ sequence: TrackingSequence) {
        let truths = sequence.truthCount
        var lastTrack = [Int?](repeating: nil, count: truths)
        var currentTrack = [Int?](repeating: nil, count: truths)
        var life = [Int](repeating: 0, count: truths)
        var followed = [Int](repeating: 0, count: truths)
        var beginnings = [Int](repeating: 0, count: truths)
        for frame in sequence.frames {
            guard !frame.truths.isEmpty else {
                clearFalsePositives += frame.tracks.count
                continue
            }
            for truth in frame.truths { life[truth] += 1 }
            guard !frame.tracks.isEmpty else {
                clearFalseNegatives += frame.truths.count
                continue
            }
            let columns = frame.tracks.count
            var scores = frame.overlaps
            for (row, truth) in frame.truths.enumerated() {
                for (column, track) in frame.tracks.enumerated() {
                    let place = row * columns + column
                    // Pairs of the frame before are kept where they can be.
                    scores[place] =
                        scores[place] < 0.5 - Self.epsilon
                        ? 0 : scores[place] + (currentTrack[truth] == track ? 1000 : 0)
                }
            }
            let pairs = OptimalAssignment.pairs(
                costs: scores.map { -$0 }, rows: frame.truths.count, columns: columns
            ).filter { scores[$0.row * columns + $0.column] > Self.epsilon }
            var next = [Int?](repeating: nil, count: truths)
            for pair in pairs {
                let (truth, track) = (frame.truths[pair.row], frame.tracks[pair.column])
                if let last = lastTrack[truth], last != track { identitySwitches += 1 }
                lastTrack[truth] = track
                next[truth] = track
                followed[truth] += 1
                if currentTrack[truth] == nil { beginnings[truth] += 1 }
                clearOverlap += frame.overlaps[pair.row * columns + pair.column]
            }
            currentTrack = next
            clearTruePositives += pairs.count
            clearFalseNegatives += frame.truths.count - pairs.count
            clearFalsePositives += columns - pairs.count
        }
        for truth in 0..<truths {
            let share = Double(followed[truth]) / Double(max(life[truth], 1))
            if share > 0.8 {
                mostlyTracked += 1
            } else if share >= 0.2 {
                partlyTracked += 1
            } else {
                mostlyLost += 1
            }
            fragmentations += max(0, beginnings[truth] - 1)
        }
    }

    // MARK: - Identity

    private mutating func addIdentity(_ sequence: TrackingSequence) {
        let (truths, tracks) = (sequence.truthCount, sequence.trackCount)
        var common = [Double](repeating: 0, count: truths * tracks)
        var (truthBoxes, trackBoxes) = (0, 0)
        for frame in sequence.frames {
            truthBoxes += frame.truths.count
            trackBoxes += frame.tracks.count
            for (row, truth) in frame.truths.enumerated() {
                for (column, track) in frame.tracks.enumerated()
                where frame.overlaps[row * frame.tracks.count + column] >= 0.5 {
                    common[truth * tracks + track] += 1
                }
            }
        }
        // Leaving both unassigned costs as much as assigning a pair without common boxes.
        let pairs = OptimalAssignment.pairs(costs: common.map { -$0 }, rows: truths, columns: tracks)
        identityTruePositives = Int(pairs.reduce(0) { $0 + common[$1.row * tracks + $1.column] })
        identityFalseNegatives = truthBoxes - identityTruePositives
        identityFalsePositives = trackBoxes - identityTruePositives
    }
}

// MARK: - Figures

extension TrackingMetrics {
    /// HOTA at every threshold of ``alphas``.
    public var hotaByAlpha: [Double] {
        zip(detectionByAlpha, associationByAlpha).map { ($0 * $1).squareRoot() }
    }

    /// Detection accuracy (DetA) at every threshold.
    public var detectionByAlpha: [Double] {
        Self.alphas.indices.map { Double(found[$0]) / Double(max(1, found[$0] + missed[$0] + wrong[$0])) }
    }

    /// Association accuracy (AssA) at every threshold.
    public var associationByAlpha: [Double] { perFound(association) }

    /// The mean IoU of pairs (LocA) at every threshold; 1 without pairs.
    public var localizationByAlpha: [Double] {
        Self.alphas.indices.map { max(1e-10, overlap[$0]) / max(1e-10, Double(found[$0])) }
    }

    /// The mean of ``hotaByAlpha``.
    public var hota: Double { Self.mean(hotaByAlpha) }

    /// MOTA: 1 minus misses, false positives and identity switches a box.
    public var mota: Double { perTruth(Double(clearTruePositives - clearFalsePositives - identitySwitches)) }

    /// IDF1: 2 IDTP / (2 IDTP + IDFP + IDFN).
    public var idf1: Double {
        Double(identityTruePositives)
            / max(
                1,
                Double(identityTruePositives) + 0.5 * Double(identityFalsePositives + identityFalseNegatives))
    }

    /// All figures under TrackEval's names; fractions of 1, or counts.
    public var figures: [(name: String, value: Double)] {
        let detectionRecall = Self.alphas.indices.map {
            Double(found[$0]) / Double(max(1, found[$0] + missed[$0]))
        }
        let detectionPrecision = Self.alphas.indices.map {
            Double(found[$0]) / Double(max(1, found[$0] + wrong[$0]))
        }
        let objects = max(1, Double(mostlyTracked + partlyTracked + mostlyLost))
        let (right, extra, lost) = (clearTruePositives, clearFalsePositives, clearFalseNegatives)
        let switches = identitySwitches > 0 ? log10(Double(identitySwitches)) : 0
        return [
            ("HOTA", hota), ("DetA", Self.mean(detectionByAlpha)), ("AssA", Self.mean(associationByAlpha)),
            ("DetRe", Self.mean(detectionRecall)), ("DetPr", Self.mean(detectionPrecision)),
            ("AssRe", Self.mean(perFound(associationRecall))),
            ("AssPr", Self.mean(perFound(associationPrecision))),
            ("LocA", Self.mean(localizationByAlpha)),
            ("OWTA", Self.mean(zip(detectionRecall, associationByAlpha).map { ($0 * $1).squareRoot() })),
            ("HOTA(0)", hotaByAlpha[0]), ("LocA(0)", localizationByAlpha[0]),
            ("HOTALocA(0)", hotaByAlpha[0] * localizationByAlpha[0]),
            ("MOTA", mota), ("MOTP", clearOverlap / max(1, Double(right))),
            ("MODA", perTruth(Double(right - extra))),
            ("CLR_Re", perTruth(Double(right))), ("CLR_Pr", Double(right) / Double(max(1, right + extra))),
            ("MTR", Double(mostlyTracked) / objects), ("PTR", Double(partlyTracked) / objects),
            ("MLR", Double(mostlyLost) / objects),
            ("sMOTA", perTruth(clearOverlap - Double(extra + identitySwitches))),
            ("MOTAL", perTruth(Double(right - extra) - switches)),
            ("CLR_TP", Double(right)), ("CLR_FN", Double(lost)), ("CLR_FP", Double(extra)),
            ("IDSW", Double(identitySwitches)), ("MT", Double(mostlyTracked)), ("PT", Double(partlyTracked)),
            ("ML", Double(mostlyLost)), ("Frag", Double(fragmentations)),
            ("IDF1", idf1),
            (
                "IDR",
                Double(identityTruePositives) / Double(max(1, identityTruePositives + identityFalseNegatives))
            ),
            (
                "IDP",
                Double(identityTruePositives) / Double(max(1, identityTruePositives + identityFalsePositives))
            ),
            ("GT_IDs", Double(objectCount)), ("IDs", Double(trackCount)),
            ("GT_Dets", Double(identityTruePositives + identityFalseNegatives)),
            ("Dets", Double(identityTruePositives + identityFalsePositives)),
            ("IDTP", Double(identityTruePositives)), ("IDFN", Double(identityFalseNegatives)),
            ("IDFP", Double(identityFalsePositives)),
        ]
    }

    /// True positives, misses and false positives at every threshold.
    public var hotaCounts: (truePositives: [Int], falseNegatives: [Int], falsePositives: [Int]) {
        (found, missed, wrong)
    }

    private func perFound(_ sums: [Double]) -> [Double] { zip(sums, found).map { $0 / Double(max(1, $1)) } }

    private func perTruth(_ value: Double) -> Double {
        value / Double(max(1, clearTruePositives + clearFalseNegatives))
    }

    private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}
