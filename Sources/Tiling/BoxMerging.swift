import Imaging

/// A detected box, as merging sees it.
public struct ScoredBox: Sendable, Hashable {
    /// The box in pixels of the picture.
    public var box: Box

    /// The score; higher is surer.
    public var score: Double

    /// The class.
    public var classIndex: Int

    /// Creates a box.
    public init(box: Box, score: Double, classIndex: Int) {
        self.box = box
        self.score = score
        self.classIndex = classIndex
    }
}

/// SAHI's rules for boxes that several tiles found (Akyon et al., "Slicing Aided Hyper Inference", ICIP 2022; obss/sahi 0.12),
/// for comparison with the joint suppression of all tiles.
///
/// Unlike SAHI, a rule never gives way to another one at low thresholds.
public struct BoxMerging: Sendable, Hashable {
    /// What happens to boxes that match.
    public enum Method: String, Sendable, CaseIterable {
        /// The best one is kept, and the others are dropped.
        case nms
        /// The best one takes those that match it, these take those that match them, and all become one box.
        case nmm
        /// The best one takes those that match it, and they become one box.
        case greedyNMM
    }

    /// How two boxes are compared.
    public enum Measure: String, Sendable, Codable, CaseIterable {
        /// Intersection over union.
        case intersectionOverUnion = "iou"
        /// Intersection over the smaller area: 1 for a box inside another.
        case intersectionOverSmaller = "ios"

        /// The value for two boxes; 0 where it would be divided by 0.
        public func callAsFunction(_ a: Box, _ b: Box) -> Double {
            let common = a.intersection(b)
            let shared = max(common.width, 0) * max(common.height, 0)
            let areas = (a.width * a.height, b.width * b.height)
            let divisor =
                self == .intersectionOverUnion ? areas.0 + areas.1 - shared : min(areas.0, areas.1)
            return divisor > 0 ? shared / divisor : 0
        }
    }

    /// The boxes that became one.
    public struct Group: Sendable, Hashable {
        /// The index of the box that all others matched.
        public var keeper: Int

        /// The indices of the boxes that it took, in the order of merging; none for ``Method/nms``.
        public var taken: [Int] = []

        /// Those of ``taken`` that the box encloses: one that no longer matches the box as it has grown is dropped.
        public var merged: [Int] = []

        /// The index of the box whose score and class the result has.
        public var best: Int

        /// The enclosing box.
        public var box: Box
    }

    /// What happens to boxes that match.
    public var method: Method

    /// How two boxes are compared.
    public var measure: Measure

    /// From which value on they match.
    public var threshold: Double

    /// Whether boxes of different classes can match.
    public var isClassAgnostic: Bool

    /// Creates a rule.
    public init(_ method: Method, by measure: Measure, threshold: Double, isClassAgnostic: Bool = false) {
        self.method = method
        self.measure = measure
        self.threshold = threshold
        self.isClassAgnostic = isClassAgnostic
    }

    /// Merges boxes.
    /// - Returns: One group for each box that is left, by class and then in falling order of scores; equal scores by x1, y1, x2, y2.
    public func callAsFunction(_ boxes: [ScoredBox]) -> [Group] {
        let parts =
            isClassAgnostic
            ? [Array(boxes.indices)]
            : Dictionary(grouping: boxes.indices) { boxes[$0].classIndex }.sorted { $0.key < $1.key }
                .map(\.value)
        return parts.flatMap { part in
            let order = part.sorted { Self.precedes(boxes[$0], $0, boxes[$1], $1) }
            let taken =
                method == .nmm
                ? takenTransitively(boxes, part, order) : takenByBest(boxes, order)
            return taken.map { method == .nms ? alone($0.keeper, boxes) : merged($0.keeper, $0.taken, boxes) }
        }
    }

    private static func precedes(_ a: ScoredBox, _ i: Int, _ b: ScoredBox, _ j: Int) -> Bool {
        if a.score != b.score { return a.score > b.score }
        return a.box == b.box ? i < j : !isAtMost(b.box, a.box)
    }

    /// The order of numbers x1, y1, x2, y2.
    private static func isAtMost(_ a: Box, _ b: Box) -> Bool {
        (a.x1, a.y1, a.x2, a.y2) <= (b.x1, b.y1, b.x2, b.y2)
    }

    private func match(_ a: Box, _ b: Box) -> Bool { measure(a, b) >= threshold }

    /// Each free box of the order takes the free ones after it that match it.
    private func takenByBest(_ boxes: [ScoredBox], _ order: [Int]) -> [(keeper: Int, taken: [Int])] {
        var isFree = [Bool](repeating: true, count: order.count)
        var result: [(keeper: Int, taken: [Int])] = []
        for place in order.indices where isFree[place] {
            var taken: [Int] = []
            for other in order.indices.dropFirst(place + 1)
            where isFree[other] && match(boxes[order[place]].box, boxes[order[other]].box) {
                isFree[other] = false
                taken.append(order[other])
            }
            result.append((order[place], taken))
        }
        return result
    }

    /// Each box of the order, taken or not, takes the free ones that match it and that it dominates, for its own keeper.
    private func takenTransitively(_ boxes: [ScoredBox], _ part: [Int], _ order: [Int])
        -> [(keeper: Int, taken: [Int])]
    {
        /// Of equal scores the later box dominates.
        func dominates(_ a: ScoredBox, _ b: ScoredBox) -> Bool {
            b.score < a.score || (b.score == a.score && Self.isAtMost(b.box, a.box))
        }
        var keepers: [Int: Int] = [:]
        var result: [(keeper: Int, taken: [Int])] = []
        for index in order {
            if keepers[index] == nil {
                keepers[index] = result.count
                result.append((index, []))
            }
            guard let place = keepers[index] else { continue }
            for other in part
            where other != index && keepers[other] == nil && match(boxes[index].box, boxes[other].box)
                && dominates(boxes[index], boxes[other])
            {
                keepers[other] = place
                result[place].taken.append(other)
            }
        }
        return result
    }

    private func alone(_ keeper: Int, _ boxes: [ScoredBox]) -> Group {
        Group(keeper: keeper, best: keeper, box: boxes[keeper].box)
    }

    private func merged(_ keeper: Int, _ taken: [Int], _ boxes: [ScoredBox]) -> Group {
        var group = alone(keeper, boxes)
        group.taken = taken
        for other in taken where match(group.box, boxes[other].box) {
            group.box = group.box.union(boxes[other].box)
            group.merged.append(other)
            if boxes[other].score >= boxes[group.best].score { group.best = other }
        }
        return group
    }
}
