import Testing

@testable import COCO

@Suite struct ColumnsTests {
    /// Lists are kept in 32 bits until an id does not fit.
    @Test(arguments: [nil, 0, 1, 2] as [Int?]) func idsOfAnySizeAreKept(wideRow: Int?) {
        var lists: [[Int64]?] = [[3, -1], nil, [], [7, 8, .init(Int32.max), .init(Int32.min)], [5]]
        if let wideRow { lists.insert([4, Int64(Int32.max) + 1, .min, 9], at: wideRow) }
        var column = IDListColumn()
        #expect(!column.hasLists)
        for list in lists { column.append(list) }
        #expect(column.hasLists)
        #expect(lists.indices.map { column[$0] } == lists)
    }

    /// Rows share equal texts; of many different ones some are held for each row.
    @Test(arguments: [1, 2, 300, 1_000]) func textsOfRowsAreTheirs(distinct: Int) {
        var column = SparseTextColumn()
        #expect(column.isEmpty && column[0] == nil)
        let rows = (0..<1_000).filter { $0 % 3 != 1 }
        for row in rows { column.append("{\"é\": \(row % distinct)}", row: row) }
        #expect(Array(column.rowsWithText) == rows && column.count == rows.count)
        for row in 0..<1_000 {
            #expect(column[row] == (row % 3 == 1 ? nil : "{\"é\": \(row % distinct)}"))
        }
    }
}
