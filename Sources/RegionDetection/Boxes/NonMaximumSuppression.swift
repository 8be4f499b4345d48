internal import CKernels

/// Greedy non-maximum suppression: of boxes that overlap too much, only the best is kept.
///
/// Exact: boxes are visited in descending order of scores, equal scores in input order, and a kept box suppresses all
/// later ones that overlap it too much. Two boxes without area do not overlap. Same as torchvision's `nms`; with
/// ``includesThreshold``, same as the published F-VLM's.
public struct NonMaximumSuppression: Sendable, Hashable {
    /// The intersection over union above which a box is suppressed.
    public var threshold: Double

    /// Whether a box is suppressed at the threshold itself.
    public var includesThreshold: Bool

    /// The suppression of a proposal network: 0.7.
    /// - Parameter includesThreshold: True in the published F-VLM.
    static func proposals(includesThreshold: Bool = false) -> NonMaximumSuppression {
        NonMaximumSuppression(unchecked: 0.7, includesThreshold)
    }

    private init(unchecked threshold: Double, _ includesThreshold: Bool) {
        self.threshold = threshold
        self.includesThreshold = includesThreshold
    }

    /// Creates a suppression.
    /// - Throws: ``DetectionError`` if the threshold is not between 0 and 1.
    public init(threshold: Double, includesThreshold: Bool = false) throws {
        guard (0...1).contains(threshold) else {
            throw DetectionError("suppression", "the threshold \(threshold) is not between 0 and 1")
        }
        self.threshold = threshold
        self.includesThreshold = includesThreshold
    }

    /// Overlaps are `float32` and compared with a threshold of higher precision; this threshold gives the same answer.
    var floatThreshold: Float {
        let near = Float(threshold)
        return !includesThreshold && Double(near) > threshold ? near.nextDown : near
    }

    /// Suppression among all boxes.
    /// - Parameters:
    ///   - boxes: [N].
    ///   - scores: [N].
    ///   - limit: The maximum number of boxes kept.
    /// - Returns: The kept rows in descending order of scores, `int64`.
    /// - Throws: ``DetectionError`` for boxes or scores that are not finite, or if their numbers differ.
    public func callAsFunction(_ boxes: Boxes, scores: Tensor, limit: Int? = nil) throws -> Tensor {
        let kept = try rows(
            boxes, scores: scores, groups: [Int](repeating: 0, count: boxes.count), limit: limit)
        return try Tensor(kept).to(device: boxes.device)
    }

    /// Suppression among the boxes of each class (or level, or image): boxes of different classes do not affect each
    /// other.
    /// - Parameters:
    ///   - boxes: [N].
    ///   - scores: [N].
    ///   - classes: [N] `int64`, any numbers.
    ///   - limit: The maximum number of boxes kept per class.
    /// - Returns: The kept rows in descending order of scores, `int64`.
    /// - Throws: The errors of ``callAsFunction(_:scores:limit:)``.
    public func callAsFunction(_ boxes: Boxes, scores: Tensor, classes: Tensor, limit: Int? = nil) throws
        -> Tensor
    {
        let classes = try classes.array(of: Int64.self)
        guard classes.count == boxes.count else {
            throw DetectionError("suppression", "\(boxes.count) boxes have \(classes.count) classes")
        }
        let groups = Self.numbered(classes)
        return try Tensor(rows(boxes, scores: scores, groups: groups, limit: limit)).to(device: boxes.device)
    }

    /// The kept rows in descending order of scores; `groups` are numbers from 0.
    func rows(_ boxes: Boxes, scores: Tensor, groups: [Int], limit: Int?) throws -> [Int64] {
        let numbers = try boxes.finiteArray(for: "suppression")
        let order = try Self.order(scores, count: boxes.count)
        guard !order.isEmpty else { return [] }
        // Each group in descending order, in a range of its own.
        var starts = [Int](repeating: 0, count: (groups.max() ?? 0) + 1)
        var counts = starts
        for group in groups { counts[group] += 1 }
        var total = 0
        for group in counts.indices {
            starts[group] = total
            total += (counts[group] + 15) / 16 * 16
        }
        return try Kernel.call { memory in
            let columns = BoxColumns(capacity: total, in: memory)
            var places = [Int](repeating: 0, count: order.count)
            var next = starts
            for (rank, row) in order.enumerated() {
                let group = groups[Int(row)]
                places[rank] = next[group]
                columns.set(next[group], numbers, Int(row))
                next[group] += 1
            }
            let keep = memory.zeros(total, of: UInt8.self)
            let scratch = memory.zeros(total / 16, of: UInt16.self)
            let limit = Int64(limit ?? Int.max)
            try Kernel.run(rows: counts.count) { begin, end in
                for group in Int(begin)..<Int(end) where counts[group] > 0 {
                    let start = starts[group]
                    ck_suppress(
                        columns.boxes(from: start), Int64(counts[group]), floatThreshold, includesThreshold,
                        limit, scratch + start / 16, keep + start)
                }
            }
            return zip(order, places).compactMap { keep[$1] != 0 ? Int64($0) : nil }
        }
    }

    /// Maps equal classes to equal numbers, from 0.
    private static func numbered(_ classes: [Int64]) -> [Int] {
        guard let least = classes.min(), let most = classes.max() else { return [] }
        // Class ids are nearly always small numbers; others are numbered in order of appearance.
        let (span, overflow) = most.subtractingReportingOverflow(least)
        if !overflow, span < 4 * classes.count + 1024 { return classes.map { Int($0 - least) } }
        var numbers: [Int64: Int] = [:]
        return classes.map { value in
            let number = numbers[value] ?? numbers.count
            numbers[value] = number
            return number
        }
    }

    /// Rows in descending order of their scores.
    static func order(_ scores: Tensor, count: Int) throws -> [Int32] {
        guard scores.rank == 1, scores.count == count, count <= Int32.max else {
            throw DetectionError("suppression", "\(count) boxes need one score each, not \(scores.summary)")
        }
        return try order(scores.array(of: Float.self))
    }

    static func order(_ scores: [Float]) throws -> [Int32] {
        guard !scores.contains(where: \.isNaN) else {
            throw DetectionError("suppression", "a score is NaN: the network's numbers have overflowed")
        }
        return falling(scores)
    }

    /// Indices in descending order of the scores, equal ones in input order. No score may be NaN.
    static func falling(_ scores: [Float]) -> [Int32] {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * scores.count) { scratch in
            [Int32](unsafeUninitializedCapacity: scores.count) { order, count in
                ck_falling_order(scores, Int64(scores.count), order.baseAddress, scratch.baseAddress)
                count = scores.count
            }
        }
    }
}

/// Boxes column by column, for the kernels.
struct BoxColumns {
    private let numbers: UnsafeMutablePointer<Float>
    private let capacity: Int

    /// Allocates room for boxes and for the elements that the kernels read past the last one.
    init(capacity: Int, in memory: KernelMemory) {
        self.capacity = capacity + 16
        numbers = memory.zeros(5 * (capacity + 16))
    }

    func set(_ place: Int, _ boxes: [Float], _ row: Int) {
        let (x1, y1) = (boxes[4 * row], boxes[4 * row + 1])
        let (x2, y2) = (boxes[4 * row + 2], boxes[4 * row + 3])
        numbers[place] = x1
        numbers[capacity + place] = y1
        numbers[2 * capacity + place] = x2
        numbers[3 * capacity + place] = y2
        numbers[4 * capacity + place] = (x2 - x1) * (y2 - y1)
    }

    /// The boxes from an index on, in the kernels' form.
    func boxes(from place: Int = 0) -> ck_boxes {
        let first = numbers + place
        return ck_boxes(
            x1: first, y1: first + capacity, x2: first + 2 * capacity, y2: first + 3 * capacity,
            areas: first + 4 * capacity)
    }
}
