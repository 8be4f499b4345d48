import Support

extension DetectionTable {
    /// Reads a result file: a list of objects with `image_id`, `category_id`, `score`, and `bbox` or `segmentation` or
    /// both.
    ///
    /// Unknown fields are skipped. Coordinates are pixels of the image.
    ///
    /// - Parameter path: The file; `-` for standard input. The file must not change while it is read.
    /// - Throws: ``AnnotationFileError`` with the line, the column and the affected image.
    public init(contentsOf path: String) throws {
        let file = try FileBytes(annotations: path)
        self = try withExtendedLifetime(file) {
            try FileReader.read(file.bytes, name: path, file: file) { try $0.detections() }
        }
    }

    /// Reads a result file in memory.
    ///
    /// - Parameters:
    ///   - bytes: The JSON text, in UTF-8.
    ///   - name: The file's name in messages.
    /// - Throws: ``AnnotationFileError``.
    public init(json bytes: UnsafeRawBufferPointer, name: String = "JSON") throws {
        self = try FileReader.read(bytes, name: name) { try $0.detections() }
    }
}

extension FileReader {
    fileprivate mutating func detections() throws -> DetectionTable {
        var table = DetectionTable()
        guard scanner.peek() == UInt8(ascii: "[") else {
            throw scanner.failure(
                "a result file must be a list of detections; this is an object, like an annotation file")
        }
        table.reserve(forFileOf: scanner.end - scanner.start)
        var fields = JSONFields(["image_id", "category_id", "bbox", "score", "segmentation"])
        try list(of: "detection", idKey: "image_id") { scanner in
            fields.reset()
            var (imageID, categoryID): (Int64, Int64) = (0, 0)
            var score = 0.0
            var box: BoundingBox?
            if try scanner.beginObject() {
                repeat {
                    switch try fields.next(&scanner) {
                    case 0: imageID = try scanner.identifier()
                    case 1: categoryID = try scanner.identifier()
                    case 2: if !scanner.takeNull() { box = try scanner.box() }
                    case 3: score = try scanner.number()
                    case 4: try scanner.segmentation(into: &table.segmentations)
                    default: try scanner.skipValue()
                    }
                } while try scanner.continueObject()
            }
            try fields.require(0, scanner)
            try fields.require(1, scanner)
            try fields.require(3, scanner)
            if !fields.has(4) { table.segmentations.appendNone() }
            if box == nil, table.segmentations.kind(table.count) == .none {
                throw scanner.failure("neither \"bbox\" nor \"segmentation\"; one of them is needed")
            }
            table.appendColumns(imageID: imageID, categoryID: categoryID, score: score, box: box)
        }
        try scanner.expectEnd()
        return table
    }
}
