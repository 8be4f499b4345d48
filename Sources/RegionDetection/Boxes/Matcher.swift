internal import CKernels

/// Assigns to every box (anchor, proposal) the ground truth that it overlaps most, and a label depending on the
/// overlap.
///
/// With thresholds 0.3 and 0.7 and labels 0, -1, 1: an overlap below 0.3 is negative (0), from 0.3 on ignored (-1), and
/// from 0.7 on positive (1). A value equal to a threshold belongs to the upper interval; among ground truths with equal
/// overlap the first one wins. After detectron2's `Matcher`.
public struct Matcher: Sendable, Hashable {
    /// The overlaps at which labels change, ascending.
    public var thresholds: [Double]

    /// The labels between thresholds: 1 positive, 0 negative, -1 ignored.
    public var labels: [Int]

    /// Whether the boxes that overlap a ground truth most are positive regardless of the overlap, so that every ground
    /// truth has a match.
    public var allowsLowQualityMatches: Bool

    /// Creates a matcher.
    /// - Throws: ``DetectionError`` unless thresholds ascend and there is one more label than thresholds.
    public init(thresholds: [Double], labels: [Int], allowsLowQualityMatches: Bool) throws {
        guard labels.count == thresholds.count + 1, labels.allSatisfy({ (-1...1).contains($0) }),
            zip(thresholds, thresholds.dropFirst()).allSatisfy(<), thresholds.allSatisfy({ $0 > 0 })
        else {
            throw DetectionError(
                "Matcher",
                "needs positive ascending thresholds and one more label (-1, 0 or 1) than thresholds")
        }
        self.thresholds = thresholds
        self.labels = labels
        self.allowsLowQualityMatches = allowsLowQualityMatches
    }

    private init(unchecked thresholds: [Double], labels: [Int], allowsLowQualityMatches: Bool) {
        self.thresholds = thresholds
        self.labels = labels
        self.allowsLowQualityMatches = allowsLowQualityMatches
    }

    /// For anchors: 0.3, 0.7 with low-quality matches.
    public static func anchors() -> Matcher {
        Matcher(unchecked: [0.3, 0.7], labels: [0, -1, 1], allowsLowQualityMatches: true)
    }

    /// For proposals: 0.5.
    public static func regions() -> Matcher {
        Matcher(unchecked: [0.5], labels: [0, 1], allowsLowQualityMatches: false)
    }

    /// The matches of N boxes.
    public struct Matches: Sendable {
        /// The row of the ground truth with the largest overlap, [N] `int64`; 0 if there is no ground truth.
        public let indices: Tensor

        /// 1 positive, 0 negative, -1 ignored, [N] `int64`.
        public let labels: Tensor

        /// The largest overlap, [N] `float32`.
        public let overlaps: Tensor
    }

    /// Matches by a table of overlaps.
    /// - Parameter overlaps: [M, N], ground truths by boxes.
    public func callAsFunction(overlaps: Tensor) throws -> Matches {
        guard overlaps.rank == 2 else {
            throw DetectionError("Matcher", "\(overlaps.summary) does not have the shape [M, N]")
        }
        guard overlaps.shape[0] > 0 else { return try withoutGroundTruth(overlaps.shape[1], overlaps.device) }
        let (best, indices) = try overlaps.max(0)
        var labels = try self.labels(for: best)
        // A ground truth that nothing overlaps has a best overlap of 0, which all boxes that miss it share. The
        // reference behaves the same way.
        if allowsLowQualityMatches, overlaps.shape[1] > 0 {
            let isBest = try (overlaps .== overlaps.max(1, keepDimensions: true).values).any([0])
            labels = try labels.maskedFill(isBest, with: 1)
        }
        return Matches(indices: indices, labels: labels, overlaps: best)
    }

    /// Matches boxes with ground truths by intersection over union.
    ///
    /// In main memory, the table of overlaps, which can take hundreds of megabytes for anchors, is never materialized.
    /// - Throws: ``DetectionError`` if a ground truth is not finite; `TorchError`.
    public func callAsFunction(_ boxes: Boxes, groundTruth: Boxes) throws -> Matches {
        let (n, m) = (boxes.count, groundTruth.count)
        let targets = try groundTruth.finiteArray(for: "Matcher: ground truth")
        guard m > 0 else { return try withoutGroundTruth(n, boxes.device) }
        guard boxes.device == .cpu else {
            return try self(overlaps: groundTruth.intersectionOverUnion(with: boxes))
        }
        let best = try Tensor.empty([n])
        let indices = try Tensor.empty([n], dtype: .int64)
        let mark = try Tensor.empty([n], dtype: .bool)
        let source = try boxes.tensor.contiguous()
        try Kernel.call { memory in
            let source = try memory.floats(of: source)
            let targets = memory.copy(of: targets)
            let (bestOfBox, indices) = try (memory.floats(of: best), memory.integers(of: indices))
            try Kernel.run(rows: n, grain: 4096) { begin, end in
                ck_best_targets(source, targets, Int64(m), bestOfBox, indices, begin, end)
            }
            guard allowsLowQualityMatches else { return }
            let (bestOfTarget, mark) = (memory.zeros(m, of: Float.self), try memory.bytes(of: mark))
            try Kernel.run(rows: m) { begin, end in
                ck_best_boxes(source, Int64(n), targets, bestOfTarget, begin, end)
            }
            try Kernel.run(rows: n, grain: 4096) { begin, end in
                ck_mark_best(source, targets, bestOfTarget, Int64(m), mark, begin, end)
            }
        }
        var labels = try self.labels(for: best)
        if allowsLowQualityMatches { labels = try labels.maskedFill(mark, with: 1) }
        return Matches(indices: indices, labels: labels, overlaps: best)
    }

    private func withoutGroundTruth(_ count: Int, _ device: Device) throws -> Matches {
        Matches(
            indices: try Tensor.zeros([count], dtype: .int64, device: device),
            labels: try Tensor.full([count], labels[0], dtype: .int64, device: device),
            overlaps: try Tensor.zeros([count], device: device))
    }

    private func labels(for best: Tensor) throws -> Tensor {
        var result = try Tensor.full([best.count], labels[0], dtype: .int64, device: best.device)
        for (threshold, label) in zip(thresholds, labels.dropFirst()) {
            result = try result.maskedFill(best .>= threshold, with: label)
        }
        return result
    }

    /// The matches in which negative boxes inside regions without individually annotated objects, such as crowds, are
    /// ignored.
    /// - Parameters:
    ///   - regions: The regions without individually annotated objects.
    ///   - matches: The matches of the boxes.
    ///   - boxes: [N], the boxes that were matched.
    ///   - share: The minimum fraction of a box inside one of the regions.
    public func ignoring(_ regions: Boxes, of matches: Matches, boxes: Boxes, share: Double = 0.5) throws
        -> Matches
    {
        guard regions.count > 0, boxes.count > 0 else { return matches }
        let inside = try boxes.intersectionOverArea(with: regions).max(1).values .>= share
        let labels = try matches.labels.maskedFill(inside .&& (matches.labels .== 0), with: -1)
        return Matches(indices: matches.indices, labels: labels, overlaps: matches.overlaps)
    }
}
