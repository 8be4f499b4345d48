import COCO
import Support

/// A file of text that is written piece by piece, whole or not at all.
struct DocumentFile: ~Copyable {
    private var file: AtomicFile
    private var buffer = TextBuffer()

    /// Begins a file.
    ///
    /// - Throws: `AnnotationFileError` when it cannot be made.
    init(path: String) throws {
        do { file = try AtomicFile(path: path) } catch { throw AnnotationFileError(error) }
        buffer.reserve(1 << 20)
    }

    /// Adds what `body` writes.
    mutating func write(_ body: (inout TextBuffer) throws -> Void) throws {
        try body(&buffer)
        if buffer.count > 1 << 20 { try flush() }
    }

    /// Adds what `body` writes of every picture: of some hundred at a time on several threads, in the order of the pictures.
    ///
    /// - Parameters:
    ///   - count: the number of pictures.
    ///   - report: gets what `body` returns as lost.
    mutating func write(
        pictures count: Int, _ report: inout ConversionReport,
        _ body: @Sendable (Range<Int>, inout TextBuffer) throws -> ConversionReport
    ) throws {
        try PictureParts.forEach(of: count) { images in
            var text = TextBuffer()
            let lost = try body(images, &text)
            return (text: text, lost: lost)
        } use: { _, part in
            try write { $0.raw(part.text.bytes) }
            report.add(part.lost)
        }
    }

    private mutating func flush() throws {
        do { try file.write(buffer.bytes) } catch { throw AnnotationFileError(error) }
        buffer.clear()
    }

    /// Puts the file in place.
    mutating func commit() throws {
        try flush()
        do { try file.commit() } catch { throw AnnotationFileError(error) }
    }
}

extension ConversionReport {
    /// Counts annotations of images that the data set does not have.
    mutating func addOrphans(_ rows: ImageRows, _ dataset: Dataset) {
        add(
            "annotations have an image that the file does not have and are dropped",
            ids: rows.orphans.map { dataset.annotations.ids[$0] })
    }

    /// Counts what formats without ids, areas and licenses lose.
    mutating func addFieldsOfCOCO(_ dataset: Dataset) {
        if dataset.isFederated {
            add("images state absent or unfinished categories (LVIS): not kept", count: dataset.images.count)
        }
    }
}
