internal import CKernels

/// What stays of R boxes that K classes share: pairs of a box and a class.
public struct ClassDetections: Sendable, Hashable {
    /// The row of each box.
    public var rows: [Int64]

    /// The column of each class in the table of scores.
    public var classes: [Int64]

    /// The scores, falling.
    public var scores: [Float]
}

extension NonMaximumSuppression {
    /// The most boxes whose overlaps are kept as a table of bits (8 MB).
    private static let largestTable = 8192

    /// Suppression within each class among boxes that all classes share (class-agnostic regression).
    ///
    /// The overlaps are computed once for all classes. The result is that of suppression class by class, best first;
    /// equal scores by row, then by class, as in detectron2's `fast_rcnn_inference`.
    /// - Parameters:
    ///   - boxes: [R].
    ///   - scores: [R, K]; the columns are classes, a background is no class.
    ///   - scoreThreshold: Pairs whose score is not above are left out.
    ///   - candidates: How many pairs of each class take part, the best ones.
    ///   - limitPerClass: How many boxes of each class may stay.
    ///   - limit: How many pairs may stay in all.
    /// - Throws: ``DetectionError`` for boxes or scores that are not finite or do not fit.
    public func perClass(
        _ boxes: Boxes, scores: Tensor, scoreThreshold: Double, candidates: Int? = nil,
        limitPerClass: Int? = nil, limit: Int? = nil
    ) throws -> ClassDetections {
        try perClass(
            boxes, scores: scores, scoreThreshold: scoreThreshold, candidates: candidates,
            limitPerClass: limitPerClass, limit: limit, largestTable: Self.largestTable)
    }

    func perClass(
        _ boxes: Boxes, scores: Tensor, scoreThreshold: Double, candidates: Int?, limitPerClass: Int?,
        limit: Int?, largestTable: Int
    ) throws -> ClassDetections {
        guard scores.rank == 2, scores.shape[0] == boxes.count else {
            throw DetectionError(
                "suppression", "\(boxes.count) boxes need scores [R, K], not \(scores.summary)")
        }
        return try perClass(
            boxes, pairs: ScoredPairs(scores, above: scoreThreshold), candidates: candidates,
            limitPerClass: limitPerClass, limit: limit, largestTable: largestTable)
    }

    /// As ``perClass(_:scores:scoreThreshold:candidates:limitPerClass:limit:)``, from the pairs above a threshold; the
    /// time grows with the pairs, not with the classes.
    public func perClass(
        _ boxes: Boxes, pairs: ScoredPairs, candidates: Int? = nil, limitPerClass: Int? = nil,
        limit: Int? = nil
    ) throws -> ClassDetections {
        try perClass(
            boxes, pairs: pairs, candidates: candidates, limitPerClass: limitPerClass, limit: limit,
            largestTable: Self.largestTable)
    }

    private func perClass(
        _ boxes: Boxes, pairs: ScoredPairs, candidates: Int?, limitPerClass: Int?, limit: Int?,
        largestTable: Int
    ) throws -> ClassDetections {
        guard pairs.rowCount == boxes.count else {
            throw DetectionError(
                "suppression", "\(boxes.count) boxes have scores of \(pairs.rowCount) boxes")
        }
        let numbers = try boxes.finiteArray(for: "suppression")
        let lists = Self.candidates(pairs, count: candidates ?? Int.max)
        // Row by row, so that ordering, which leaves equal scores alone, gives the order that is promised.
        let kept = suppressed(
            lists, rows: pairs.rows, boxes: numbers, rowCount: boxes.count, limit: limitPerClass ?? Int.max,
            largestTable: largestTable
        ).flatMap { $0 }.sorted()
        let found = Self.falling(kept.map { pairs.scores[Int($0)] }).prefix(max(limit ?? Int.max, 0))
            .map { Int(kept[Int($0)]) }
        return ClassDetections(
            rows: found.map { Int64(pairs.rows[$0]) }, classes: found.map { Int64(pairs.classes[$0]) },
            scores: found.map { pairs.scores[$0] })
    }

    /// The numbers of the pairs that take part, in a list for each class that has some, best first.
    private static func candidates(_ pairs: ScoredPairs, count: Int) -> [[Int32]] {
        var lists = pairs.byClass
        lists.withUnsafeMutableBufferPointer { lists in
            let shared = Unchecked(lists)
            Runtime.parallel(0..<lists.count) { range in
                for list in range {
                    let some = shared.value[list]
                    shared.value[list] = falling(some.map { pairs.scores[Int($0)] }).prefix(max(count, 0))
                        .map { some[Int($0)] }
                }
            }
        }
        return lists
    }

    /// The pairs of each list that stay.
    /// - Parameter rows: The row of each pair.
    private func suppressed(
        _ lists: [[Int32]], rows: [Int32], boxes: [Float], rowCount: Int, limit: Int, largestTable: Int
    ) -> [[Int32]] {
        var takesPart = [Bool](repeating: false, count: rowCount)
        for list in lists { for pair in list { takesPart[Int(rows[Int(pair)])] = true } }
        let participants = takesPart.indices.filter { takesPart[$0] }
        var columns = BoxColumns(capacity: participants.count)
        var number = [Int32](repeating: 0, count: takesPart.count)
        for (place, row) in participants.enumerated() {
            columns.set(place, boxes, row)
            number[row] = Int32(place)
        }
        var kept = [[Int32]](repeating: [], count: lists.count)
        let isShared = participants.count <= largestTable
        let words = isShared ? (participants.count + 63) / 64 : 0
        var bits = [UInt64](repeating: 0, count: words * participants.count)
        let (threshold, inclusive, count) = (floatThreshold, includesThreshold, participants.count)
        columns.withPointers { shared in
            bits.withUnsafeMutableBufferPointer { bits in
                kept.withUnsafeMutableBufferPointer { kept in
                    let pointers = Unchecked((shared, bits.baseAddress, kept))
                    if isShared {
                        Runtime.parallel(0..<count, grain: 64) { range in
                            let (shared, bits, _) = pointers.value
                            ck_overlap_bits(
                                shared, Int64(count), threshold, inclusive, bits, Int64(words),
                                Int64(range.lowerBound), Int64(range.upperBound))
                        }
                    }
                    let number = number
                    Runtime.parallel(0..<lists.count) { range in
                        let (_, bits, kept) = pointers.value
                        for column in range where !lists[column].isEmpty {
                            let list = lists[column]
                            guard isShared else {
                                kept[column] = alone(list, rows: rows, boxes: boxes, limit: limit)
                                continue
                            }
                            let order = list.map { number[Int(rows[Int($0)])] }
                            var places = [Int32](repeating: 0, count: list.count)
                            var scratch = [UInt64](repeating: 0, count: words)
                            let stay = ck_suppress_with_bits(
                                bits, Int64(words), order, Int64(order.count), Int64(limit), &places, &scratch
                            )
                            kept[column] = places.prefix(Int(stay)).map { list[Int($0)] }
                        }
                    }
                }
            }
        }
        return kept
    }

    /// One list without the table.
    private func alone(_ list: [Int32], rows: [Int32], boxes: [Float], limit: Int) -> [Int32] {
        var columns = BoxColumns(capacity: list.count)
        for (place, pair) in list.enumerated() { columns.set(place, boxes, Int(rows[Int(pair)])) }
        var keep = [UInt8](repeating: 0, count: list.count)
        var scratch = [UInt16](repeating: 0, count: (list.count + 15) / 16)
        columns.withPointers { boxes in
            ck_suppress(
                boxes, Int64(list.count), floatThreshold, includesThreshold, Int64(limit), &scratch, &keep)
        }
        return zip(list, keep).compactMap { $1 != 0 ? $0 : nil }
    }
}
