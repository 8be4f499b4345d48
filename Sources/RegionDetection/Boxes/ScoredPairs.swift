import Torch

/// Scores of pairs of a box and a class: of R boxes and K classes, only the relevant pairs.
///
/// A vocabulary may have 20,000 names, of which a box resembles a few; the cost of working on pairs depends only on
/// these.
///
/// Classifiers produce pairs in ascending order of rows and, within a row, of classes. Suppression consumes these and
/// returns the kept ones in descending order of scores.
public struct ScoredPairs: Sendable, Hashable {
    /// The row of each pair's box.
    public let rows: [Int32]

    /// The class of each pair.
    public let classes: [Int32]

    /// The scores, without NaN.
    public let scores: [Float]

    /// The number R of boxes.
    public let rowCount: Int

    /// The number K of classes.
    public let classCount: Int

    /// Creates pairs of R boxes and K classes.
    package init(rows: [Int32], classes: [Int32], scores: [Float], rowCount: Int, classCount: Int) {
        self.rows = rows
        self.classes = classes
        self.scores = scores
        self.rowCount = rowCount
        self.classCount = classCount
    }

    /// Creates pairs from the entries of a table that are above a threshold.
    /// - Parameters:
    ///   - table: [R, K].
    ///   - threshold: Entries must be above it.
    /// - Throws: ``DetectionError`` if a score is NaN or the table has a different shape; `TorchError`.
    public init(_ table: Tensor, above threshold: Double) throws {
        guard table.rank == 2, table.shape.allSatisfy({ $0 <= Int32.max }) else {
            throw DetectionError("scores", "a table must be [R, K], not \(table.summary)")
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

    /// The error for a score that is NaN.
    package static let overflow = DetectionError(
        "suppression", "a score is NaN: the network's numbers have overflowed")

    /// The indices of the pairs of every class that has any, in their order.
    ///
    /// A counting sort: apart from one counter per class, the time depends only on the number of pairs.
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
