import COCO
import Support

/// Gathers the pictures and objects that a reader finds, numbers them from 1, and counts what is lost.
struct DatasetBuilder {
    /// The data set so far.
    private(set) var dataset = Dataset()

    /// What was lost or looks wrong so far.
    var report = ConversionReport()

    private var categoryIDs: [String: Int64] = [:]
    private var fileNames: Set<String> = []

    /// Makes room for the objects of a file of `byteCount` bytes.
    mutating func reserve(forFileOf byteCount: Int) { dataset.annotations.reserve(forFileOf: byteCount) }

    /// The id of a class, which is added when it is new.
    mutating func category(_ name: String) -> Int64 {
        if let id = categoryIDs[name] { return id }
        let id = Int64(dataset.categories.count + 1)
        categoryIDs[name] = id
        dataset.categories.append(Category(id: id, name: name))
        return id
    }

    /// Adds a picture; a size of 0 is one that is not known.
    mutating func addImage(_ fileName: String, width: Int, height: Int) -> ImageRecord {
        let image = ImageRecord(
            id: Int64(dataset.images.count + 1), width: min(max(width, 0), Int(Int32.max)),
            height: min(max(height, 0), Int(Int32.max)), fileName: fileName)
        dataset.images.append(image)
        if !fileNames.insert(fileName).inserted {
            report.add(
                "pictures have the name of an earlier one: kept as pictures of their own", id: image.id)
        }
        if width <= 0 || height <= 0 {
            report.add("pictures have no size: kept without one", id: image.id)
        }
        return image
    }

    /// Adds an object.
    ///
    /// - Parameters:
    ///   - attributes: what the tool knows beyond COCO's fields.
    ///   - area: the area, where it is another one than the outline's.
    mutating func add(
        _ outline: Outline, label: String, to image: ImageRecord, isCrowd: Bool = false,
        attributes: Attributes? = nil
    ) {
        let id = Int64(dataset.annotations.count + 1)
        dataset.annotations.append(
            AnnotationRecord(
                id: id, imageID: image.id, categoryID: category(label), box: outline.box, area: outline.area,
                isCrowd: isCrowd, segmentation: outline.segmentation, attributes: attributes?.text))
    }
}

/// The attributes of an object as a JSON object, in the order in which they were added.
struct Attributes {
    private var buffer = TextBuffer()

    /// The text; nil without attributes.
    var text: String? { buffer.count == 0 ? nil : buffer.text + "}" }

    private mutating func begin(_ name: String) {
        if buffer.count == 0 { buffer.raw("{") } else { buffer.raw(", ") }
        buffer.quoted(name)
        buffer.raw(": ")
    }

    mutating func add(_ name: String, _ value: String) {
        begin(name)
        buffer.quoted(value)
    }

    mutating func add(_ name: String, _ value: Bool) {
        begin(name)
        buffer.raw(value ? "true" : "false")
    }

    mutating func add(_ name: String, _ value: Int) {
        begin(name)
        buffer.integer(value)
    }

    /// The attributes of an object in a data set, by name.
    static func values(_ text: String?) -> [(name: String, value: FormatValue)] {
        guard var text else { return [] }
        var result: [(name: String, value: FormatValue)] = []
        text.withUTF8 { bytes in
            var reader = JSONReader(UnsafeRawBufferPointer(bytes))
            try? reader.object { reader, key in result.append((key, try FormatValue(from: &reader))) }
        }
        return result
    }
}
