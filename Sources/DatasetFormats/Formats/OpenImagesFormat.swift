import COCO
import Support

/// Open Images' tables (versions 4 to 7): boxes, names of classes, and masks as pictures.
package enum OpenImagesFormat: DatasetFormat {
    package static let name = FormatName.openImages

    package static func recognizes(_ source: FormatSource) -> Bool {
        if !source.isFolder { return isBoxes(source.firstLine) }
        return boxes(in: source) != nil
    }

    /// Whether a head line is that of a table of boxes.
    private static func isBoxes(_ line: String) -> Bool {
        let names = Set(line.split(separator: ",").map { $0.trimmingBlanks() })
        return names.isSuperset(of: ["ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"])
    }

    /// The table of boxes in a folder.
    private static func boxes(in source: FormatSource) -> String? {
        source.names(suffix: "csv").map(source.file).first {
            (try? FormatSource(path: $0)).map { isBoxes($0.firstLine) } ?? false
        }
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        guard let boxes = source.isFolder ? boxes(in: source) : source.path else {
            throw AnnotationFileError(
                file: source.path, reason: "holds no table of boxes (ImageID, XMin, ...)")
        }
        let folder = try FormatSource(path: source.folder)
        var reading = OpenImagesReading(
            folder: folder.path,
            finder: PictureFinder(options, places: [folder.file("images"), folder.file("data"), folder.path]))
        for name in folder.names(suffix: "csv") where name.contains("class-descriptions") {
            try reading.readNames(folder.file(name))
        }
        for name in folder.names(suffix: "csv") {
            let head = try FormatSource(path: folder.file(name)).firstLine
            if head.contains("MaskPath") { try reading.readMasks(folder.file(name)) }
        }
        try reading.readBoxes(boxes)
        return FormatContents(dataset: reading.builder.dataset, report: reading.builder.report)
    }
}

/// Reads the tables.
private struct OpenImagesReading {
    var builder = DatasetBuilder()
    let folder: String
    let finder: PictureFinder
    private var names: [String: String] = [:]

    /// Masks by picture and class, with the box that they belong to, as fractions.
    private var masks: [String: [(box: [Double], path: String)]] = [:]
    private var images: [String: ImageRecord] = [:]

    init(folder: String, finder: PictureFinder) {
        self.folder = folder
        self.finder = finder
    }

    /// The columns of a table by name.
    private struct Columns {
        let names: [String]
        let path: String

        init(_ reader: inout CSVReader, _ path: String) throws {
            guard try reader.next() else { throw AnnotationFileError(file: path, reason: "is empty") }
            names = reader.values.map { $0.trimmingBlanks() }
            self.path = path
        }

        func callAsFunction(_ name: String) throws -> Int {
            guard let place = names.firstIndex(of: name) else {
                throw AnnotationFileError(file: path, line: 1, reason: "has no column \"\(name)\"")
            }
            return place
        }
    }

    /// Rows of a class's number and name; a head line, as version 7 has, does no harm.
    mutating func readNames(_ path: String) throws {
        names = try FormatFile.csv(path) { reader, _ in
            var names = self.names
            while try reader.next() { names[reader[0]] = reader[1] }
            return names
        }
    }

    mutating func readMasks(_ path: String) throws {
        masks = try FormatFile.csv(path) { reader, _ in
            var masks = self.masks
            let column = try Columns(&reader, path)
            let (file, image, label) = (
                try column("MaskPath"), try column("ImageID"), try column("LabelName")
            )
            let box = try ["BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax"].map { try column($0) }
            while try reader.next() {
                let values = box.compactMap { reader.number($0) }
                guard values.count == 4 else {
                    throw AnnotationFileError(
                        file: path, line: reader.line, reason: "the box has no four numbers")
                }
                masks["\(reader[image])\n\(reader[label])", default: []].append((values, reader[file]))
            }
            return masks
        }
    }

    mutating func readBoxes(_ path: String) throws {
        try FormatFile.csv(path) { reader, file in
            builder.reserve(forFileOf: file.count)
            let column = try Columns(&reader, path)
            let (imageColumn, labelColumn) = (try column("ImageID"), try column("LabelName"))
            let sides = try ["XMin", "XMax", "YMin", "YMax"].map { try column($0) }
            let group = try? column("IsGroupOf")
            let flags = column.names.enumerated().filter { $0.element.hasPrefix("Is") }
            while try reader.next() {
                let values = sides.compactMap { reader.number($0) }
                guard values.count == 4 else {
                    throw AnnotationFileError(
                        file: path, line: reader.line, reason: "XMin, XMax, YMin and YMax are no four numbers"
                    )
                }
                let (imageID, labelID) = (reader[imageColumn], reader[labelColumn])
                let image = try image(imageID)
                guard image.width > 0, image.height > 0 else {
                    builder.report.add(
                        "boxes belong to pictures without a size and are dropped", count: 1)
                    continue
                }
                let (width, height) = (Double(image.width), Double(image.height))
                var outline = Outline(
                    corner: (values[0] * width, values[2] * height),
                    corner: (values[1] * width, values[3] * height))
                let isCrowd = group.map { reader.number($0) == 1 } ?? false
                let label = names[labelID] ?? labelID
                if let mask = try mask(imageID, labelID, values, image), let own = Outline(mask: mask) {
                    (outline.segmentation, outline.area) = (own.segmentation, own.area)
                }
                var attributes = Attributes()
                for (place, name) in flags {
                    if let value = reader.number(place).flatMap({ Int(exactly: $0) }) {
                        attributes.add(name, value)
                    }
                }
                if names[labelID] == nil {
                    builder.report.add(
                        "boxes are of classes without a name: that of the file is kept", count: 1)
                }
                builder.add(outline, label: label, to: image, isCrowd: isCrowd, attributes: attributes)
                file.release(before: reader.position)
            }
        }
        builder.report.add(
            "masks belong to no box and are dropped", count: masks.values.reduce(0) { $0 + $1.count })
    }

    private mutating func image(_ id: String) throws -> ImageRecord {
        if let image = images[id] { return image }
        let name = finder.fileName(stem: id)
        let size = try finder.size(name, &builder.report)
        let image = builder.addImage(name, width: size?.width ?? 0, height: size?.height ?? 0)
        images[id] = image
        return image
    }

    /// The mask of a box, which is taken from the list.
    private mutating func mask(
        _ imageID: String, _ labelID: String, _ box: [Double], _ image: ImageRecord
    ) throws -> RunLengthMask? {
        guard !masks.isEmpty else { return nil }
        let key = "\(imageID)\n\(labelID)"
        guard let own = masks[key],
            let place = own.firstIndex(where: { zip($0.box, box).allSatisfy { ($0 - $1).magnitude < 1e-5 } })
        else { return nil }
        masks[key]?.remove(at: place)
        let name = own[place].path
        let candidates = ["masks/\(name)", "masks/\(name.prefix(1).uppercased())/\(name)", name]
            .map { Path.join(folder, $0) }
        guard let path = candidates.first(where: { FileStatus($0)?.kind == .file }) else {
            builder.report.add("masks are missing from the folder masks", count: 1)
            return nil
        }
        var picture = try FormatFile.withBytes(path) { file in
            do { return try LabelPicture(png: file.bytes) } catch let error as COCOError {
                throw AnnotationFileError(file: path, reason: error.reason)
            }
        }
        if picture.width != image.width || picture.height != image.height {
            builder.report.add("masks have another size than their picture: brought to its size", count: 1)
            picture = picture.resized(width: image.width, height: image.height)
        }
        let mask = try picture.mask(width: image.width, height: image.height)
        if mask.area == 0 { builder.report.add("masks have no pixel and are dropped", count: 1) }
        return mask
    }
}
