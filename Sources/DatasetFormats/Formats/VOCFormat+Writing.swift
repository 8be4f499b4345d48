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
        try folder.write(pictures: dataset.images.count, &report) { images in
            var text = text
            var files: [PictureFile] = []
            for image in images {
                let stem = places[image].stem
                var masks: [PictureFile] = []
                if options.keepsOutlines {
                    masks = maskFiles(image, dataset, rows[image], text, stem, &text.report)
                }
                var buffer = TextBuffer()
                text.add(image, of: dataset, rows[image], isSegmented: !masks.isEmpty, to: &buffer)
                files += masks
                files.append(PictureFile(name: "Annotations/\(stem).xml", bytes: buffer.bytes))
            }
            return (files, text.report)
        }
        for (image, place) in places.enumerated() {
            try links.link(dataset.images[image], as: "JPEGImages/\(place.path)", in: folder)
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

    /// The pixels of a picture's objects and of their classes; no files when no object has an outline.
    private static func maskFiles(
        _ image: Int, _ dataset: Dataset, _ rows: some Sequence<Int>, _ text: VOCText, _ stem: String,
        _ report: inout ConversionReport
    ) -> [PictureFile] {
        let record = dataset.images[image]
        let (width, height) = (record.width, record.height)
        let table = dataset.annotations
        guard width > 0, height > 0, width * height <= RunLengthMask.maximumPixelCount else { return [] }
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
        guard !objects.isEmpty else { return [] }
        return [("SegmentationObject", objects), ("SegmentationClass", classes)].map { name, numbers in
            let picture = LabelPicture(width: width, height: height, numbers: numbers)
            return PictureFile(name: "\(name)/\(stem).png", bytes: picture.png(hasPalette: true))
        }
    }
}

extension AnnotationTable {
    /// The number of annotations that have an outline or a mask.
    var outlineCount: Int { (0..<count).count { segmentations.kind($0) != .none } }
}
