import COCO
import Support

/// The text of VOC's files.
package struct VOCText {
    /// What was lost so far.
    package internal(set) var report = ConversionReport()

    private let names: [Int64: String]

    /// - Parameter categories: the classes.
    package init(categories: [COCO.Category]) {
        names = categories.namesByID
    }

    /// The file of a picture.
    ///
    /// - Parameter isSegmented: whether the objects' pixels are beside it.
    package mutating func add(
        _ image: Int, of dataset: Dataset, _ rows: some Sequence<Int>, isSegmented: Bool = false,
        to text: inout TextBuffer
    ) {
        let record = dataset.images[image]
        let path = record.path
        text.raw("<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>")
        text.markup(path)
        text.raw("</filename>\n\t<size>\n\t\t<width>")
        text.integer(record.width)
        text.raw("</width>\n\t\t<height>")
        text.integer(record.height)
        text.raw("</height>\n\t\t<depth>3</depth>\n\t</size>\n\t<segmented>")
        text.raw(isSegmented ? "1" : "0")
        text.raw("</segmented>\n")
        for row in rows { add(row, of: dataset.annotations, to: &text) }
        text.raw("</annotation>\n")
    }

    /// The rows whose objects are written, in their order.
    package func isWritten(_ row: Int, of table: AnnotationTable) -> Bool {
        names[table.categoryIDs[row]] != nil && table.flags[row].contains(.hasBox)
            && table.boxes[row].isFinite
            && table.boxes[row].width > 0 && table.boxes[row].height > 0
    }

    private mutating func add(_ row: Int, of table: AnnotationTable, to text: inout TextBuffer) {
        let id = table.ids[row]
        guard let name = names[table.categoryIDs[row]] else {
            report.add("annotations have a category that is not in the list and are dropped", id: id)
            return
        }
        guard isWritten(row, of: table) else {
            report.add("annotations have no box or an empty one and are dropped", id: id)
            return
        }
        let flags = table.flags[row]
        let isDifficult = !flags.isDisjoint(with: [.isCrowd, .isIgnored])
        var (truncated, occluded, pose) = (false, Bool?.none, "Unspecified")
        if let attributes = table.attributes[row] {
            for (name, value) in Attributes.values(attributes) {
                switch name {
                case "truncated": truncated = value.asBool ?? false
                case "occluded": occluded = value.asBool
                case "pose": pose = value.plainText
                case "difficult": break
                default: report.add("attributes are not kept", count: 1)
                }
            }
        }
        text.raw("\t<object>\n\t\t<name>")
        text.markup(name)
        text.raw("</name>\n\t\t<pose>")
        text.markup(pose)
        text.raw("</pose>\n\t\t<truncated>")
        text.raw(truncated ? "1" : "0")
        text.raw("</truncated>\n\t\t")
        if let occluded {
            text.raw(occluded ? "<occluded>1</occluded>\n\t\t" : "<occluded>0</occluded>\n\t\t")
        }
        text.raw(isDifficult ? "<difficult>1</difficult>" : "<difficult>0</difficult>")
        let box = table.boxes[row]
        text.raw("\n\t\t<bndbox>\n\t\t\t<xmin>")
        text.number(box.x + 1)
        text.raw("</xmin>\n\t\t\t<ymin>")
        text.number(box.y + 1)
        text.raw("</ymin>\n\t\t\t<xmax>")
        text.number(box.x + box.width)
        text.raw("</xmax>\n\t\t\t<ymax>")
        text.number(box.y + box.height)
        text.raw("</ymax>\n\t\t</bndbox>\n\t</object>\n")
    }
}
