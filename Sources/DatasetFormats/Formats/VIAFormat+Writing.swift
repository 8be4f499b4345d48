import COCO
import Support

extension VIAFormat {
    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        let rows = try ImageRows(dataset)
        let folder = options.pictures.map { PictureFolder(path: $0) }
        var report = ConversionReport()
        let labels = dataset.categories.namesByID
        var file = try DocumentFile(path: path)
        try file.write { $0.raw("{") }
        try file.write(pictures: dataset.images.count, &report) { images, text in
            var report = ConversionReport()
            for image in images {
                let record = dataset.images[image]
                // VIA tells pictures apart by name and length.
                let length = folder?.location(of: record).flatMap { FileStatus($0)?.byteCount } ?? -1
                text.raw(image == 0 ? "\n" : ",\n")
                text.quoted("\(record.path)\(length)")
                text.raw(": {\"filename\": ")
                text.quoted(record.path)
                text.raw(", \"size\": ")
                text.integer(length)
                text.raw(", \"regions\": [")
                var isFirst = true
                for row in rows[image] {
                    add(row, dataset.annotations, labels, record, &isFirst, &text, &report)
                }
                text.raw("], \"file_attributes\": {}}")
            }
            return report
        }
        try file.write { $0.raw("\n}\n") }
        try file.commit()
        report.add("image sizes are not kept: VIA reads them from the pictures", count: dataset.images.count)
        report.add(
            "categories have no objects, which VIA cannot express, and are dropped",
            count: dataset.annotationCounts.values.count { $0 == 0 })
        report.addOrphans(rows, dataset)
        report.addFieldsOfCOCO(dataset)
        return report
    }

    private static func add(
        _ row: Int, _ table: AnnotationTable, _ labels: [Int64: String], _ image: ImageRecord,
        _ isFirst: inout Bool, _ text: inout TextBuffer, _ report: inout ConversionReport
    ) {
        let id = table.ids[row]
        guard let label = labels[table.categoryIDs[row]] else {
            report.add("annotations have a category that is not in the list and are dropped", id: id)
            return
        }
        if !table.flags[row].isDisjoint(with: [.isCrowd, .isIgnored]) {
            report.add("annotations mark crowds or are to be ignored: this is not kept", id: id)
        }
        var shapes: [(inout TextBuffer) -> Void] = []
        if let rings = table.rings(row, image, &report) {
            if rings.count > 1 {
                report.add("masks of several parts become a region a part", id: id)
            }
            for ring in rings {
                shapes.append { text in
                    text.raw("\"name\": \"polygon\"")
                    for (name, first) in [(", \"all_points_x\": [", 0), (", \"all_points_y\": [", 1)] {
                        text.raw(name)
                        text.list(stride(from: first, to: ring.count, by: 2)) { $0.number(ring[$1]) }
                        text.raw("]")
                    }
                }
            }
        } else if table.segmentations.kind(row) == .none, table.flags[row].contains(.hasBox),
            table.boxes[row].isFinite
        {
            let box = table.boxes[row]
            shapes.append { text in
                text.raw("\"name\": \"rect\"")
                for (name, value) in [
                    ("x", box.x), ("y", box.y), ("width", box.width), ("height", box.height),
                ] {
                    text.raw(", \"\(name)\": ")
                    text.number(value)
                }
            }
        }
        if shapes.isEmpty {
            report.add("annotations have no box and no outline that can be read and are dropped", id: id)
        }
        for shape in shapes {
            text.raw(isFirst ? "{\"shape_attributes\": {" : ", {\"shape_attributes\": {")
            isFirst = false
            shape(&text)
            text.raw("}, \"region_attributes\": {\"class\": ")
            text.quoted(label)
            for (name, value) in Attributes.values(table.attributes[row]) where name != "class" {
                text.raw(", ")
                text.quoted(name)
                text.raw(": ")
                text.quoted(value.plainText)
            }
            text.raw("}}")
        }
    }
}

extension AnnotationTable {
    /// The rings of a row's outline; of a mask those around its pixels, holes joined to the rim by a cut. Nil without an
    /// outline, and, counted, for one that cannot be used.
    func rings(_ row: Int, _ image: ImageRecord, _ report: inout ConversionReport) -> [[Double]]? {
        guard let segmentation = segmentations[row] else { return nil }
        if case .polygons(let rings) = segmentation {
            let whole = rings.filter {
                $0.count >= 6 && $0.count.isMultiple(of: 2) && $0.allSatisfy(\.isFinite)
            }
            if whole.count < rings.count { report.add("rings are broken and are dropped", id: ids[row]) }
            return whole.isEmpty ? nil : whole
        }
        guard let size = segmentations.size(row),
            let mask = try? RunLengthMask(segmentation, height: size.height, width: size.width),
            mask.area > 0, image.width == mask.width, image.height == mask.height,
            let rings = try? mask.polygons()
        else {
            report.add(
                "masks are empty, damaged or differ in size from their image and are dropped", id: ids[row])
            return nil
        }
        report.add("masks become polygons around their pixels", count: 1)
        return rings
    }
}
