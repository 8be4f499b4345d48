/// Reads the objects of the list `annotations`.
struct AnnotationReader {
    /// What could not be read; filled in tolerant reading alone.
    private(set) var faults: [FaultPlace] = []

    private var fields = JSONFields([
        "segmentation", "area", "iscrowd", "image_id", "bbox", "category_id", "id", "ignore", "attributes",
    ])
    private var index = 0

    /// Reads an object and adds it as a row.
    ///
    /// - Throws: ``JSONScanner/Failure``; in tolerant reading for text that is no JSON alone.
    @inline(__always)
    mutating func read(_ scanner: inout JSONScanner, into table: inout AnnotationTable) throws {
        if scanner.isTolerant {
            try readTolerantly(&scanner, into: &table)
        } else {
            try readObject(&scanner, into: &table)
        }
    }

    private mutating func readTolerantly(
        _ scanner: inout JSONScanner, into table: inout AnnotationTable
    ) throws {
        let (start, mark, count) = (scanner.cursor, table.segmentations.mark, faults.count)
        do {
            try readObject(&scanner, into: &table)
        } catch let failure as JSONScanner.Failure {
            try step(over: start, after: failure, &scanner)
            table.segmentations.removeAll(since: mark)
            faults.removeLast(faults.count - count)
            add(.annotation, failure, row: table.count)
        }
        for place in count..<faults.count { faults[place].start = start - scanner.start }
        index += 1
    }

    /// Goes on behind the value at `value`, which failed, if it is JSON.
    private func step(
        over value: UnsafePointer<UInt8>, after failure: JSONScanner.Failure, _ scanner: inout JSONScanner
    ) throws {
        scanner.cursor = value
        do { try scanner.skipValue() } catch { throw failure }
        scanner.oddPolygon = nil
    }

    private mutating func add(
        _ loss: RecordFault.Loss, _ failure: JSONScanner.Failure, row: Int
    ) {
        faults.append(FaultPlace(loss: loss, row: row, index: index, start: 0, failure: failure))
    }

    private mutating func segmentation(
        _ scanner: inout JSONScanner, into table: inout AnnotationTable
    ) throws {
        let (start, mark) = (scanner.cursor, table.segmentations.mark)
        do {
            try scanner.segmentation(into: &table.segmentations)
        } catch let failure as JSONScanner.Failure {
            try step(over: start, after: failure, &scanner)
            table.segmentations.removeAll(since: mark)
            table.segmentations.appendNone()
            add(.segmentation, failure, row: table.count)
        }
        if let odd = scanner.oddPolygon { add(.unpairedNumber, odd, row: table.count) }
        scanner.oddPolygon = nil
    }

    @inline(__always)
    private mutating func readObject(
        _ scanner: inout JSONScanner, into table: inout AnnotationTable
    ) throws {
        fields.reset()
        var (id, imageID, categoryID): (Int64, Int64, Int64) = (0, 0, 0)
        var box: BoundingBox?
        var area: Double?
        var flags: AnnotationTable.Flags = []
        var attributes: String?
        if try scanner.beginObject() {
            repeat {
                switch try fields.next(&scanner) {
                case 0 where scanner.isTolerant: try segmentation(&scanner, into: &table)
                case 0: try scanner.segmentation(into: &table.segmentations)
                case 1: if !scanner.takeNull() { area = try scanner.number() }
                case 2: if try scanner.flag() { flags.insert(.isCrowd) }
                case 3: imageID = try scanner.identifier()
                case 4: if !scanner.takeNull() { box = try scanner.box() }
                case 5: categoryID = try scanner.identifier()
                case 6: id = try scanner.identifier()
                case 7: if try scanner.flag() { flags.insert(.isIgnored) }
                case 8:
                    // An empty object, which some tools write for every annotation, says nothing.
                    let isObject = scanner.peek() == UInt8(ascii: "{")
                    let text = try scanner.rawValue()
                    attributes = isObject && text.utf8.count > 2 ? text : nil
                default: try scanner.skipValue()
                }
            } while try scanner.continueObject()
        }
        try fields.require(6, scanner)
        try fields.require(3, scanner)
        try fields.require(5, scanner)
        if !fields.has(0) { table.segmentations.appendNone() }
        if box != nil { flags.insert(.hasBox) }
        if area != nil { flags.insert(.hasArea) }
        if let attributes { table.attributes.append(attributes, row: table.count) }
        table.appendColumns(
            id: id, imageID: imageID, categoryID: categoryID, box: box, area: area, flags: flags)
    }
}
