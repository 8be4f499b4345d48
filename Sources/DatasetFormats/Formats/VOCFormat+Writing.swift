import COCO
import Support

extension VOCFormat {
    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        let rows = try ImageRows(dataset)
        let folder = try NewFolder(path: path)
        let links = PictureLinks(options)
        let text = VOCText(categories: dataset.categories)
        let places = try PictureNames.places(of: dataset, pictures: options.pictures)
        var report = ConversionReport()
        try folder.makeFolder("Annotations")
        if options.pictures != nil { try folder.makeFolder("JPEGImages") }
        try report.add(pictures: dataset.images.count) { images in
            var text = text
            var buffer = TextBuffer()
            for image in images {
                let (stem, name) = places[image]
                var isSegmented = false
                if options.keepsOutlines {
                    isSegmented = try writeMasks(
                        image, dataset, rows[image], text, stem, folder, &text.report)
                }
                buffer.clear()
                text.add(image, of: dataset, rows[image], isSegmented: isSegmented, to: &buffer)
                try folder.write(buffer.bytes, to: "Annotations/\(stem).xml")
                try links.link(dataset.images[image], as: "JPEGImages/\(name)", in: folder)
            }
            return text.report
        }
        if !options.keepsOutlines {
            report.add(
                "outlines and masks are dropped because boxes are requested",
                count: dataset.annotations.outlineCount)
        }
        try folder.write(
            places.map { $0.stem + "\n" }.joined(), to: "ImageSets/Main/\(options.subset).txt")
        try folder.finish()
        report.addOrphans(rows, dataset)
        report.addFieldsOfCOCO(dataset)
        return report
    }

    /// Writes the pixels of a picture's objects and of their classes; false when no object has an outline.
    private static func writeMasks(
        _ image: Int, _ dataset: Dataset, _ rows: some Sequence<Int>, _ text: VOCText, _ stem: String,
        _ folder: borrowing NewFolder, _ report: inout ConversionReport
    ) throws -> Bool {
        let record = dataset.images[image]
        let (width, height) = (record.width, record.height)
        let table = dataset.annotations
        guard width > 0, height > 0, width * height <= RunLengthMask.maximumPixelCount else { return false }
        var (objects, classes): ([UInt8], [UInt8]) = ([], [])
        let places = Dictionary(
            dataset.categories.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        for (place, row) in rows.filter({ text.isWritten($0, of: table) }).enumerated() {
            guard let segmentation = table.segmentations[row] else { continue }
            guard place < 254, let category = places[table.categoryIDs[row]], category < 254 else {
                report.add(
                    "masks exceed the 254 objects or classes of VOC's pictures and are dropped", count: 1)
                continue
            }
            guard let mask = try? RunLengthMask(segmentation, height: height, width: width),
                mask.width == width,
                mask.height == height
            else {
                report.add(
                    "masks cannot be decoded or differ in size from their image and are dropped", count: 1)
                continue
            }
            if objects.isEmpty {
                objects = [UInt8](repeating: 0, count: width * height)
                classes = objects
            }
            var covered = 0
            mask.forEachColumnRun { column, run in
                for row in run {
                    if objects[row * width + column] != 0 { covered += 1 }
                    objects[row * width + column] = UInt8(place + 1)
                    classes[row * width + column] = UInt8(category + 1)
                }
            }
            if covered > 0 {
                report.add("masks cover others, of which VOC keeps the last one in a pixel", count: 1)
            }
        }
        guard !objects.isEmpty else { return false }
        for (name, numbers) in [("SegmentationObject", objects), ("SegmentationClass", classes)] {
            let picture = LabelPicture(width: width, height: height, numbers: numbers)
            try folder.write(picture.png(hasPalette: true), to: "\(name)/\(stem).png")
        }
        return true
    }
}

extension AnnotationTable {
    /// The number of annotations that have an outline or a mask.
    var outlineCount: Int { (0..<count).count { segmentations.kind($0) != .none } }
}
