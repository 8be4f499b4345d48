import COCO
import Foundation
import Support

/// LabelMe (versions 3 to 5): a JSON file a picture, beside the picture.
package enum LabelMeFormat: DatasetFormat {
    package static let name = FormatName.labelMe

    package static func recognizes(_ source: FormatSource) -> Bool {
        guard source.isFolder else { return isLabelMe(source) }
        let files = (try? FolderFiles.below(source.path, suffix: "json")) ?? []
        return files.prefix(8).contains { (try? FormatSource(path: source.file($0))).map(isLabelMe) ?? false }
    }

    private static func isLabelMe(_ source: FormatSource) -> Bool {
        guard !source.isJSONList else { return false }
        let keys = Set(source.jsonKeys.map(\.key))
        return keys.contains("shapes") && (keys.contains("imagePath") || keys.contains("version"))
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        let files =
            source.isFolder
            ? try FolderFiles.below(source.path, suffix: "json") : [Path.name(source.path)]
        guard !files.isEmpty else {
            throw AnnotationFileError(file: source.path, reason: "holds no JSON file")
        }
        var reading = LabelMeReading(folder: source.folder, options: options)
        for file in files { try reading.read(file) }
        return FormatContents(dataset: reading.builder.dataset, report: reading.builder.report)
    }
}

/// Reads LabelMe's files.
private struct LabelMeReading {
    var builder = DatasetBuilder()
    let folder: String
    let options: FormatReadingOptions

    mutating func read(_ file: String) throws {
        let path = Path.join(folder, file)
        let value = try FormatFile.json(path) { reader, _ in try FormatValue(from: &reader) }
        guard let shapes = value.member("shapes")?.asArray else {
            builder.report.add("JSON files have no \"shapes\" and are skipped", count: 1)
            return
        }
        let below = file.contains("/") ? Path.parent(file) : ""
        let stated = value.member("imagePath")?.asString ?? ""
        let last = stated.split { $0 == "/" || $0 == "\\" }.last.map(String.init)
        let fileName = Path.join(below, last ?? Path.stem(file) + ".jpg")
        let size = try size(value, fileName, stated, path)
        let image = builder.addImage(fileName, width: size?.width ?? 0, height: size?.height ?? 0)
        try add(shapes, to: image, path)
    }

    /// The size that the file states, or that of the picture in it or beside it.
    private mutating func size(
        _ value: FormatValue, _ fileName: String, _ stated: String, _ path: String
    ) throws -> PictureSize? {
        if let width = value.member("imageWidth")?.asInteger, width > 0,
            let height = value.member("imageHeight")?.asInteger, height > 0
        {
            return PictureSize(width: width, height: height)
        }
        if let text = value.member("imageData")?.asString, !text.isEmpty,
            let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters)
        {
            let finder = PictureFinder(options, places: [])
            if let size = try finder.size(of: [UInt8](data), &builder.report) { return size }
        }
        let finder = PictureFinder(options, places: [folder, Path.parent(path)])
        let own = Path.join(Path.parent(path), stated.replacing("\\", with: "/"))
        return try finder.size(
            options.pictures == nil && FileStatus(own)?.kind == .file ? Path.absolute(own) : fileName,
            &builder.report)
    }

    /// Shapes of one label and group.
    private struct Object {
        let label: String
        var parts: [Outline]
        var attributes: Attributes
    }

    private struct GroupKey: Hashable {
        let group: String
        let label: String
    }

    private mutating func add(_ shapes: [FormatValue], to image: ImageRecord, _ path: String) throws {
        var objects: [Object] = []
        var groups: [GroupKey: Int] = [:]
        for (place, shape) in shapes.enumerated() {
            func failure(_ reason: String) -> AnnotationFileError {
                AnnotationFileError(file: path, object: "shape at index \(place)", reason: reason)
            }
            guard let label = shape.member("label")?.asString else { throw failure("has no \"label\"") }
            guard let outline = try outline(shape, image, failure) else { continue }
            var attributes = Attributes()
            if case .object(let flags)? = shape.member("flags") {
                for name in flags.keys.sorted() {
                    if let value = flags[name]?.asBool { attributes.add(name, value) }
                }
            }
            if let text = shape.member("description")?.asString, !text.isEmpty {
                attributes.add("description", text)
            }
            if let group = shape.member("group_id")?.asString {
                let key = GroupKey(group: group, label: label)
                if let place = groups[key] {
                    objects[place].parts.append(outline)
                    continue
                }
                groups[key] = objects.count
            }
            objects.append(Object(label: label, parts: [outline], attributes: attributes))
        }
        for object in objects {
            guard let outline = try Outline(uniting: object.parts, size: (image.width, image.height)) else {
                continue
            }
            builder.add(outline, label: object.label, to: image, attributes: object.attributes)
        }
    }

    private mutating func outline(
        _ shape: FormatValue, _ image: ImageRecord, _ failure: (String) -> AnnotationFileError
    ) throws -> Outline? {
        guard let ring = (shape.member("points") ?? .array([])).asPoints else {
            throw failure("\"points\" is a list of [x, y]")
        }
        let points = stride(from: 0, to: ring.count, by: 2).map { (x: ring[$0], y: ring[$0 + 1]) }
        let kind = shape.member("shape_type")?.asString ?? "polygon"
        switch kind {
        case "polygon", "oriented_rectangle", "rotation":
            let outline = Outline(rings: [ring])
            if outline == nil {
                builder.report.add("polygons have less than three points and are dropped", count: 1)
            }
            return outline
        case "rectangle":
            // The tool writes two corners; others of its kind write all four.
            guard let box = BoundingBox(around: [ring]), points.count >= 2 else {
                throw failure("a rectangle is two corners")
            }
            return Outline(box: box)
        case "circle":
            guard points.count == 2 else { throw failure("a circle is its center and a point on it") }
            let (x, y) = (points[1].x - points[0].x, points[1].y - points[0].y)
            let radius = (x * x + y * y).squareRoot()
            builder.report.add("circles become polygons of 64 corners", count: 1)
            return Outline(ellipseAt: points[0], radii: (radius, radius))
        case "mask": return try mask(shape, points, image, failure)
        case "point", "points", "line", "linestrip":
            let plural = ["point": "points", "line": "lines", "linestrip": "line strips"][kind] ?? kind
            builder.report.add("\(plural) have no equivalent in COCO and are dropped", count: 1)
            return nil
        default:
            builder.report.add("shapes of the type \"\(kind)\" are not known and are dropped", count: 1)
            return nil
        }
    }

    /// A PNG between two pixels, the last one included.
    private mutating func mask(
        _ shape: FormatValue, _ points: [(x: Double, y: Double)], _ image: ImageRecord,
        _ failure: (String) -> AnnotationFileError
    ) throws -> Outline? {
        guard points.count == 2, let text = shape.member("mask")?.asString,
            let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters)
        else { throw failure("a mask is two corners and a PNG in base64") }
        guard image.width > 0, image.height > 0 else {
            builder.report.add("masks belong to pictures without a size and are dropped", count: 1)
            return nil
        }
        let picture: LabelPicture
        do { picture = try LabelPicture(png: data) } catch let error as COCOError {
            throw failure(error.reason)
        }
        let (left, top) = (min(points[0].x, points[1].x), min(points[0].y, points[1].y))
        guard left.magnitude < 1e6, top.magnitude < 1e6 else {
            throw failure("a mask far outside of the picture")
        }
        let outline = Outline(
            mask: try picture.mask(
                left: Int(left.rounded()), top: Int(top.rounded()), width: image.width, height: image.height))
        if outline == nil { builder.report.add("masks have no pixel and are dropped", count: 1) }
        return outline
    }
}
