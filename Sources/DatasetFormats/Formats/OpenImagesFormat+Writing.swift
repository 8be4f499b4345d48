import COCO
import Support

extension OpenImagesFormat {
    /// The flags of a box, in the order of the columns.
    private static let flags = ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]

    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        let rows = try ImageRows(dataset)
        let folder = try NewFolder(path: path)
        let links = PictureLinks(options)
        var names = PictureNames()
        var ids = PictureNames()
        var report = ConversionReport()
        var classes: [Int64: String] = [:]
        var descriptions = TextBuffer()
        for category in dataset.categories {
            let id = "/c/\(category.id)"
            classes[category.id] = id
            descriptions.raw("\(id),\(CSVReader.quoted(category.name))\n")
        }
        let name = (
            boxes: "\(options.subset)-annotations-bbox.csv",
            masks: "\(options.subset)-annotations-object-segmentation.csv"
        )
        // Tables are as long as the data set: they are not held as a whole.
        var boxFile = try DocumentFile(path: folder.location(of: name.boxes))
        var boxes = TextBuffer()
        boxes.raw("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,\(flags.joined(separator: ","))\n")
        var masks = TextBuffer()
        masks.raw("MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n")
        var (maskCount, outlines) = (0, 0)
        for image in 0..<dataset.images.count {
            let record = dataset.images[image]
            let (stem, path) = try names.stem(of: record, pictures: options.pictures)
            // Masks are named after it, with the class and a number behind it.
            let id = ids.unused(
                stem.replacing("/", with: "_"), in: "", room: String(repeating: "-", count: 48))
            if Path.suffix(path) != "jpg" || id + "." + Path.suffix(path) != path {
                report.add("pictures are known by a name without folder and extension", id: record.id)
            }
            try links.link(record, as: "images/\(id).\(Path.suffix(path))", in: folder)
            var isEmpty = true
            for row in rows[image] {
                let table = dataset.annotations
                guard let label = classes[table.categoryIDs[row]] else {
                    report.add(
                        "annotations have a category that is not in the list and are dropped",
                        id: table.ids[row])
                    continue
                }
                guard record.width > 0, record.height > 0, table.flags[row].contains(.hasBox),
                    table.boxes[row].isFinite
                else {
                    report.add(
                        "annotations have no box, or their image has no size, and are dropped",
                        id: table.ids[row])
                    continue
                }
                isEmpty = false
                let box = table.boxes[row]
                let (width, height) = (Double(record.width), Double(record.height))
                let sides = [
                    box.x / width, (box.x + box.width) / width, box.y / height, (box.y + box.height) / height,
                ]
                boxes.raw("\(CSVReader.quoted(id)),xclick,\(label),1")
                for side in sides {
                    boxes.raw(",")
                    boxes.decimals(side)
                }
                let values = Dictionary(
                    Attributes.values(table.attributes[row]).map { ($0.name, $0.value) },
                    uniquingKeysWith: { first, _ in first })
                for flag in flags {
                    boxes.raw(",")
                    boxes.integer(
                        flag == "IsGroupOf"
                            ? table.flags[row].contains(.isCrowd) ? 1 : 0 : values[flag]?.asInteger ?? -1)
                }
                report.add(
                    "attributes are not kept", count: values.keys.contains { !flags.contains($0) } ? 1 : 0)
                boxes.raw("\n")
                guard let segmentation = table.segmentations[row] else { continue }
                outlines += 1
                guard options.keepsOutlines else { continue }
                guard let mask = try? RunLengthMask(segmentation, height: record.height, width: record.width),
                    mask.width == record.width, mask.height == record.height
                else {
                    report.add(
                        "masks cannot be decoded or differ in size from their image and are dropped",
                        id: table.ids[row])
                    continue
                }
                maskCount += 1
                let file = "\(id)_\(label.dropFirst().replacing("/", with: ""))_\(maskCount).png"
                let picture = LabelPicture(width: mask.width, height: mask.height, numbers: try mask.pixels())
                try folder.write(picture.png(hasPalette: false), to: "masks/\(file)")
                masks.raw("\(CSVReader.quoted(file)),\(CSVReader.quoted(id)),\(label),\(maskCount)")
                for side in sides {
                    masks.raw(",")
                    masks.decimals(side)
                }
                masks.raw(",,\n")
            }
            try boxFile.write { $0.raw(boxes.bytes) }
            boxes.clear()
            if isEmpty {
                report.add(
                    "images have no boxes, which Open Images cannot express, and are dropped", id: record.id)
            }
        }
        try boxFile.commit()
        try folder.write(descriptions.bytes, to: "class-descriptions-boxable.csv")
        if maskCount > 0 {
            try folder.write(masks.bytes, to: name.masks)
            report.add("outlines become masks of pixels", count: maskCount)
        }
        try folder.finish()
        if !options.keepsOutlines {
            report.add("outlines and masks are dropped because boxes are requested", count: outlines)
        }
        report.addOrphans(rows, dataset)
        report.addFieldsOfCOCO(dataset)
        return report
    }
}
