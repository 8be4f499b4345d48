import Support

/// Writes JSON text to a file in chunks, or keeps it in memory.
struct JSONWriter: ~Copyable {
    private var buffer = TextBuffer()
    private var file: AtomicFile?
    private let limit: Int

    /// - Parameter path: The file; nil keeps everything in memory.
    init(path: String?) throws {
        if let path {
            do { file = try AtomicFile(path: path) } catch { throw AnnotationFileError(error) }
        }
        limit = path == nil ? .max : 1 << 20
        if path != nil { buffer.reserve(limit + 4096) }
    }

    /// Finishes the text.
    ///
    /// - Returns: The bytes, if there is no file.
    mutating func finish() throws -> [UInt8] {
        guard file != nil else { return buffer.bytes }
        try flush()
        do { try file?.commit() } catch { throw AnnotationFileError(error) }
        return []
    }

    private mutating func flush() throws {
        do { try file?.write(buffer.bytes) } catch { throw AnnotationFileError(error) }
        buffer.clear()
    }

    /// Appends text unchanged.
    mutating func raw(_ text: StaticString) throws {
        buffer.raw(text)
        if buffer.count > limit { try flush() }
    }

    /// Appends text unchanged.
    mutating func raw(_ text: String) throws {
        buffer.raw(text)
        if buffer.count > limit { try flush() }
    }

    /// Adds an integer.
    mutating func integer(_ value: some BinaryInteger) { buffer.integer(value) }

    /// Adds a finite number with as few digits as give the same number back; whole numbers without a point.
    mutating func number(_ value: Double) { buffer.number(value) }

    /// Adds a string with quotes and escapes.
    mutating func string(_ text: String) { buffer.quoted(text) }

    /// Adds a string of UTF-8 with quotes and escapes.
    mutating func string(_ bytes: some Sequence<UInt8>) { buffer.quoted(bytes) }

    /// Appends a list; `element` writes each element.
    mutating func list<Elements: Sequence>(
        _ elements: Elements, _ element: (inout JSONWriter, Elements.Element) throws -> Void
    ) throws {
        try raw("[")
        var isFirst = true
        for value in elements {
            if !isFirst { try raw(", ") }
            isFirst = false
            try element(&self, value)
        }
        try raw("]")
    }

    /// Appends a list of `count` elements, which are written on several threads, some thousand at a time.
    mutating func list(
        ofRows count: Int, _ element: @Sendable (inout JSONWriter, Int) throws -> Void
    ) throws {
        let threads = Parallel.threadCount(0)
        let size = 4096
        try raw("[")
        for start in stride(from: 0, to: count, by: threads * size) {
            let end = min(count, start + threads * size)
            var parts = [[UInt8]](repeating: [], count: (end - start + size - 1) / size)
            try Parallel.fill(&parts, threads: threads, grain: 1, state: {}) { _, part in
                var writer = try JSONWriter(path: nil)
                for row in start + part * size..<min(end, start + (part + 1) * size) {
                    if row > 0 { try writer.raw(", ") }
                    try element(&writer, row)
                }
                return try writer.finish()
            }
            for part in parts {
                buffer.raw(part)
                if buffer.count > limit { try flush() }
            }
        }
        try raw("]")
    }

    /// Appends a box.
    mutating func box(_ box: BoundingBox) throws {
        try list([box.x, box.y, box.width, box.height]) { $0.number($1) }
    }

    /// Appends the segmentation of a row that has one.
    mutating func segmentation(_ row: Int, of column: SegmentationColumn) throws {
        let place = column.rows[row]
        let range = place.start..<place.start + place.count
        switch place.kind {
        case .none: try raw("null")
        case .polygons:
            try list(0..<place.count) { writer, ring in
                try writer.list(column.coordinates[column.ring(ring, ofRow: row)]) { $0.number($1) }
            }
        case .runLengths, .compressedRunLengths:
            try raw("{\"size\": [")
            integer(place.height)
            try raw(", ")
            integer(place.width)
            try raw("], \"counts\": ")
            if place.kind == .runLengths {
                try list(column.counts[range]) { $0.integer($1) }
            } else {
                string(column.characters[range])
            }
            try raw("}")
        }
    }
}
