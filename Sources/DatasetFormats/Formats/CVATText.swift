import COCO
import Support

/// The text of CVAT's file, picture by picture.
package struct CVATText {
    /// What was lost so far.
    package internal(set) var report = ConversionReport()

    private let names: [Int64: String]
    private let categories: [COCO.Category]
    private let attributeNames: [String]
    private var count = 0

    /// - Parameters:
    ///   - categories: the labels.
    ///   - firstNumber: the number of the first picture.
    package init(categories: [COCO.Category], firstNumber: Int = 0) {
        self.init(categories: categories, attributes: SparseTextColumn())
        count = firstNumber
    }

    init(categories: [COCO.Category], attributes: SparseTextColumn) {
        self.categories = categories
        names = categories.namesByID
        attributeNames = Self.names(in: attributes)
    }

    /// The same text, whose next picture has a number.
    func numbered(from first: Int) -> CVATText {
        var text = self
        text.count = first
        return text
    }

    /// The names of all attributes that are no fields of CVAT's; labels must declare them.
    private static func names(in column: SparseTextColumn) -> [String] {
        var names: Set<String> = []
        for row in column.rowsWithText {
            for (name, _) in Attributes.values(column[row]) where name != "occluded" { names.insert(name) }
        }
        return names.sorted()
    }

    /// What comes before the first picture.
    package func begin(_ text: inout TextBuffer) {
        text.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n")
        text.raw("  <meta>\n    <task>\n      <labels>\n")
        for category in categories {
            text.raw("        <label>\n          <name>")
            text.markup(category.name)
            text.raw("</name>\n          <type>any</type>\n          <attributes>\n")
            for name in attributeNames + ["is_crowd"] {
                text.raw("            <attribute><name>")
                text.markup(name)
                let isFlag = name == "is_crowd"
                text.raw("</name><mutable>False</mutable><input_type>")
                text.raw(isFlag ? "checkbox" : "text")
                text.raw("</input_type><default_value>")
                text.raw(isFlag ? "false" : "")
                text.raw("</default_value><values>")
                text.raw(isFlag ? "false" : "")
                text.raw("</values></attribute>\n")
            }
            text.raw("          </attributes>\n        </label>\n")
        }
        text.raw("      </labels>\n    </task>\n  </meta>\n")
    }

    /// What comes after the last picture.
    package func end(_ text: inout TextBuffer) { text.raw("</annotations>\n") }

    /// A picture with its objects.
    ///
    /// - Parameter source: what made the objects, `manual` or `auto`.
    package mutating func add(
        _ image: Int, of dataset: Dataset, _ rows: some Sequence<Int>, source: StaticString = "manual",
        to text: inout TextBuffer
    ) throws {
        let record = dataset.images[image]
        text.raw("  <image id=\"")
        text.integer(count)
        count += 1
        text.raw("\" name=\"")
        text.markup(record.path)
        text.raw("\" width=\"")
        text.integer(record.width)
        text.raw("\" height=\"")
        text.integer(record.height)
        text.raw("\">\n")
        var groups = 0
        for row in rows { try add(row, of: dataset.annotations, record, source, &groups, to: &text) }
        text.raw("  </image>\n")
    }

    private mutating func add(
        _ row: Int, of table: AnnotationTable, _ image: ImageRecord, _ source: StaticString,
        _ groups: inout Int, to text: inout TextBuffer
    ) throws {
        let id = table.ids[row]
        guard let label = names[table.categoryIDs[row]] else {
            report.add("annotations have a category that is not in the list and are dropped", id: id)
            return
        }
        var rings = (0..<table.segmentations.ringCount(row)).map { table.segmentations.ring($0, ofRow: row) }
        let whole = rings.filter { $0.count >= 6 }
        if whole.count < rings.count {
            report.add("rings have less than three points and are dropped", id: id)
            rings = whole
        }
        let flags = table.flags[row]
        if flags.contains(.isIgnored) {
            report.add("annotations are to be ignored: this is not kept", id: id)
        }
        let details = Details(label: label, source: source, row: row, isCrowd: flags.contains(.isCrowd))
        if !rings.isEmpty {
            if rings.count > 1 { groups += 1 }
            for ring in rings {
                begin("polygon", details, table, &text)
                text.raw(" points=\"")
                let points = table.segmentations.coordinates[ring]
                text.list(stride(from: points.startIndex, to: points.endIndex - 1, by: 2), separator: ";") {
                    $0.number(points[$1])
                    $0.raw(",")
                    $0.number(points[$1 + 1])
                }
                text.raw("\"")
                if rings.count > 1 {
                    text.raw(" group_id=\"")
                    text.integer(groups)
                    text.raw("\"")
                }
                end("polygon", details, table, &text)
            }
        } else if let size = table.segmentations.size(row), let segmentation = table.segmentations[row] {
            guard let mask = try? RunLengthMask(segmentation, height: size.height, width: size.width),
                mask.width == image.width, mask.height == image.height
            else {
                report.add(
                    "masks cannot be decoded or differ in size from their image and are dropped", id: id)
                return
            }
            guard mask.area > 0 else {
                report.add("annotations have an empty mask and are dropped", id: id)
                return
            }
            begin("mask", details, table, &text)
            Self.append(mask, to: &text)
            end("mask", details, table, &text)
        } else if flags.contains(.hasBox), table.boxes[row].isFinite {
            let box = table.boxes[row]
            begin("box", details, table, &text)
            text.raw(" xtl=\"")
            text.number(box.x)
            text.raw("\" ytl=\"")
            text.number(box.y)
            text.raw("\" xbr=\"")
            text.number(box.x + box.width)
            text.raw("\" ybr=\"")
            text.number(box.y + box.height)
            text.raw("\"")
            end("box", details, table, &text)
        } else {
            report.add("annotations have no box and no outline and are dropped", id: id)
        }
    }

    /// What an element says beside its geometry.
    private struct Details {
        let label: String
        let source: StaticString
        let row: Int
        let isCrowd: Bool
    }

    private func begin(
        _ element: StaticString, _ details: Details, _ table: AnnotationTable, _ text: inout TextBuffer
    ) {
        text.raw("    <")
        text.raw(element)
        text.raw(" label=\"")
        text.markup(details.label)
        text.raw("\" source=\"")
        text.raw(details.source)
        let isOccluded = Attributes.values(table.attributes[details.row]).contains {
            $0.name == "occluded" && $0.value.asBool == true
        }
        text.raw(isOccluded ? "\" occluded=\"1\"" : "\" occluded=\"0\"")
    }

    private func end(
        _ element: StaticString, _ details: Details, _ table: AnnotationTable, _ text: inout TextBuffer
    ) {
        text.raw(" z_order=\"0\">\n")
        for (name, value) in Attributes.values(table.attributes[details.row]) where name != "occluded" {
            attribute(name, value.plainText, &text)
        }
        if details.isCrowd { attribute("is_crowd", "true", &text) }
        text.raw("    </")
        text.raw(element)
        text.raw(">\n")
    }

    private func attribute(_ name: String, _ value: String, _ text: inout TextBuffer) {
        text.raw("      <attribute name=\"")
        text.markup(name)
        text.raw("\">")
        text.markup(value)
        text.raw("</attribute>\n")
    }

    /// Runs row by row inside the mask's box.
    private static func append(_ mask: RunLengthMask, to text: inout TextBuffer) {
        let crop = MaskCrop(mask)
        text.raw(" rle=\"")
        var (value, run, isFirst): (UInt8, Int, Bool) = (0, 0, true)
        func flush(_ text: inout TextBuffer) {
            if !isFirst { text.raw(", ") }
            isFirst = false
            text.integer(run)
        }
        for pixel in crop.pixels {
            if pixel != value {
                flush(&text)
                (value, run) = (pixel, 0)
            }
            run += 1
        }
        flush(&text)
        text.raw("\" left=\"")
        text.integer(crop.left)
        text.raw("\" top=\"")
        text.integer(crop.top)
        text.raw("\" width=\"")
        text.integer(crop.width)
        text.raw("\" height=\"")
        text.integer(crop.height)
        text.raw("\"")
    }
}
