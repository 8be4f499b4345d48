internal import CKernels

extension NonMaximumSuppression {
    /// The maximum number of boxes whose overlaps are stored as a bit table (8 MB).
    private static let largestTable = 8192

    /// Suppression within each class among boxes shared by all classes (class-agnostic regression).
    ///
    /// The overlaps are computed once for all classes. The result equals that of class-by-class suppression.
    /// - Parameters:
    ///   - boxes: [R].
    ///   - scores: [R, K]; the columns are classes, without a background.
    ///   - scoreThreshold: Pairs scoring at or below this are dropped.
    ///   - candidates: The number of best pairs of each class that take part.
    ///   - limitPerClass: The maximum number of boxes kept per class.
    ///   - limit: The maximum number of pairs kept in total.
    /// - Returns: The kept pairs, best first; equal scores by row, then by class, as in detectron2's
    ///   `fast_rcnn_inference`.
    /// - Throws: ``DetectionError`` for boxes or scores that are not finite or do not fit each other.
    public func perClass(
        _ boxes: Boxes, scores: Tensor, scoreThreshold: Double, candidates: Int? = nil,
        limitPerClass: Int? = nil, limit: Int? = nil
    ) throws -> ScoredPairs {
        try perClass(
            boxes, scores: scores, scoreThreshold: scoreThreshold, candidates: candidates,
            limitPerClass: limitPerClass, limit: limit, largestTable: Self.largestTable)
    }

    func perClass(
        _ boxes: Boxes, scores: Tensor, scoreThreshold: Double, candidates: Int?, limitPerClass: Int?,
        limit: Int?, largestTable: Int
    ) throws -> ScoredPairs {
        guard scores.rank == 2, scores.shape[0] == boxes.count else {
            throw DetectionError(
                "suppression", "\(boxes.count) boxes need scores [R, K], not \(scores.summary)")
        }
        return try perClass(
            boxes, pairs: ScoredPairs(scores, above: scoreThreshold), candidates: candidates,
            limitPerClass: limitPerClass, limit: limit, largestTable: largestTable)
    }

    /// Same as ``perClass(_:scores:scoreThreshold:candidates:limitPerClass:limit:)`` for pairs above a threshold; the
    /// time grows with the number of pairs, not of classes.
    public func perClass(
        _ boxes: Boxes, pairs: ScoredPairs, candidates: Int? = nil, limitPerClass: Int? = nil,
        limit: Int? = nil
    ) throws -> ScoredPairs {
        try perClass(
            boxes, pairs: pairs, candidates: candidates, limitPerClass: limitPerClass, limit: limit,
            largestTable: Self.largestTable)
    }

    private func perClass(
        _ boxes: Boxes, pairs: ScoredPairs, candidates: Int?, limitPerClass: Int?, limit: Int?,
        largestTable: Int
    ) throws -> ScoredPairs {
        guard pairs.rowCount == boxes.count else {
            throw DetectionError(
                "suppression", "\(boxes.count) boxes have scores of \(pairs.rowCount) boxes")
        }
        let numbers = try boxes.finiteArray(for: "suppression")
        let lists = try Self.candidates(pairs, count: candidates ?? Int.max)
        // Row by row, so that sorting, which is stable, gives the documented order.
        let kept = try suppressed(
            lists, rows: pairs.rows, boxes: numbers, rowCount: boxes.count, limit: limitPerClass ?? Int.max,
            largestTable: largestTable
        ).flatMap { $0 }.sorted()
        let found = Self.falling(kept.map { pairs.scores[Int($0)] }).prefix(max(limit ?? Int.max, 0))
            .map { Int(kept[Int($0)]) }
        return ScoredPairs(
            rows: found.map { pairs.rows[$0] }, classes: found.map { pairs.classes[$0] },
            scores: found.map { pairs.scores[$0] }, rowCount: pairs.rowCount, classCount: pairs.classCount)
    }

    /// The indices of the pairs that take part, one list per class that has any, best first.
    private static func candidates(_ pairs: ScoredPairs, count: Int) throws -> [[Int32]] {
        let lists = pairs.byClass
        return try Kernel.map(rows: lists.count) { range in
            range.map { list in
                let some = lists[list]
                return falling(some.map { pairs.scores[Int($0)] }).prefix(max(count, 0)).map { some[Int($0)] }
            }
        }
    }

    /// The kept pairs of each list.
    /// - Parameter rows: The row of each pair.
    private func suppressed(
        _ lists: [[Int32]], rows: [Int32], boxes: [Float], rowCount: Int, limit: Int, largestTable: Int
    ) throws -> [[Int32]] {
        var takesPart = [Bool](repeating: false, count: rowCount)
        for list in lists { for pair in list { takesPart[Int(rows[Int(pair)])] = true } }
        let participants = takesPart.indices.filter { takesPart[$0] }
        guard participants.count <= largestTable else {
            return try Kernel.map(rows: lists.count) { range in
                range.map { alone(lists[$0], rows: rows, boxes: boxes, limit: limit) }
            }
        }
        return try Kernel.call { memory in
            let columns = BoxColumns(capacity: participants.count, in: memory)
            var number = [Int32](repeating: 0, count: rowCount)
            for (place, row) in participants.enumerated() {
                columns.set(place, boxes, row)
                number[row] = Int32(place)
            }
            let (count, words) = (participants.count, (participants.count + 63) / 64)
            let bits = memory.zeros(words * count, of: UInt64.self)
            try Kernel.run(rows: count, grain: 64) { begin, end in
                ck_overlap_bits(
                    columns.boxes(), Int64(count), floatThreshold, includesThreshold, bits, Int64(words),
                    begin, end)
            }
            return try Kernel.map(rows: lists.count) { range in
                range.map { column in
                    let list = lists[column]
                    let order = list.map { number[Int(rows[Int($0)])] }
                    var places = [Int32](repeating: 0, count: list.count)
                    var scratch = [UInt64](repeating: 0, count: words)
                    let stay = ck_suppress_with_bits(
                        bits, Int64(words), order, Int64(order.count), Int64(limit), &places, &scratch)
                    return places.prefix(Int(stay)).map { list[Int($0)] }
                }
            }
        }
    }

    /// The kept pairs of one list, without a table of overlaps.
    private func alone(_ list: [Int32], rows: [Int32], boxes: [Float], limit: Int) -> [Int32] {
        Kernel.call { memory in
            let columns = BoxColumns(capacity: list.count, in: memory)
            for (place, pair) in list.enumerated() { columns.set(place, boxes, Int(rows[Int(pair)])) }
            var keep = [UInt8](repeating: 0, count: list.count)
            var scratch = [UInt16](repeating: 0, count: (list.count + 15) / 16)
            ck_suppress(
                columns.boxes(), Int64(list.count), floatThreshold, includesThreshold, Int64(limit), &scratch,
                &keep)
            return zip(list, keep).compactMap { $1 != 0 ? $0 : nil }
        }
    }
}
