import COCO
import Foundation
import Support

/// The text of Label Studio's tasks, picture by picture, for import as annotations or as predictions.
///
/// The names of the tags are `label` (RectangleLabels), `polygon` (PolygonLabels), `brush` (BrushLabels), that of the picture
/// `image`, which the project's labeling interface must have.
package struct LabelStudioText {
    /// What was lost so far.
    package internal(set) var report = ConversionReport()

    private let names: [Int64: String]

    /// - Parameter categories: the labels.
    package init(categories: [COCO.Category]) {
        names = categories.namesByID
    }

    /// A task.
    ///
    /// - Parameters:
    ///   - scores: the objects' scores, which make them predictions of `model`; nil for annotations.
    package mutating func add(
        _ image: Int, of dataset: Dataset, _ rows: some Sequence<Int>, scores: [Double]? = nil,
        model: String = "", to text: inout TextBuffer
    ) throws {
        let record = dataset.images[image]
        let path = record.path.percentEncodedPath(keeping: "!$'()*,:@/")
        text.raw("{\"data\": {\"image\": ")
        text.quoted("/data/local-files/?d=\(path)")
        if scores == nil {
            text.raw("}, \"annotations\": [{\"was_cancelled\": false, \"result\": [")
        } else {
            text.raw("}, \"predictions\": [{\"model_version\": ")
            text.quoted(model)
            text.raw(", \"score\": ")
            text.number(scores?.max() ?? 0)
            text.raw(", \"result\": [")
        }
        var count = 0
        for (place, row) in rows.enumerated() {
            try add(row, dataset.annotations, record, scores.map { $0[place] }, &count, &text)
        }
        text.raw(count == 0 ? "]}]}" : "\n]}]}")
    }

    private mutating func add(
        _ row: Int, _ table: AnnotationTable, _ image: ImageRecord, _ score: Double?, _ count: inout Int,
        _ text: inout TextBuffer
    ) throws {
        let id = table.ids[row]
        guard let label = names[table.categoryIDs[row]] else {
            report.add("annotations have a category that is not in the list and are dropped", id: id)
            return
        }
        guard image.width > 0, image.height > 0 else {
            report.add("annotations belong to images without a size and are dropped", id: id)
            return
        }
        if !table.flags[row].isDisjoint(with: [.isCrowd, .isIgnored]) {
            report.add("annotations mark crowds or are to be ignored: this is not kept", id: id)
        }
        if table.attributes[row] != nil { report.add("attributes are not kept", count: 1) }
        let (width, height) = (Double(image.width) / 100, Double(image.height) / 100)
        func begin(_ kind: StaticString, _ tag: StaticString) {
            text.raw(count == 0 ? "\n{\"id\": \"r" : ",\n{\"id\": \"r")
            count += 1
            text.integer(count)
            text.raw("\", \"type\": \"")
            text.raw(kind)
            text.raw("\", \"from_name\": \"")
            text.raw(tag)
            text.raw("\", \"to_name\": \"image\", \"original_width\": ")
            text.integer(image.width)
            text.raw(", \"original_height\": ")
            text.integer(image.height)
            text.raw(", \"image_rotation\": 0, ")
            if let score {
                text.raw("\"score\": ")
                text.number(score)
                text.raw(", ")
            }
            text.raw("\"value\": {\"")
            text.raw(kind)
            text.raw("\": [")
            text.quoted(label)
            text.raw("], ")
        }
        switch try Self.shape(row, table, image) {
        case .ring(let ring)?:
            begin("polygonlabels", "polygon")
            text.raw("\"closed\": true, \"points\": [")
            text.list(stride(from: 0, to: ring.count - 1, by: 2)) {
                $0.raw("[")
                $0.number(ring[$1] / width)
                $0.raw(", ")
                $0.number(ring[$1 + 1] / height)
                $0.raw("]")
            }
            text.raw("]}}")
        case .mask(let mask)?:
            if table.segmentations.ringCount(row) > 0 {
                report.add("outlines of several parts become brushes", id: id)
            }
            begin("brushlabels", "brush")
            text.raw("\"format\": \"rle\", \"rle\": [")
            text.list(try BrushRuns.bytes(mask)) { $0.integer($1) }
            text.raw("]}}")
        case .box(let box)?:
            begin("rectanglelabels", "label")
            text.raw("\"rotation\": 0, \"x\": ")
            text.number(box.x / width)
            text.raw(", \"y\": ")
            text.number(box.y / height)
            text.raw(", \"width\": ")
            text.number(box.width / width)
            text.raw(", \"height\": ")
            text.number(box.height / height)
            text.raw("}}")
        case nil:
            report.add("annotations have no box and no outline that can be read and are dropped", id: id)
        }
    }

    private enum Shape {
        case box(BoundingBox)
        case ring([Double])
        case mask(RunLengthMask)
    }

    /// What a region can say: a box, one ring, or pixels for everything else.
    private static func shape(_ row: Int, _ table: AnnotationTable, _ image: ImageRecord) throws -> Shape? {
        switch table.segmentations[row] {
        case nil:
            return table.flags[row].contains(.hasBox) && table.boxes[row].isFinite
                ? .box(table.boxes[row]) : nil
        case .polygons(let rings)? where rings.count == 1:
            return rings[0].count >= 6 && rings[0].allSatisfy(\.isFinite) ? .ring(rings[0]) : nil
        case let segmentation?:
            guard let mask = try? RunLengthMask(segmentation, height: image.height, width: image.width),
                mask.width == image.width, mask.height == image.height, mask.area > 0,
                mask.width * mask.height <= RunLengthMask.maximumPixelCount
            else { return nil }
            return .mask(mask)
        }
    }
}
