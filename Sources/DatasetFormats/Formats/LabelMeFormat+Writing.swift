import COCO
import Foundation
import Support

extension LabelMeFormat {
    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        let rows = try ImageRows(dataset)
        let folder = try NewFolder(path: path)
        let links = PictureLinks(options)
        let places = try PictureNames.places(of: dataset, pictures: options.pictures)
        var report = ConversionReport()
        let labels = dataset.categories.namesByID
        try folder.write(pictures: dataset.images.count, &report) { images in
            var report = ConversionReport()
            var files: [PictureFile] = []
            for image in images {
                let record = dataset.images[image]
                let (stem, name) = places[image]
                var text = TextBuffer()
                text.raw("{\"version\": \"5.4.1\", \"flags\": {}, \"shapes\": [")
                var writing = LabelMeShapes(labels: labels, image: record)
                for row in rows[image] { try writing.add(row, of: dataset.annotations, to: &text, &report) }
                text.raw("], \"imagePath\": ")
                text.quoted(Path.name(name))
                text.raw(", \"imageData\": null, \"imageHeight\": ")
                text.integer(record.height)
                text.raw(", \"imageWidth\": ")
                text.integer(record.width)
                text.raw("}\n")
                files.append(PictureFile(name: stem + ".json", bytes: text.bytes))
            }
            return (files, report)
        }
        for (image, place) in places.enumerated() {
            try links.link(dataset.images[image], as: place.path, in: folder)
        }
        try folder.finish()
        report.add(
            "categories have no objects, which LabelMe cannot express, and are dropped",
            count: unused(dataset))
        report.addOrphans(rows, dataset)
        report.addFieldsOfCOCO(dataset)
        return report
    }

    private static func unused(_ dataset: Dataset) -> Int {
        dataset.annotationCounts.values.count { $0 == 0 }
    }
}

/// The shapes of one picture.
private struct LabelMeShapes {
    let labels: [Int64: String]
    let image: ImageRecord
    private var group = 0
    private var isFirst = true

    init(labels: [Int64: String], image: ImageRecord) {
        self.labels = labels
        self.image = image
    }

    mutating func add(
        _ row: Int, of table: AnnotationTable, to text: inout TextBuffer, _ report: inout ConversionReport
    ) throws {
        let id = table.ids[row]
        guard let label = labels[table.categoryIDs[row]] else {
            report.add("annotations have a category that is not in the list and are dropped", id: id)
            return
        }
        if !table.flags[row].isDisjoint(with: [.isCrowd, .isIgnored]) {
            report.add("annotations mark crowds or are to be ignored: this is not kept", id: id)
        }
        let attributes = Attributes.values(table.attributes[row])
        switch table.segmentations[row] {
        case .polygons(let rings)?:
            let whole = rings.filter { $0.count >= 6 }
            if whole.count < rings.count {
                report.add("rings have less than three points and are dropped", id: id)
            }
            if whole.count > 1 { group += 1 }
            for ring in whole {
                begin(label, "polygon", whole.count > 1 ? group : nil, attributes, &text)
                points(ring, &text)
                text.raw("}")
            }
        case let segmentation?:
            guard let mask = try? RunLengthMask(segmentation, height: image.height, width: image.width),
                mask.width == image.width, mask.height == image.height, mask.area > 0
            else {
                report.add(
                    "masks are empty, damaged or differ in size from their image and are dropped", id: id)
                return
            }
            let crop = MaskCrop(mask)
            begin(label, "mask", nil, attributes, &text)
            points(
                [
                    Double(crop.left), Double(crop.top), Double(crop.left + crop.width - 1),
                    Double(crop.top + crop.height - 1),
                ], &text)
            text.raw(", \"mask\": \"")
            let png = LabelPicture(width: crop.width, height: crop.height, numbers: crop.pixels)
                .png(hasPalette: false)
            text.raw(Data(png).base64EncodedString())
            text.raw("\"}")
        case nil:
            guard table.flags[row].contains(.hasBox), table.boxes[row].isFinite else {
                report.add("annotations have no box and no outline and are dropped", id: id)
                return
            }
            let box = table.boxes[row]
            begin(label, "rectangle", nil, attributes, &text)
            points([box.x, box.y, box.x + box.width, box.y + box.height], &text)
            text.raw("}")
        }
    }

    private mutating func begin(
        _ label: String, _ kind: StaticString, _ group: Int?,
        _ attributes: [(name: String, value: FormatValue)],
        _ text: inout TextBuffer
    ) {
        text.raw(isFirst ? "\n{\"label\": " : ",\n{\"label\": ")
        isFirst = false
        text.quoted(label)
        text.raw(", \"shape_type\": \"")
        text.raw(kind)
        text.raw("\", \"group_id\": ")
        if let group { text.integer(group) } else { text.raw("null") }
        let words = attributes.filter { !$0.value.isBoolean }.map { name, value in
            name == "description" ? value.plainText : "\(name)=\(value.plainText)"
        }
        text.raw(", \"description\": ")
        text.quoted(words.joined(separator: ", "))
        text.raw(", \"flags\": {")
        text.list(attributes.filter(\.value.isBoolean)) { text, attribute in
            text.quoted(attribute.name)
            text.raw(attribute.value.asBool == true ? ": true" : ": false")
        }
        text.raw("}")
    }

    private func points(_ values: [Double], _ text: inout TextBuffer) {
        text.raw(", \"points\": [")
        text.list(stride(from: 0, to: values.count - 1, by: 2)) {
            $0.raw("[")
            $0.number(values[$1])
            $0.raw(", ")
            $0.number(values[$1 + 1])
            $0.raw("]")
        }
        text.raw("]")
    }
}
