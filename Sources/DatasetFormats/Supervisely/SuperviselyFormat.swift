import COCO
import Foundation
import Support

/// Supervisely's project of images: `meta.json` with the classes, and a folder a data set with `ann`, a JSON file a picture
/// that is named after it, and `img`, the pictures.
package enum SuperviselyFormat: DatasetFormat {
    package static let name = FormatName.supervisely

    package static func recognizes(_ source: FormatSource) -> Bool {
        guard source.isFolder || Path.name(source.path) == "meta.json",
            let meta = try? FormatSource(path: source.file("meta.json")), !meta.isFolder, !meta.isJSONList
        else { return false }
        return meta.jsonKeys.contains { $0.key == "classes" && $0.value.hasPrefix("[") }
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        let root = source.folder
        var reading = SuperviselyReading(root: root, finder: PictureFinder(options, places: [root]))
        try reading.readClasses()
        var files = try FolderFiles.below(root, suffix: "json").filter { Path.name(Path.parent($0)) == "ann" }
        if let subset = options.subset {
            files = files.filter { $0.hasPrefix(subset + "/") }
            guard !files.isEmpty else {
                throw AnnotationFileError(file: root, reason: "holds no data set \"\(subset)\"")
            }
        }
        for file in files { try reading.read(file) }
        return FormatContents(dataset: reading.builder.dataset, report: reading.builder.report)
    }
}

/// Reads Supervisely's files.
private struct SuperviselyReading {
    var builder = DatasetBuilder()
    let root: String
    let finder: PictureFinder

    init(root: String, finder: PictureFinder) {
        self.root = root
        self.finder = finder
    }

    mutating func readClasses() throws {
        let path = Path.join(root, "meta.json")
        let meta = try FormatFile.json(path) { reader, _ in try FormatValue(from: &reader) }
        for (place, entry) in (meta.member("classes")?.asArray ?? []).enumerated() {
            guard let title = entry.member("title")?.asString else {
                throw AnnotationFileError(
                    file: path, object: "class at index \(place)", reason: "has no \"title\"")
            }
            _ = builder.category(title)
        }
    }

    mutating func read(_ file: String) throws {
        let path = Path.join(root, file)
        let value = try FormatFile.json(path) { reader, _ in try FormatValue(from: &reader) }
        guard let objects = value.member("objects")?.asArray else {
            builder.report.add("JSON files have no \"objects\" and are skipped", count: 1)
            return
        }
        builder.report.add(
            "tags of pictures are dropped", count: value.member("tags")?.asArray?.count ?? 0)
        let fileName = pictureName(file)
        let size: PictureSize?
        if let width = value.member("size")?.member("width")?.asInteger, width > 0,
            let height = value.member("size")?.member("height")?.asInteger, height > 0
        {
            size = PictureSize(width: width, height: height)
        } else {
            size = try finder.size(fileName, &builder.report)
        }
        let image = builder.addImage(fileName, width: size?.width ?? 0, height: size?.height ?? 0)
        try add(objects, to: image, path)
    }

    /// The path of a file's picture below the project's folder, or below the folder of pictures that the user named, where the
    /// pictures may lie without the project's folders. Older files are named without the picture's extension.
    private func pictureName(_ file: String) -> String {
        let folder = Path.parent(Path.parent(file))
        let name = String(Path.name(file).dropLast(".json".count))
        let hasSuffix = PictureExtensions.all.contains(Path.suffix(name))
        func fileName(_ path: String) -> String { hasSuffix ? path : finder.fileName(stem: path) }
        let place = fileName((folder == "." ? "img/" : "\(folder)/img/") + name)
        let own = fileName(name)
        return finder.path(place) == nil && finder.path(own) != nil ? own : place
    }

    /// Figures of one class that are one object.
    private struct Object {
        let label: String
        var parts: [Outline]
        var tags: SuperviselyTags
    }

    private struct InstanceKey: Hashable {
        let instance: String
        let label: String
    }

    private mutating func add(_ figures: [FormatValue], to image: ImageRecord, _ path: String) throws {
        var objects: [Object] = []
        var instances: [InstanceKey: Int] = [:]
        for (place, figure) in figures.enumerated() {
            func failure(_ reason: String) -> AnnotationFileError {
                AnnotationFileError(file: path, object: "object at index \(place)", reason: reason)
            }
            guard let label = figure.member("classTitle")?.asString else {
                throw failure("has no \"classTitle\"")
            }
            guard let outline = try outline(figure, image, failure) else { continue }
            if let instance = figure.member("instance")?.asString {
                let key = InstanceKey(instance: instance, label: label)
                if let place = instances[key] {
                    objects[place].parts.append(outline)
                    continue
                }
                instances[key] = objects.count
            }
            objects.append(Object(label: label, parts: [outline], tags: SuperviselyTags(figure)))
        }
        for object in objects {
            guard let outline = try Outline(uniting: object.parts, size: (image.width, image.height)) else {
                continue
            }
            builder.add(
                outline, label: object.label, to: image, isCrowd: object.tags.isCrowd,
                attributes: object.tags.attributes)
        }
    }

    private static let plurals = [
        "point": "points", "line": "lines", "graph": "sets of key points", "cuboid": "cuboids",
        "cuboid_2d": "cuboids",
    ]

    private mutating func outline(
        _ figure: FormatValue, _ image: ImageRecord, _ failure: (String) -> AnnotationFileError
    ) throws -> Outline? {
        let kind = (figure.member("geometryType") ?? figure.member("shape"))?.asString ?? ""
        switch kind {
        case "rectangle", "oriented_bbox":
            let corners = try points(figure.member("points"), failure)
            guard corners.count == 4 else { throw failure("a rectangle is two corners") }
            let (a, b) = ((x: corners[0], y: corners[1]), (x: corners[2], y: corners[3]))
            let plain = Outline(corner: a, corner: b)
            let radians = kind == "rectangle" ? 0 : figure.member("angle")?.asNumber ?? 0
            return Outline(
                box: plain.box, degrees: radians * 180 / .pi, around: ((a.x + b.x) / 2, (a.y + b.y) / 2))
        case "polygon": return try polygon(figure, image, failure)
        case "bitmap": return try bitmap(figure, image, failure)
        default:
            if let plural = Self.plurals[kind] {
                builder.report.add("\(plural) have no equivalent in COCO and are dropped", count: 1)
            } else {
                builder.report.add("figures of the type \"\(kind)\" are not known and are dropped", count: 1)
            }
            return nil
        }
    }

    /// The points of a figure, which are those of its exterior where it has one, one after another.
    private func points(
        _ value: FormatValue?, _ failure: (String) -> AnnotationFileError
    ) throws -> [Double] {
        guard let points = (value?.member("exterior") ?? value ?? .array([])).asPoints else {
            throw failure("\"points\" is a list of [x, y]")
        }
        return points
    }

    /// A ring; with holes, which COCO's polygons cannot say, a mask.
    private mutating func polygon(
        _ figure: FormatValue, _ image: ImageRecord, _ failure: (String) -> AnnotationFileError
    ) throws -> Outline? {
        let value = figure.member("points")
        let ring = try points(value, failure)
        guard let outline = Outline(rings: [ring]) else {
            builder.report.add("polygons have less than three points and are dropped", count: 1)
            return nil
        }
        let holes = try (value?.member("interior")?.asArray ?? [])
            .map { try points($0, failure) }.filter { $0.count >= 6 }
        guard !holes.isEmpty else { return outline }
        let (width, height) = (image.width, image.height)
        guard width > 0, height > 0, width <= RunLengthMask.maximumPixelCount / height else {
            builder.report.add("holes of polygons in pictures without a size are filled", count: holes.count)
            return outline
        }
        builder.report.add("polygons with holes become masks of pixels", count: 1)
        do {
            var pixels = try RunLengthMask(height: height, width: width, polygons: [ring]).pixels()
            for hole in holes {
                let mask = try RunLengthMask(height: height, width: width, polygons: [hole])
                mask.forEachColumnRun { column, rows in for row in rows { pixels[row * width + column] = 0 } }
            }
            let mask = Outline(mask: try RunLengthMask(height: height, width: width, pixels: pixels))
            if mask == nil { builder.report.add("masks have no pixel and are dropped", count: 1) }
            return mask
        } catch let error as COCOError { throw failure(error.reason) }
    }

    /// A PNG, packed once more, whose upper left pixel lies at `origin`. Of a picture with alpha that says what is set.
    private mutating func bitmap(
        _ figure: FormatValue, _ image: ImageRecord, _ failure: (String) -> AnnotationFileError
    ) throws -> Outline? {
        let value = figure.member("bitmap")
        let origin = (value?.member("origin")?.asNumbers ?? []).compactMap(Int.init(exactly:))
        guard origin.count == 2, origin.allSatisfy({ $0.magnitude < 1_000_000 }),
            let text = value?.member("data")?.asString,
            let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters)
        else { throw failure("a bitmap is \"data\" in base64 and its \"origin\" [x, y]") }
        guard image.width > 0, image.height > 0 else {
            builder.report.add("masks belong to pictures without a size and are dropped", count: 1)
            return nil
        }
        do {
            let png = try Deflate.inflated([UInt8](data), limit: RunLengthMask.maximumPixelCount)
            let picture = try LabelPicture(png: png, readsAlpha: true)
            let mask = try picture.mask(
                left: origin[0], top: origin[1], width: image.width, height: image.height)
            let outline = Outline(mask: mask)
            if outline == nil { builder.report.add("masks have no pixel and are dropped", count: 1) }
            return outline
        } catch let error as COCOError { throw failure(error.reason) }
    }
}

/// The tags and the description of a figure.
private struct SuperviselyTags {
    var attributes = Attributes()
    var isCrowd = false

    init(_ figure: FormatValue) {
        var values: [(name: String, texts: [String])] = []
        for tag in figure.member("tags")?.asArray ?? [] {
            guard let name = tag.member("name")?.asString ?? tag.asString else { continue }
            if name == "iscrowd" || name == "is_crowd" {
                isCrowd = true
                continue
            }
            let texts = tag.member("value").map { [$0.plainText] } ?? []
            if let place = values.firstIndex(where: { $0.name == name }) {
                values[place].texts += texts
            } else {
                values.append((name, texts))
            }
        }
        for (name, texts) in values {
            if texts.isEmpty {
                attributes.add(name, true)
            } else {
                attributes.add(name, texts.joined(separator: ","))
            }
        }
        if let text = figure.member("description")?.asString, !text.isEmpty,
            !values.contains(where: { $0.name == "description" })
        {
            attributes.add("description", text)
        }
    }
}
