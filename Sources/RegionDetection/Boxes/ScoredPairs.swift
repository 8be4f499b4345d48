import Torch

/// Scores of pairs of a box and a class: of R boxes and K classes only the pairs that count for something.
///
/// A vocabulary may have 20,000 names, of which a box resembles a few; work on pairs takes time for these alone.
///
/// Classifiers give pairs in rising order of rows and, within a row, of classes. Suppression takes these, and gives the
/// ones that stay in falling order of scores.
public struct ScoredPairs: Sendable, Hashable {
    /// The row of each pair's box.
    public let rows: [Int32]

    /// The class of each pair.
    public let classes: [Int32]

    /// The scores, none of them NaN.
    public let scores: [Float]

    /// R.
    public let rowCount: Int

    /// K.
    public let classCount: Int

    /// Pairs of R boxes and K classes.
    package init(rows: [Int32], classes: [Int32], scores: [Float], rowCount: Int, classCount: Int) {
        self.rows = rows
        self.classes = classes
        self.scores = scores
        self.rowCount = rowCount
        self.classCount = classCount
    }

    /// The pairs of a table whose score is above a threshold.
    /// - Parameter table: [R, K].
    /// - Throws: ``DetectionError`` when a score is NaN or the table has another form; `TorchError`.
    public init(_ table: Tensor, above threshold: Double) throws {
        guard table.rank == 2, table.shape.allSatisfy({ $0 <= Int32.max }) else {
            throw DetectionError("scores", "a table is [R, K], not \(table.summary)")
        }
        let (rowCount, classCount) = (table.shape[0], table.shape[1])
        let lowest = Float(threshold)
        var (rows, classes, scores): ([Int32], [Int32], [Float]) = ([], [], [])
        let numbers: [Float] = try table.array()
        for row in 0..<rowCount {
            for column in 0..<classCount {
                let score = numbers[row * classCount + column]
                guard !score.isNaN else { throw Self.overflow }
                guard score > lowest else { continue }
                rows.append(Int32(row))
                classes.append(Int32(column))
                scores.append(score)
            }
        }
        self.init(rows: rows, classes: classes, scores: scores, rowCount: rowCount, classCount: classCount)
    }

    /// A score that is no number.
    package static let overflow = DetectionError(
        "suppression", "a score is NaN: the network's numbers have overflowed")

    /// The numbers of the pairs of every class that has some, in their order.
    ///
    /// By counting: but for an empty counter a class the time is that of the pairs.
    var byClass: [[Int32]] {
        var counts = [Int32](repeating: 0, count: classCount)
        for column in classes { counts[Int(column)] += 1 }
        var (places, groups): ([Int32], [[Int32]]) = (counts, [])
        for column in counts.indices where counts[column] > 0 {
            places[column] = Int32(groups.count)
            var group: [Int32] = []
            group.reserveCapacity(Int(counts[column]))
            groups.append(group)
        }
        for (number, column) in classes.enumerated() {
            groups[Int(places[Int(column)])].append(Int32(number))
        }
        return groups
    }
}
