internal import CKernels
import RegionDetection
import Support
import Torch

/// The fused scores of two classifiers for regions, above a threshold.
///
/// Shape letters: R regions, K classes. With p and v the classifiers' probabilities, each a softmax over K, a class c has
/// the score (p_c^w_c v_c^u_c / sum over the classes)^exponent times a factor of the region; the division can be left out. One pass over the logits in
/// `float32` and logarithms, a region at a time, so that a long vocabulary costs little beside the product that gives
/// the logits.
public struct FusedScores: Sendable {
    /// Weights and thresholds.
    public struct Settings: Sendable {
        /// The weight w of each class, [K].
        public var detectorWeights: [Float]
        /// The weight u of each class, [K].
        public var vlmWeights: [Float]
        /// Classes before this one only take part in the sum: 1 excludes a background.
        public var firstClass: Int
        /// Pairs scoring at or below this are dropped.
        public var threshold: Double
        /// The exponent of the fused probability.
        public var exponent: Double
        /// Whether fused probabilities are divided by their sum over the classes.
        public var isNormalized: Bool

        /// Creates settings from their parts.
        public init(
            detectorWeights: [Float], vlmWeights: [Float], firstClass: Int = 0, threshold: Double,
            exponent: Double = 1, isNormalized: Bool = true
        ) {
            self.detectorWeights = detectorWeights
            self.vlmWeights = vlmWeights
            self.firstClass = firstClass
            self.threshold = threshold
            self.exponent = exponent
            self.isNormalized = isNormalized
        }
    }

    /// The normalization of a region's logits, sufficient to compute their softmax.
    public struct LogSum: Sendable, Hashable {
        /// The largest logit.
        public let maximum: Float
        /// The logarithm of the sum of the exponentials of the logits minus the maximum.
        public let logSum: Float

        /// The probability of a logit.
        public func probability(of logit: Float) -> Float { exp(logit - maximum - logSum) }
    }

    /// The scores.
    public private(set) var pairs: ScoredPairs

    /// The sums of the first classifier's logits, [R].
    public let detectorSums: [LogSum]

    /// The sums of the second classifier's logits, [R]; the first one's if it is the only one.
    public let vlmSums: [LogSum]

    /// The logits behind the scores, [R, K].
    private let logits: (detector: Tensor, vlm: Tensor?)

    /// Whether a score differs from the first classifier's probability.
    private var isFused: Bool

    /// The sums of groups of classes with a softmax of their own, and the group of each such class.
    private var groupSums: [(detector: [LogSum], vlm: [LogSum])] = []
    private var groups: [Int32: Int] = [:]

    /// Fuses logits.
    /// - Parameters:
    ///   - detectorLogits: [R, K].
    ///   - vlmLogits: [R, K]; nil: the score is the first classifier's probability, and the weights are ignored.
    ///   - settings: How the two scores are fused, and the threshold.
    ///   - factors: The factor of each region, [R]; nil: 1.
    /// - Throws: `DetectionError` if shapes differ or a number is NaN; `TorchError`.
    public init(detectorLogits: Tensor, vlmLogits: Tensor?, settings: Settings, factors: [Float]? = nil)
        throws
    {
        guard detectorLogits.rank == 2, detectorLogits.shape[1] > 0,
            detectorLogits.shape.allSatisfy({ $0 <= Int32.max }),
            vlmLogits.map({ $0.shape == detectorLogits.shape }) ?? true
        else {
            throw DetectionError(
                "scores",
                "logits of regions and classes do not fit: \(detectorLogits.summary), \(vlmLogits?.summary ?? "none")"
            )
        }
        let (rowCount, classCount) = (detectorLogits.shape[0], detectorLogits.shape[1])
        guard settings.detectorWeights.count == classCount, settings.vlmWeights.count == classCount,
            factors.map({ $0.count == rowCount }) ?? true
        else {
            throw DetectionError(
                "scores",
                "\(rowCount) regions and \(classCount) classes have \(factors?.count ?? rowCount) factors and \(settings.vlmWeights.count) weights"
            )
        }
        if let factors, factors.contains(where: \.isNaN) { throw ScoredPairs.overflow }
        func readable(_ logits: Tensor) throws -> Tensor {
            try logits.detached().to(device: .cpu, dtype: .float32).contiguous()
        }
        let (detector, vlm) = (try readable(detectorLogits), try vlmLogits.map(readable))
        let found = try Kernel.call { memory in
            let fusion = try memory.copy(of: [
                ck_fusion(
                    detector: memory.floats(of: detector), other: vlm.map(memory.floats(of:)),
                    detector_weights: memory.copy(of: settings.detectorWeights),
                    other_weights: memory.copy(of: settings.vlmWeights), classes: Int64(classCount),
                    first: Int64(settings.firstClass), threshold: Float(settings.threshold),
                    exponent: Float(settings.exponent), is_unnormalized: !settings.isNormalized)
            ])
            return try Kernel.map(rows: rowCount) { try Self.fuse($0, fusion, factors) }
        }
        let count = found.reduce(0) { $0 + $1.classes.count }
        guard count <= Int32.max else {
            throw DetectionError("scores", "\(count) pairs are above the threshold: raise it")
        }
        var (rows, classes, scores): ([Int32], [Int32], [Float]) = ([], [], [])
        rows.reserveCapacity(count)
        classes.reserveCapacity(count)
        scores.reserveCapacity(count)
        for (number, row) in found.enumerated() {
            rows.append(contentsOf: repeatElement(Int32(number), count: row.classes.count))
            classes.append(contentsOf: row.classes)
            scores.append(contentsOf: row.scores)
        }
        logits = (detectorLogits, vlmLogits)
        isFused = vlmLogits != nil || factors != nil
        pairs = ScoredPairs(
            rows: rows, classes: classes, scores: scores, rowCount: rowCount, classCount: classCount)
        detectorSums = found.map(\.detector)
        vlmSums = found.map(\.vlm)
    }

    /// The scores with those of each class times a factor, [K], without those that fall to the threshold.
    func scaled(byClass factors: [Float], threshold: Double) -> FusedScores {
        var result = self
        var (rows, classes, scores): ([Int32], [Int32], [Float]) = ([], [], [])
        for (place, score) in pairs.scores.enumerated() {
            let scaled = score * factors[Int(pairs.classes[place])]
            guard scaled > Float(threshold) else { continue }
            rows.append(pairs.rows[place])
            classes.append(pairs.classes[place])
            scores.append(scaled)
        }
        result.pairs = ScoredPairs(
            rows: rows, classes: classes, scores: scores, rowCount: pairs.rowCount,
            classCount: pairs.classCount)
        result.isFused = true
        return result
    }

    /// The scores with those of some classes taken from elsewhere: from softmaxes over these classes alone.
    /// - Parameter parts: For each group its columns here, the background first, and its scores.
    func replacing(_ parts: [(columns: [Int], scores: FusedScores)]) -> FusedScores {
        var result = self
        var triples: [(row: Int32, column: Int32, score: Float)] = []
        for (number, part) in parts.enumerated() {
            for column in part.columns.dropFirst() { result.groups[Int32(column)] = number }
            result.groupSums.append((part.scores.detectorSums, part.scores.vlmSums))
            let own = part.scores.pairs
            for place in own.rows.indices {
                triples.append(
                    (own.rows[place], Int32(part.columns[Int(own.classes[place])]), own.scores[place]))
            }
        }
        for place in pairs.rows.indices where result.groups[pairs.classes[place]] == nil {
            triples.append((pairs.rows[place], pairs.classes[place], pairs.scores[place]))
        }
        triples.sort { ($0.row, $0.column) < ($1.row, $1.column) }
        result.pairs = ScoredPairs(
            rows: triples.map(\.row), classes: triples.map(\.column), scores: triples.map(\.score),
            rowCount: pairs.rowCount, classCount: pairs.classCount)
        return result
    }

    /// The results of one region.
    private struct Row {
        let classes: [Int32]
        let scores: [Float]
        let detector: LogSum
        let vlm: LogSum
    }

    private static func fuse(_ range: Range<Int>, _ fusion: UnsafePointer<ck_fusion>, _ factors: [Float]?)
        throws -> [Row]
    {
        let count = Int(fusion.pointee.classes)
        var scratch = [Float](repeating: 0, count: (count + 15) / 16 * 16)
        var classes = [Int32](repeating: 0, count: count)
        var scores = [Float](repeating: 0, count: count)
        var sums = [ck_log_sum](repeating: ck_log_sum(), count: 2)
        return try range.map { row in
            let kept = Int(
                ck_fused_scores(fusion, Int64(row), factors?[row] ?? 1, &scratch, &sums, &classes, &scores))
            guard kept >= 0 else { throw ScoredPairs.overflow }
            return Row(
                classes: Array(classes.prefix(kept)), scores: Array(scores.prefix(kept)),
                detector: LogSum(maximum: sums[0].maximum, logSum: sums[0].log_sum),
                vlm: LogSum(maximum: sums[1].maximum, logSum: sums[1].log_sum))
        }
    }
}

// MARK: With scoring options

extension FusedScores {
    /// Creates the scores of the regions of one image except the background's, column 0 of the logits.
    /// - Parameters:
    ///   - isBase: Which classes were trained on, [K]; nil: all count as novel.
    ///   - objectness: The proposal network's probability that a region is an object, [R].
    package init(
        detectorLogits: Tensor, vlmLogits: Tensor?, isBase: [Bool]?, objectness: Tensor,
        options: ScoringOptions
    ) throws {
        let weights = try options.weights(
            isBase: isBase ?? [Bool](repeating: false, count: detectorLogits.size(-1)))
        let weight = options.objectnessWeight
        try self.init(
            detectorLogits: detectorLogits, vlmLogits: vlmLogits,
            settings: Settings(
                detectorWeights: weights.map { 1 - $0 }, vlmWeights: weights, firstClass: 1,
                threshold: options.scoreThreshold, exponent: weight > 0 ? 1 - weight : 1,
                isNormalized: options.normalizesScores),
            factors: weight > 0 ? objectness.to(.float32).power(weight).array(of: Float.self) : nil)
    }

    /// Each classifier's own probability of detections; the first one's if it is the only one.
    func probabilities(of kept: ScoredPairs) throws -> (detector: [Float], vlm: [Float]) {
        // The score itself if it is the detector's alone: exact to the last digit.
        guard isFused, !kept.rows.isEmpty else { return (kept.scores, kept.scores) }
        func values(_ logits: Tensor, _ sums: [LogSum], _ own: (Int) -> [LogSum]) throws -> [Float] {
            let values = try logits[
                Tensor(kept.rows.map { Int64($0) }), Tensor(kept.classes.map { Int64($0) })
            ].array(of: Float.self)
            return values.indices.map { place in
                let row = Int(kept.rows[place])
                let sum = groups[kept.classes[place]].map { own($0)[row] } ?? sums[row]
                return sum.probability(of: values[place])
            }
        }
        let detector = try values(logits.detector, detectorSums) { groupSums[$0].detector }
        return (
            detector,
            try logits.vlm.map { try values($0, vlmSums) { groupSums[$0].vlm } } ?? detector
        )
    }
}
