/// Pairs of rows and columns with the least total cost, each row and each column in at most one pair: the linear sum assignment
/// problem, solved by shortest augmenting paths (Crouse, "On implementing 2D rectangular assignment algorithms", IEEE TAES
/// 2016).
///
/// As many pairs are made as the shorter side has members, whatever they cost.
package enum OptimalAssignment {
    /// - Parameters:
    ///   - costs: Row-major, finite.
    ///   - rows: The number of rows.
    ///   - columns: The number of columns.
    /// - Returns: The pairs in order of row.
    package static func pairs(costs: [Double], rows: Int, columns: Int) -> [(row: Int, column: Int)] {
        precondition(costs.count == rows * columns, "a matrix of costs has rows times columns elements")
        guard rows > 0, columns > 0 else { return [] }
        guard rows <= columns else {
            var transposed = [Double](repeating: 0, count: costs.count)
            for row in 0..<rows {
                for column in 0..<columns { transposed[column * rows + row] = costs[row * columns + column] }
            }
            return pairs(costs: transposed, rows: columns, columns: rows)
                .map { (row: $0.column, column: $0.row) }.sorted { $0.row < $1.row }
        }
        var solver = Solver(costs: costs, rows: rows, columns: columns)
        for row in 0..<rows { solver.augment(row) }
        return solver.columnOfRow.enumerated().map { (row: $0, column: $1) }
    }

    private struct Solver {
        let costs: [Double]
        let columns: Int
        var rowPotentials: [Double]
        var columnPotentials: [Double]
        var columnOfRow: [Int]
        var rowOfColumn: [Int]
        var shortest: [Double]
        var previous: [Int]
        var isScannedRow: [Bool]
        var isScannedColumn: [Bool]
        var remaining: [Int] = []

        init(costs: [Double], rows: Int, columns: Int) {
            self.costs = costs
            self.columns = columns
            rowPotentials = Array(repeating: 0, count: rows)
            columnPotentials = Array(repeating: 0, count: columns)
            columnOfRow = Array(repeating: -1, count: rows)
            rowOfColumn = Array(repeating: -1, count: columns)
            shortest = Array(repeating: .infinity, count: columns)
            previous = Array(repeating: -1, count: columns)
            isScannedRow = Array(repeating: false, count: rows)
            isScannedColumn = Array(repeating: false, count: columns)
        }

        /// Finds the cheapest way to give `start` a column, moving rows that have one.
        mutating func augment(_ start: Int) {
            for index in 0..<columns {
                shortest[index] = .infinity
                isScannedColumn[index] = false
            }
            for index in isScannedRow.indices { isScannedRow[index] = false }
            // From the last, so that equal costs are met in the order of columns.
            remaining = (0..<columns).reversed()
            var least = 0.0
            var row = start
            var sink = -1
            while sink < 0 {
                isScannedRow[row] = true
                var best = -1
                var lowest = Double.infinity
                for (position, column) in remaining.enumerated() {
                    let reduced =
                        least + costs[row * columns + column] - rowPotentials[row] - columnPotentials[column]
                    if reduced < shortest[column] {
                        previous[column] = row
                        shortest[column] = reduced
                    }
                    // A free column ends the path: of equal ones it is the better.
                    if shortest[column] < lowest || shortest[column] == lowest && rowOfColumn[column] < 0 {
                        lowest = shortest[column]
                        best = position
                    }
                }
                least = lowest
                let column = remaining[best]
                if rowOfColumn[column] < 0 { sink = column } else { row = rowOfColumn[column] }
                isScannedColumn[column] = true
                remaining.swapAt(best, remaining.count - 1)
                remaining.removeLast()
            }
            rowPotentials[start] += least
            for index in isScannedRow.indices where isScannedRow[index] && index != start {
                rowPotentials[index] += least - shortest[columnOfRow[index]]
            }
            for index in 0..<columns where isScannedColumn[index] {
                columnPotentials[index] -= least - shortest[index]
            }
            var column = sink
            while true {
                let row = previous[column]
                rowOfColumn[column] = row
                (columnOfRow[row], column) = (column, columnOfRow[row])
                if row == start { break }
            }
        }
    }
}
