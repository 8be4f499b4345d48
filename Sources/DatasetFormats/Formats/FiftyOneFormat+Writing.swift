import COCO
import Support

extension FiftyOneFormat {
    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        let rows = try ImageRows(dataset)
        let folder = try NewFolder(path: path)
        let links = PictureLinks(options)
        var report = ConversionReport()
        let labels = dataset.categories.namesByID
        var samples = try DocumentFile(path: folder.location(of: "samples.json"))
        try samples.write { $0.raw("{\"samples\": [") }
        try samples.write(pictures: dataset.images.count, &report) { images, text in
            var report = ConversionReport()
            for image in images {
                let record = dataset.images[image]
                let name = try PictureNames.path(of: record, pictures: options.pictures)
                text.raw(image == 0 ? "\n" : ",\n")
                text.raw("{\"filepath\": ")
                text.quoted("data/\(name)")
                text.raw(", \"tags\": [], \"_media_type\": \"image\", \"metadata\": ")
                text.raw(
                    "{\"_cls\": \"ImageMetadata\", \"width\": \(record.width), \"height\": \(record.height)}")
                text.raw(", \"ground_truth\": {\"_cls\": \"Detections\", \"detections\": [")
                var isFirst = true
                for row in rows[image] {
                    add(row, dataset.annotations, labels, record, &isFirst, &text, &report)
                }
                text.raw("]}}")
            }
            return report
        }
        try samples.write { $0.raw("\n]}\n") }
        try samples.commit()
        for image in 0..<dataset.images.count {
            let record = dataset.images[image]
            try links.link(
                record, as: "data/" + PictureNames.path(of: record, pictures: options.pictures), in: folder)
        }
        var metadata = TextBuffer()
        metadata.raw("{\"name\": ")
        metadata.quoted(Path.name(path))
        metadata.raw(", \"media_type\": \"image\", \"sample_fields\": [")
        let fields = [
            ("filepath", "StringField", ""), ("tags", "ListField", ""),
            ("metadata", "EmbeddedDocumentField", "fiftyone.core.metadata.ImageMetadata"),
            ("ground_truth", "EmbeddedDocumentField", "fiftyone.core.labels.Detections"),
        ]
        metadata.list(fields) { text, field in
            text.raw("{\"name\": \"\(field.0)\", \"ftype\": \"fiftyone.core.fields.\(field.1)\", ")
            text.raw("\"subfield\": " + (field.0 == "tags" ? "\"fiftyone.core.fields.StringField\"" : "null"))
            text.raw(", \"embedded_doc_type\": " + (field.2.isEmpty ? "null" : "\"\(field.2)\"") + "}")
        }
        metadata.raw("], \"default_classes\": [")
        metadata.list(dataset.categories) { $0.quoted($1.name) }
        metadata.raw("]}\n")
        try folder.write(metadata.bytes, to: "metadata.json")
        try folder.finish()
        report.addOrphans(rows, dataset)
        report.addFieldsOfCOCO(dataset)
        return report
    }

    private static func add(
        _ row: Int, _ table: AnnotationTable, _ labels: [Int64: String], _ image: ImageRecord,
        _ isFirst: inout Bool, _ text: inout TextBuffer, _ report: inout ConversionReport
    ) {
        let id = table.ids[row]
        guard let label = labels[table.categoryIDs[row]], image.width > 0, image.height > 0 else {
            report.add(
                "annotations have an unknown category or an image without a size and are dropped", id: id)
            return
        }
        guard table.flags[row].contains(.hasBox), table.boxes[row].isFinite else {
            report.add("annotations have no box and are dropped", id: id)
            return
        }
        if table.flags[row].contains(.isIgnored) {
            report.add("annotations are to be ignored: this is not kept", id: id)
        }
        let box = table.boxes[row]
        let (width, height) = (Double(image.width), Double(image.height))
        text.raw(
            isFirst ? "\n{\"_cls\": \"Detection\", \"label\": " : ",\n{\"_cls\": \"Detection\", \"label\": ")
        isFirst = false
        text.quoted(label)
        text.raw(", \"bounding_box\": [")
        text.list([box.x / width, box.y / height, box.width / width, box.height / height]) { $0.number($1) }
        text.raw("], \"iscrowd\": \(table.flags[row].contains(.isCrowd) ? 1 : 0), \"tags\": []")
        for (name, value) in Attributes.values(table.attributes[row]) where !name.hasPrefix("_") {
            text.raw(", ")
            text.quoted(name)
            text.raw(": ")
            if value.isBoolean { text.raw(value.plainText) } else { text.quoted(value.plainText) }
        }
        if let segmentation = table.segmentations[row] {
            if table.segmentations.kind(row) == .polygons {
                report.add("outlines become masks of pixels", count: 1)
            }
            if let mask = try? RunLengthMask(segmentation, height: image.height, width: image.width),
                mask.width == image.width, mask.height == image.height
            {
                let crop = crop(mask, to: box)
                if crop.loss > 0 { report.add("masks reach beyond their box: cut off at it", id: id) }
                text.raw(", \"mask\": {\"$binary\": {\"base64\": \"")
                text.raw(MaskArray.text(crop.picture))
                text.raw("\", \"subType\": \"00\"}}")
            } else {
                report.add(
                    "masks cannot be decoded or differ in size from their image and are dropped", id: id)
            }
        }
        text.raw("}")
    }

    /// The pixels of a mask that lie in the whole pixels of a box, and how many do not.
    private static func crop(_ mask: RunLengthMask, to box: BoundingBox) -> (picture: LabelPicture, loss: Int)
    {
        let left = min(max(0, Int(box.x.rounded(.down))), mask.width)
        let top = min(max(0, Int(box.y.rounded(.down))), mask.height)
        let right = min(max(left, Int((box.x + box.width - 1e-6).rounded(.up))), mask.width)
        let bottom = min(max(top, Int((box.y + box.height - 1e-6).rounded(.up))), mask.height)
        let width = right - left
        var pixels = [UInt8](repeating: 0, count: width * (bottom - top))
        var loss = 0
        mask.forEachColumnRun { column, rows in
            for row in rows {
                if column >= left, column < right, row >= top, row < bottom {
                    pixels[(row - top) * width + column - left] = 1
                } else {
                    loss += 1
                }
            }
        }
        return (LabelPicture(width: width, height: bottom - top, numbers: pixels), loss)
    }
}
