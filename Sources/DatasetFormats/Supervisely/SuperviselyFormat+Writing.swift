import COCO
import Foundation
import Support

extension SuperviselyFormat {
    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        do { return try written(dataset, path, options) } catch let failure as FileFailure {
            throw AnnotationFileError(failure)
        }
    }

    private static func written(
        _ dataset: Dataset, _ path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        let rows = try ImageRows(dataset)
        let folder = try NewFolder(path: path)
        let links = PictureLinks(options)
        var names = SuperviselyPlaces(options)
        let places = try (0..<dataset.images.count).map { try names.place(of: dataset.images[$0]) }
        let figures = SuperviselyFigures(dataset)
        var meta = TextBuffer()
        figures.writeMeta(dataset.categories, to: &meta)
        try folder.write(meta.bytes, to: "meta.json")
        var report = ConversionReport()
        try folder.write(pictures: dataset.images.count, &report) { images in
            var figures = figures
            var files: [PictureFile] = []
            for image in images {
                let record = dataset.images[image]
                let (name, set) = places[image]
                var text = TextBuffer()
                text.raw("{\"description\": \"\", \"tags\": [], \"size\": {\"height\": ")
                text.integer(record.height)
                text.raw(", \"width\": ")
                text.integer(record.width)
                text.raw("}, \"objects\": [")
                figures.begin(record)
                for row in rows[image] { try figures.add(row, of: dataset.annotations, to: &text) }
                text.raw("]}\n")
                files.append(PictureFile(name: "\(set)/ann/\(name).json", bytes: text.bytes))
            }
            return (files, figures.report)
        }
        for (image, place) in places.enumerated() {
            try links.link(dataset.images[image], as: "\(place.set)/img/\(place.name)", in: folder)
        }
        try folder.finish()
        report.addOrphans(rows, dataset)
        report.addFieldsOfCOCO(dataset)
        return report
    }
}

/// The data set and the name of each picture: a data set holds no folders, so that folders become data sets.
private struct SuperviselyPlaces {
    private let options: FormatWritingOptions
    private var names = PictureNames()

    init(_ options: FormatWritingOptions) { self.options = options }

    mutating func place(of image: ImageRecord) throws -> (name: String, set: String) {
        let path = try PictureNames.path(of: image, pictures: options.pictures)
        var folders = path.split(separator: "/").dropLast().filter { $0 != "." }
        // As this package reads the names of a project.
        if folders.last == "img" { folders.removeLast() }
        let set =
            folders.isEmpty
            ? options.subset : FileName.shortened(folders.joined(separator: "_"), ending: "")
        let (stem, suffix) = (Path.stem(path), Path.name(path).dropFirst(Path.stem(path).count))
        return (names.unused(stem, suffix: String(suffix), in: set + "/", room: ".json"), set)
    }
}

/// The objects of one picture after another.
private struct SuperviselyFigures {
    var report = ConversionReport()
    private let labels: [Int64: String]

    /// The attributes that are tags with a text; the others are flags.
    private let textTags: Set<String>
    private let flagTags: Set<String>
    private var image = ImageRecord(id: 0, width: 0, height: 0, fileName: "")
    private var instance = 0
    private var isFirst = true

    init(_ dataset: Dataset) {
        labels = Dictionary(
            dataset.categories.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        var (texts, flags): (Set<String>, Set<String>) = ([], [])
        let column = dataset.annotations.attributes
        for row in column.rowsWithText {
            for (name, value) in Attributes.values(column[row]) where name != "description" {
                if value.isBoolean { flags.insert(name) } else { texts.insert(name) }
            }
        }
        if dataset.annotations.flags.contains(where: { $0.contains(.isCrowd) }) { flags.insert("iscrowd") }
        textTags = texts
        flagTags = flags.subtracting(texts)
    }

    /// A color for the tool, another for each number.
    private static func color(_ number: Int) -> String {
        let hexadecimal = String((number + 1) &* 0x9E_3779 & 0xFF_FFFF, radix: 16, uppercase: true)
        return "#" + String(repeating: "0", count: 6 - hexadecimal.count) + hexadecimal
    }

    func writeMeta(_ categories: [COCO.Category], to text: inout TextBuffer) {
        text.raw("{\"classes\": [")
        text.list(categories.enumerated(), separator: ",\n") { text, entry in
            text.raw("{\"title\": ")
            text.quoted(entry.element.name)
            text.raw(
                ", \"shape\": \"any\", \"color\": \"\(Self.color(entry.offset))\", \"geometry_config\": {}}")
        }
        text.raw("],\n\"tags\": [")
        let tags = textTags.sorted().map { ($0, "any_string") } + flagTags.sorted().map { ($0, "none") }
        text.list(tags.enumerated(), separator: ",\n") { text, entry in
            text.raw("{\"name\": ")
            text.quoted(entry.element.0)
            text.raw(", \"value_type\": \"\(entry.element.1)\", \"color\": \"\(Self.color(entry.offset))\"}")
        }
        text.raw("],\n\"projectType\": \"images\"}\n")
    }

    mutating func begin(_ image: ImageRecord) {
        self.image = image
        instance = 0
        isFirst = true
    }

    mutating func add(_ row: Int, of table: AnnotationTable, to text: inout TextBuffer) throws {
        let id = table.ids[row]
        guard let label = labels[table.categoryIDs[row]] else {
            report.add("annotations have a category that is not in the list and are dropped", id: id)
            return
        }
        if table.flags[row].contains(.isIgnored) {
            report.add("annotations are to be ignored: this is not kept", id: id)
        }
        let details = Details(
            label: label, isCrowd: table.flags[row].contains(.isCrowd),
            attributes: Attributes.values(table.attributes[row]))
        switch table.segmentations[row] {
        case .polygons(let rings)?:
            let whole = rings.filter { $0.count >= 6 }
            if whole.count < rings.count {
                report.add("rings have less than three points and are dropped", id: id)
            }
            if whole.count > 1 { instance += 1 }
            for ring in whole {
                begin(details, "polygon", &text)
                if whole.count > 1 { text.raw(", \"instance\": \"\(instance)\"") }
                points(ring, &text)
                text.raw(", \"interior\": []}}")
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
            let png = LabelPicture(width: crop.width, height: crop.height, numbers: crop.pixels)
                .png(hasPalette: true)
            begin(details, "bitmap", &text)
            text.raw(", \"bitmap\": {\"data\": \"")
            text.raw(Data(Deflate.deflated(png)).base64EncodedString())
            text.raw("\", \"origin\": [\(crop.left), \(crop.top)]}}")
        case nil:
            guard table.flags[row].contains(.hasBox), table.boxes[row].isFinite else {
                report.add("annotations have no box and no outline and are dropped", id: id)
                return
            }
            let box = table.boxes[row]
            begin(details, "rectangle", &text)
            points([box.x, box.y, box.x + box.width, box.y + box.height], &text)
            text.raw(", \"interior\": []}}")
        }
    }

    /// What a figure says beside its geometry.
    private struct Details {
        let label: String
        let isCrowd: Bool
        let attributes: [(name: String, value: FormatValue)]
    }

    private mutating func begin(_ details: Details, _ kind: StaticString, _ text: inout TextBuffer) {
        text.raw(isFirst ? "\n{\"classTitle\": " : ",\n{\"classTitle\": ")
        isFirst = false
        text.quoted(details.label)
        text.raw(", \"geometryType\": \"")
        text.raw(kind)
        text.raw("\", \"description\": ")
        text.quoted(details.attributes.first { $0.name == "description" }?.value.plainText ?? "")
        text.raw(", \"tags\": [")
        var tags = details.attributes.filter { name, value in
            // A flag is a tag without a value, and there when it is set.
            name != "description" && (textTags.contains(name) || value.asBool == true)
        }
        if details.isCrowd { tags.append((name: "iscrowd", value: .boolean(true))) }
        text.list(tags) { text, tag in
            text.raw("{\"name\": ")
            text.quoted(tag.name)
            text.raw(", \"value\": ")
            if textTags.contains(tag.name) { text.quoted(tag.value.plainText) } else { text.raw("null") }
            text.raw("}")
        }
        text.raw("]")
    }

    private func points(_ values: [Double], _ text: inout TextBuffer) {
        text.raw(", \"points\": {\"exterior\": [")
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
