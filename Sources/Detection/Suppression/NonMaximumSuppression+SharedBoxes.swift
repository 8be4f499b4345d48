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
        let (rows, classes) = (scores.shape[0], scores.shape[1])
        let table: [Float] = try scores.array()
        guard !table.contains(where: \.isNaN) else {
            throw DetectionError("suppression", "a score is NaN: the network's numbers have overflowed")
        }
        let numbers = try boxes.finiteArray(for: "suppression")
        let lists = Self.candidates(
            table, rows: rows, classes: classes, above: Float(scoreThreshold), count: candidates ?? Int.max)
        var takesPart = [Bool](repeating: false, count: rows)
        for list in lists { for row in list { takesPart[Int(row)] = true } }
        let kept = suppressed(
            lists, boxes: numbers, takesPart: takesPart, limit: limitPerClass ?? Int.max,
            largestTable: largestTable)
        // Row by row, so that ordering, which leaves equal scores alone, gives the order that is promised.
        var stays = [Bool](repeating: false, count: table.count)
        for (column, list) in kept.enumerated() {
            for row in list { stays[Int(row) * classes + column] = true }
        }
        let places = stays.indices.filter { stays[$0] }
        let found = Self.falling(places.map { table[$0] }).prefix(max(limit ?? Int.max, 0))
            .map { places[Int($0)] }
        return ClassDetections(
            rows: found.map { Int64($0 / classes) }, classes: found.map { Int64($0 % classes) },
            scores: found.map { table[$0] })
    }

    /// The rows that take part in each class, best first.
    private static func candidates(
        _ table: [Float], rows: Int, classes: Int, above lowest: Float, count: Int
    ) -> [[Int32]] {
        var lists = [[Int32]](repeating: [], count: classes)
        lists.withUnsafeMutableBufferPointer { lists in
            let shared = Unchecked(lists)
            Runtime.parallel(0..<classes) { range in
                for column in range {
                    var (some, scores): ([Int32], [Float]) = ([], [])
                    for row in 0..<rows where table[row * classes + column] > lowest {
                        some.append(Int32(row))
                        scores.append(table[row * classes + column])
                    }
                    shared.value[column] = falling(scores).prefix(max(count, 0)).map { some[Int($0)] }
                }
            }
        }
        return lists
    }

    /// The rows of each list that stay.
    private func suppressed(
        _ lists: [[Int32]], boxes: [Float], takesPart: [Bool], limit: Int, largestTable: Int
    )
        -> [[Int32]]
    {
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
                                kept[column] = alone(list, boxes: boxes, limit: limit)
                                continue
                            }
                            let order = list.map { number[Int($0)] }
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
    private func alone(_ list: [Int32], boxes: [Float], limit: Int) -> [Int32] {
        var columns = BoxColumns(capacity: list.count)
        for (place, row) in list.enumerated() { columns.set(place, boxes, Int(row)) }
        var keep = [UInt8](repeating: 0, count: list.count)
        var scratch = [UInt16](repeating: 0, count: (list.count + 15) / 16)
        columns.withPointers { boxes in
            ck_suppress(
                boxes, Int64(list.count), floatThreshold, includesThreshold, Int64(limit), &scratch, &keep)
        }
        return zip(list, keep).compactMap { $1 != 0 ? $0 : nil }
    }
}
