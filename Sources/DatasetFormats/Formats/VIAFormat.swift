import COCO
import Support

/// VGG Image Annotator 1 and 2: a project or annotations in JSON, or a table.
package enum VIAFormat: DatasetFormat {
    package static let name = FormatName.via

    package static func recognizes(_ source: FormatSource) -> Bool {
        let sample = source.isFolder ? source.sample(suffix: "json") ?? source.sample(suffix: "csv") : source
        guard let sample, !sample.isJSONList else { return false }
        if sample.firstLine.contains("region_shape_attributes") { return true }
        let keys = sample.jsonKeys
        if keys.contains(where: { $0.key.hasPrefix("_via_") }) { return true }
        guard let first = keys.first, first.value.hasPrefix("{") else { return false }
        return first.value.contains("\"filename\"")
            && (first.value.contains("\"size\"") || first.value.contains("\"regions\""))
            || first.value.contains("\"base64_img_data\"")
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        guard
            let path = source.isFolder
                ? (source.sample(suffix: "json") ?? source.sample(suffix: "csv"))?.path : source.path
        else { throw AnnotationFileError(file: source.path, reason: "holds no JSON file and no table") }
        let document = VIADocument(
            path: path, isTable: try FormatSource(path: path).firstLine.contains("region_shape_attributes"))
        func reading(by attribute: String?) throws -> (result: VIAReading, counts: AttributeCounts) {
            var reading = VIAReading(
                path: path, finder: PictureFinder(options, places: [source.file("images"), source.folder]),
                classAttribute: attribute)
            reading.builder.reserve(forFileOf: FileStatus(path)?.byteCount ?? 0)
            var counts = AttributeCounts()
            try Parallel.pipeline(batch: 32) { hand in
                try document.forEachPicture(hand)
            } use: { picture in
                if options.classAttribute == nil {
                    for region in picture.regions { counts.add(region.attributes) }
                }
                try reading.add(picture)
            }
            return (reading, counts)
        }
        let guess = try options.classAttribute ?? classAttribute(atTheBeginningOf: document)
        var (result, counts) = try reading(by: guess)
        // The attribute that the first regions have is nearly always the one that all have; else all is read again.
        if options.classAttribute == nil, counts.classAttribute != guess {
            result = try reading(by: counts.classAttribute).result
        }
        return FormatContents(dataset: result.builder.dataset, report: result.builder.report)
    }

    /// The attribute that looks like the class in the first regions.
    private static func classAttribute(atTheBeginningOf document: VIADocument) throws -> String? {
        struct Enough: Error {}
        var (counts, regions) = (AttributeCounts(), 0)
        do {
            try document.forEachPicture { picture in
                for region in picture.regions { counts.add(region.attributes) }
                regions += picture.regions.count
                if regions > 1000 { throw Enough() }
            }
        } catch is Enough {}
        return counts.classAttribute
    }

    /// How many regions have a text under each attribute.
    private struct AttributeCounts {
        private var counts: [String: Int] = [:]

        mutating func add(_ attributes: FormatValue) {
            guard case .object(let values) = attributes else { return }
            for (name, value) in values where value.asString?.isEmpty == false {
                counts[name, default: 0] += 1
            }
        }

        /// Of the attributes that the most regions have, the one with a usual name, or the first.
        var classAttribute: String? {
            let most = counts.values.max() ?? 0
            let candidates = counts.keys.filter { counts[$0] == most }.sorted()
            let usual = ["class", "label", "category", "type", "object", "object_name", "name"]
            return usual.first { name in candidates.contains { $0.lowercased() == name } }
                .flatMap { name in candidates.first { $0.lowercased() == name } } ?? candidates.first
        }
    }
}

/// A picture as VIA states it, or a part of its regions.
struct VIAPicture {
    let fileName: String

    /// What parts of one picture share; nil for a picture that is stated whole.
    var key: String?
    var regions: [VIARegion]
}

/// A region as VIA states it: two objects of JSON.
struct VIARegion {
    let shape: FormatValue
    let attributes: FormatValue
}

/// VIA's file, which is read picture by picture and never held as a whole.
private struct VIADocument {
    let path: String

    /// Whether it is a table: a row a region, JSON in two of its fields. Else it is JSON.
    let isTable: Bool

    func forEachPicture(_ body: (VIAPicture) throws -> Void) throws {
        if isTable { try forEachRow(body) } else { try forEachValue(body) }
    }

    private func forEachValue(_ body: (VIAPicture) throws -> Void) throws {
        try FormatFile.json(path) { reader, file in
            func one(_ reader: inout JSONReader) throws {
                try body(picture(FormatValue(from: &reader)))
                file.release(before: reader.position)
            }
            try reader.object { reader, key in
                if key == "_via_img_metadata" {
                    try reader.object { reader, _ in try one(&reader) }
                } else if key.hasPrefix("_via_") {
                    try reader.skip()
                } else {
                    try one(&reader)
                }
            }
        }
    }

    private func picture(_ value: FormatValue) throws -> VIAPicture {
        guard let name = value.member("filename")?.asString else {
            throw AnnotationFileError(
                file: path, reason: "a picture has no \"filename\", as VIA's files state it")
        }
        // A list in version 2, an object with the keys "0", "1", ... in version 1.
        let regions: [FormatValue] =
            switch value.member("regions") {
            case .array(let list)?: list
            case .object(let numbered)?:
                numbered.sorted { (Int($0.key) ?? 0, $0.key) < (Int($1.key) ?? 0, $1.key) }.map(\.value)
            default: []
            }
        return VIAPicture(
            fileName: name,
            regions: regions.map {
                VIARegion(
                    shape: $0.member("shape_attributes") ?? .null,
                    attributes: $0.member("region_attributes") ?? .null)
            })
    }

    private func forEachRow(_ body: (VIAPicture) throws -> Void) throws {
        try FormatFile.csv(path) { reader, file in
            guard try reader.next() else { throw AnnotationFileError(file: path, reason: "is empty") }
            // Version 1 begins its head line with "#".
            let names = reader.values.map { String($0.drop { $0 == "#" || $0 == " " }) }
            func column(_ name: String) throws -> Int {
                guard let place = names.firstIndex(of: name) else {
                    throw AnnotationFileError(file: path, line: 1, reason: "has no column \"\(name)\"")
                }
                return place
            }
            let fileName = try column("filename")
            let (shape, attributes) = (try column("region_shape_attributes"), try column("region_attributes"))
            let size = try? column("file_size")
            while try reader.next() {
                let name = reader[fileName]
                var picture = VIAPicture(
                    fileName: name, key: name + "\n" + (size.map { reader[$0] } ?? ""), regions: [])
                let shape = try json(reader, shape)
                if case .object(let values) = shape, !values.isEmpty {
                    picture.regions = [VIARegion(shape: shape, attributes: try json(reader, attributes))]
                }
                try body(picture)
                file.release(before: reader.position)
            }
        }
    }

    private func json(_ reader: CSVReader, _ column: Int) throws -> FormatValue {
        try reader.withBytes(column) { bytes in
            guard !bytes.isEmpty else { return .null }
            do { return try FormatValue(parsing: bytes) } catch let failure as JSONReader.Failure {
                throw AnnotationFileError(
                    file: path, line: reader.line, reason: "the JSON in a field: \(failure.reason)")
            }
        }
    }
}

/// Makes objects of VIA's regions.
private struct VIAReading {
    var builder = DatasetBuilder()
    let path: String
    let finder: PictureFinder
    let classAttribute: String?

    /// The pictures whose regions come in parts.
    private var images: [String: ImageRecord] = [:]

    init(path: String, finder: PictureFinder, classAttribute: String?) {
        self.path = path
        self.finder = finder
        self.classAttribute = classAttribute
    }

    private mutating func image(of picture: VIAPicture) throws -> ImageRecord {
        if let key = picture.key, let image = images[key] { return image }
        var fileName = picture.fileName
        // An address on the web, or a path of Windows.
        if fileName.contains("://") || fileName.contains("\\") {
            let part = fileName.split(separator: "?").first.map(String.init) ?? fileName
            fileName = part.split { $0 == "/" || $0 == "\\" }.last.map(String.init) ?? fileName
        }
        let size = try finder.size(fileName, &builder.report)
        let image = builder.addImage(fileName, width: size?.width ?? 0, height: size?.height ?? 0)
        if let key = picture.key { images[key] = image }
        return image
    }

    mutating func add(_ picture: VIAPicture) throws {
        let image = try image(of: picture)
        for region in picture.regions {
            guard let outline = try outline(region.shape, image.fileName) else { continue }
            guard let classAttribute, let label = text(region.attributes.member(classAttribute)),
                !label.isEmpty
            else {
                builder.report.add(
                    "regions have no class" + (classAttribute.map { " (the attribute \"\($0)\")" } ?? "")
                        + " and are dropped", count: 1)
                continue
            }
            var attributes = Attributes()
            if case .object(let values) = region.attributes {
                for name in values.keys.sorted() where name != classAttribute {
                    if let value = text(values[name]), !value.isEmpty { attributes.add(name, value) }
                }
            }
            builder.add(outline, label: label, to: image, attributes: attributes)
        }
    }

    /// A value of an attribute: of a checkbox the options that are chosen.
    private func text(_ value: FormatValue?) -> String? {
        guard case .object(let options)? = value else { return value?.plainText }
        return options.keys.filter { options[$0]?.asBool ?? (options[$0]?.asString?.isEmpty == false) }
            .sorted()
            .joined(separator: ",")
    }

    private mutating func outline(_ shape: FormatValue, _ fileName: String) throws -> Outline? {
        let kind = shape.member("name")?.asString ?? ""
        func number(_ name: String) throws -> Double {
            guard let value = shape.member(name)?.asNumber else {
                throw AnnotationFileError(
                    file: path, object: fileName, reason: "a region \"\(kind)\" has no number \"\(name)\"")
            }
            return value
        }
        switch kind {
        case "rect":
            return Outline(
                box: BoundingBox(
                    x: try number("x"), y: try number("y"), width: try number("width"),
                    height: try number("height")))
        case "circle":
            builder.report.add("circles and ellipses become polygons of 64 corners", count: 1)
            let radius = try number("r")
            return Outline(ellipseAt: (try number("cx"), try number("cy")), radii: (radius, radius))
        case "ellipse":
            builder.report.add("circles and ellipses become polygons of 64 corners", count: 1)
            let radians = shape.member("theta")?.asNumber ?? 0
            return Outline(
                ellipseAt: (try number("cx"), try number("cy")), radii: (try number("rx"), try number("ry")),
                degrees: radians * 180 / .pi)
        case "polygon":
            let x = shape.member("all_points_x")?.asNumbers ?? []
            let y = shape.member("all_points_y")?.asNumbers ?? []
            guard x.count == y.count else {
                throw AnnotationFileError(
                    file: path, object: fileName, reason: "a polygon has \(x.count) x and \(y.count) y")
            }
            var ring: [Double] = []
            ring.reserveCapacity(2 * x.count)
            for index in x.indices {
                ring.append(x[index])
                ring.append(y[index])
            }
            let outline = Outline(rings: [ring])
            if outline == nil {
                builder.report.add("polygons have less than three points and are dropped", count: 1)
            }
            return outline
        case "polyline", "point":
            builder.report.add(
                "\(kind == "point" ? "points" : "polylines") have no equivalent in COCO and are dropped",
                count: 1)
            return nil
        default:
            builder.report.add("regions of the shape \"\(kind)\" are not known and are dropped", count: 1)
            return nil
        }
    }
}
