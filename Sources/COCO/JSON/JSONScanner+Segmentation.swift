extension JSONScanner {
    /// A box `[x, y, width, height]`; nil for an empty list.
    @inline(__always)
    mutating func box() throws -> BoundingBox? {
        guard try beginList() else { return nil }
        var values = (0.0, 0.0, 0.0, 0.0)
        _ = peek()
        values.0 = try number()
        try nextOfBox()
        _ = peek()
        values.1 = try number()
        try nextOfBox()
        _ = peek()
        values.2 = try number()
        try nextOfBox()
        _ = peek()
        values.3 = try number()
        guard take("]") else { throw boxFailure() }
        return BoundingBox(x: values.0, y: values.1, width: values.2, height: values.3)
    }

    /// Consumes the comma between two numbers of a box.
    @inline(__always)
    private mutating func nextOfBox() throws {
        guard take(",") else { throw boxFailure() }
    }

    private func boxFailure() -> Failure {
        failure("a box must be 4 numbers, x, y, width and height, separated by commas; found \(found)")
    }

    /// Reads a segmentation of any kind and adds it as a row of `column`.
    ///
    /// An empty value (`null`, `[]`, `[[]]`, `{}`, `""`) comes from tools without a mask and means a missing mask, not
    /// an empty one.
    mutating func segmentation(into column: inout SegmentationColumn) throws {
        switch peek() {
        case UInt8(ascii: "["): try polygons(into: &column)
        case UInt8(ascii: "\"") where take(word: "\"\""): column.appendNone()
        case UInt8(ascii: "{"): try runLengths(into: &column)
        case UInt8(ascii: "n") where take(word: "null"): column.appendNone()
        default:
            throw failure("polygons (a list of lists) or run lengths (an object) are needed, found \(found)")
        }
    }

    private mutating func polygons(into column: inout SegmentationColumn) throws {
        let firstRing = column.ringEnds.count
        if try beginList() {
            repeat {
                guard peek() == UInt8(ascii: "[") else {
                    throw failure(
                        "a polygon must be a list of numbers inside the list of polygons, found \(found)")
                }
                let before = column.coordinates.count
                try numbers(into: &column.coordinates)
                let count = column.coordinates.count - before
                if count % 2 != 0 {
                    let failure = failure("a polygon of \(count) numbers; pairs of x and y are needed")
                    guard isTolerant else { throw failure }
                    oddPolygon = failure
                }
                column.ringEnds.append(column.coordinates.count)
            } while try continueList()
        }
        guard column.ringEnds.last ?? 0 > (firstRing == 0 ? 0 : column.ringEnds[firstRing - 1]) else {
            column.ringEnds.removeLast(column.ringEnds.count - firstRing)
            column.appendNone()
            return
        }
        column.rows.append(
            SegmentationColumn.Row(
                start: firstRing, count: column.ringEnds.count - firstRing, kind: .polygons))
    }

    /// A list of numbers.
    private mutating func numbers(into target: inout [Double]) throws {
        guard try beginList() else { return }
        // Numbers are collected in a small buffer: appending them to the array one by one costs as much as parsing.
        try withUnsafeTemporaryAllocation(of: Double.self, capacity: 256) { buffer in
            var count = 0
            defer { target.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[..<count])) }
            while true {
                _ = peek()
                buffer[count] = try number()
                count += 1
                if count == buffer.count {
                    target.append(contentsOf: UnsafeBufferPointer(buffer))
                    count = 0
                }
                if try !continueList() { break }
            }
        }
    }

    /// `{"size": [height, width], "counts": [...] or "..."}`
    private mutating func runLengths(into column: inout SegmentationColumn) throws {
        var fields = JSONFields(["size", "counts"])
        var size: (height: Int32, width: Int32) = (0, 0)
        var row = SegmentationColumn.Row()
        guard try beginObject() else {
            column.appendNone()
            return
        }
        repeat {
            switch try fields.next(&self) {
            case 0: size = try maskSize()
            case 1:
                if peek() == UInt8(ascii: "[") {
                    row.kind = .runLengths
                    row.start = column.counts.count
                    try runs(into: &column.counts)
                    row.count = column.counts.count - row.start
                } else if peek() == UInt8(ascii: "\"") {
                    if take(word: "\"b'") {
                        throw failure(
                            "\"counts\" is the text of Python's bytes, b'...'; write counts.decode() instead")
                    }
                    row.kind = .compressedRunLengths
                    row.start = column.characters.count
                    try appendString(to: &column.characters)
                    row.count = column.characters.count - row.start
                } else {
                    throw failure("\"counts\" must be a list of run lengths or a string, found \(found)")
                }
            default: try skipValue()
            }
        } while try continueObject()
        try fields.require(0, self)
        try fields.require(1, self)
        (row.height, row.width) = size
        column.rows.append(row)
    }

    private mutating func maskSize() throws -> (height: Int32, width: Int32) {
        guard try beginList() else { throw failure("\"size\" must be a list of height and width") }
        let height = try dimension()
        guard take(",") else { throw failure("\"size\" must be a list of height and width; ',' expected") }
        let width = try dimension()
        guard take("]") else { throw failure("\"size\" must be a list of height and width; ']' expected") }
        return (height, width)
    }

    /// A number of pixels.
    mutating func dimension() throws -> Int32 {
        _ = peek()
        let position = cursor
        let value = try integer()
        guard let result = Int32(exactly: value), result >= 0 else {
            cursor = position
            throw failure("\(value) is not a number of pixels")
        }
        return result
    }

    private mutating func runs(into target: inout [UInt32]) throws {
        guard try beginList() else { return }
        repeat {
            _ = peek()
            let position = cursor
            let value = try integer()
            guard let run = UInt32(exactly: value) else {
                cursor = position
                throw failure("\(value) is not a run length")
            }
            target.append(run)
        } while try continueList()
    }
}
