import Support

/// Writes JSON text to a file in chunks, or keeps it in memory.
struct JSONWriter: ~Copyable {
    private var buffer: [UInt8] = []
    private var file: AtomicFile?
    private let limit: Int

    /// - Parameter path: The file; nil keeps everything in memory.
    init(path: String?) throws {
        if let path {
            do { file = try AtomicFile(path: path) } catch { throw AnnotationFileError(error) }
        }
        limit = path == nil ? .max : 1 << 20
        if path != nil { buffer.reserveCapacity(limit + 4096) }
    }

    /// Finishes the text.
    ///
    /// - Returns: The bytes, if there is no file.
    mutating func finish() throws -> [UInt8] {
        guard file != nil else { return buffer }
        try flush()
        do { try file?.commit() } catch { throw AnnotationFileError(error) }
        return []
    }

    private mutating func flush() throws {
        do { try file?.write(buffer) } catch { throw AnnotationFileError(error) }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Appends text unchanged.
    mutating func raw(_ text: StaticString) throws {
        buffer.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        if buffer.count > limit { try flush() }
    }

    /// Appends text unchanged.
    mutating func raw(_ text: String) throws {
        buffer.append(contentsOf: text.utf8)
        if buffer.count > limit { try flush() }
    }

    /// Appends an integer.
    mutating func integer(_ value: some BinaryInteger) {
        var digits: (UInt64, Int) = (UInt64(value.magnitude), 0)
        if value < 0 { buffer.append(UInt8(ascii: "-")) }
        let start = buffer.count
        repeat {
            buffer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digits.0 % 10))
            digits.0 /= 10
        } while digits.0 > 0
        buffer[start...].reverse()
    }

    /// Appends a finite number with the fewest digits that round-trip; whole numbers without a point.
    mutating func number(_ value: Double) {
        // Most coordinates have at most two decimals, which needs no search for the shortest digits.
        let hundredths = value * 100
        if hundredths.magnitude < 1e15, hundredths == hundredths.rounded(), value != 0 || value.sign == .plus,
            Double(Int64(hundredths)) / 100 == value
        {
            let scaled = Int64(hundredths)
            if scaled < 0 { buffer.append(UInt8(ascii: "-")) }
            integer(scaled.magnitude / 100)
            let fraction = UInt8(truncatingIfNeeded: scaled.magnitude % 100)
            guard fraction != 0 else { return }
            buffer.append(UInt8(ascii: "."))
            buffer.append(UInt8(ascii: "0") + fraction / 10)
            if fraction % 10 != 0 { buffer.append(UInt8(ascii: "0") + fraction % 10) }
            return
        }
        var text = "\(value)"
        if text.hasSuffix(".0") { text.removeLast(2) }
        buffer.append(contentsOf: text.utf8)
    }

    /// Appends a string with quotes and escapes.
    mutating func string(_ text: String) { string(text.utf8) }

    /// Appends a UTF-8 string with quotes and escapes.
    mutating func string(_ bytes: some Sequence<UInt8>) {
        let hexadecimal = Array("0123456789abcdef".utf8)
        buffer.append(UInt8(ascii: "\""))
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                buffer.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0x0A: buffer.append(contentsOf: "\\n".utf8)
            case 0..<0x20:
                buffer.append(contentsOf: "\\u00".utf8)
                buffer.append(contentsOf: [hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]])
            default: buffer.append(byte)
            }
        }
        buffer.append(UInt8(ascii: "\""))
    }

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
