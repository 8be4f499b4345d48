import COCO
import Support

/// Pascal VOC (the devkit's annotation of images): an XML file a picture in `Annotations`, pictures in `JPEGImages`, and for
/// some pictures the objects' pixels in `SegmentationObject`.
package enum VOCFormat: DatasetFormat {
    package static let name = FormatName.voc

    package static func recognizes(_ source: FormatSource) -> Bool {
        guard source.isFolder else { return source.xmlRoot == "annotation" }
        let folder =
            source.hasFolder("Annotations") ? try? FormatSource(path: source.file("Annotations")) : source
        guard let folder else { return false }
        if let sample = folder.sample(suffix: "xml") { return sample.xmlRoot == "annotation" }
        // Annotations in folders of their own, as this package writes names with folders.
        return source.hasFolder("Annotations") && source.hasFolder("JPEGImages")
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        var root = source.folder
        var annotations = root
        if source.isFolder, source.hasFolder("Annotations") {
            annotations = source.file("Annotations")
        } else if Path.name(root) == "Annotations" {
            root = Path.parent(root)
        }
        var files =
            source.isFolder ? try FolderFiles.below(annotations, suffix: "xml") : [Path.name(source.path)]
        if let subset = options.subset { files = try Self.files(files, of: subset, root) }
        guard !files.isEmpty else {
            throw AnnotationFileError(file: annotations, reason: "holds no XML file")
        }
        var reading = VOCReading(
            root: root,
            finder: PictureFinder(options, places: [Path.join(root, "JPEGImages"), root, annotations]))
        for file in files { try reading.read(file, in: annotations) }
        return FormatContents(dataset: reading.builder.dataset, report: reading.builder.report)
    }

    /// The files of a part of the pictures, which `ImageSets/Main` lists.
    private static func files(_ files: [String], of subset: String, _ root: String) throws -> [String] {
        let list = Path.join(root, "ImageSets/Main/\(subset).txt")
        let text: TextFile
        do { text = try TextFile(contentsOf: list) } catch { throw AnnotationFileError(error) }
        let names = Set(text.entries().map { $0.split(separator: " ").first.map(String.init) ?? "" })
        return files.filter { names.contains(String($0.dropLast(".xml".count))) }
    }
}

/// Reads VOC's files.
private struct VOCReading {
    var builder = DatasetBuilder()
    let root: String
    let finder: PictureFinder

    init(root: String, finder: PictureFinder) {
        self.root = root
        self.finder = finder
        hasMasks = FileStatus(Path.join(root, "SegmentationObject"))?.kind == .folder
    }

    private let hasMasks: Bool

    private struct Object {
        var name = ""
        var outline: Outline?
        var difficult: Int?
        var truncated: Int?
        var occluded: Int?
        var attributes = Attributes()
    }

    private struct Picture {
        var fileName = ""
        var width = 0
        var height = 0
        var isSegmented: Bool?
        var objects: [Object] = []
    }

    mutating func read(_ file: String, in folder: String) throws {
        let path = Path.join(folder, file)
        var picture = try FormatFile.xml(path) { scanner, _ in
            try scanner.enterRoot("annotation")
            return try self.picture(&scanner)
        }
        let stem = String(file.dropLast(".xml".count))
        picture.fileName = fileName(picture.fileName, stem: stem)
        if picture.width <= 0 || picture.height <= 0,
            let size = try finder.size(picture.fileName, &builder.report)
        {
            (picture.width, picture.height) = (size.width, size.height)
        }
        let image = builder.addImage(picture.fileName, width: picture.width, height: picture.height)
        let masks = try masks(stem, picture)
        for (place, object) in picture.objects.enumerated() {
            guard !object.name.isEmpty else {
                builder.report.add("objects have no name and are dropped", count: 1)
                continue
            }
            guard var outline = object.outline else {
                builder.report.add("objects have no box and are dropped", count: 1)
                continue
            }
            if let masks, let mask = try mask(of: place, masks, picture), let own = Outline(mask: mask) {
                (outline.segmentation, outline.area) = (own.segmentation, own.area)
            }
            var attributes = object.attributes
            if let value = object.difficult { attributes.add("difficult", value) }
            if let value = object.truncated { attributes.add("truncated", value) }
            if let value = object.occluded { attributes.add("occluded", value) }
            builder.add(
                outline, label: object.name, to: image, isCrowd: object.difficult.map { $0 != 0 } ?? false,
                attributes: attributes)
        }
    }

    /// The name that a file states; of a path of Windows or from the root its last part.
    private func fileName(_ stated: String, stem: String) -> String {
        var name = stated
        if name.contains("\\") || name.hasPrefix("/") {
            name = name.split { $0 == "\\" || $0 == "/" }.last.map(String.init) ?? ""
        }
        if name.isEmpty { name = stem }
        guard !PictureExtensions.all.contains(Path.suffix(name)), Path.suffix(name) != "bmp" else {
            return name
        }
        // Some tools leave the extension out.
        return finder.fileName(stem: name)
    }

    private mutating func picture(_ scanner: inout XMLScanner) throws -> Picture {
        var picture = Picture()
        try scanner.forEachChild { scanner in
            if scanner.isElement("filename") {
                picture.fileName = try scanner.contents().trimmingBlanks()
            } else if scanner.isElement("size") {
                try scanner.forEachChild { scanner in
                    if scanner.isElement("width") {
                        picture.width = try Self.size(&scanner)
                    } else if scanner.isElement("height") {
                        picture.height = try Self.size(&scanner)
                    }
                }
            } else if scanner.isElement("segmented") {
                picture.isSegmented = try Self.number(&scanner).map { $0 != 0 }
            } else if scanner.isElement("object") {
                picture.objects.append(try object(&scanner))
            }
        }
        return picture
    }

    private mutating func object(_ scanner: inout XMLScanner) throws -> Object {
        var object = Object()
        var (box, polygon): (Outline?, Outline?) = (nil, nil)
        try scanner.forEachChild { scanner in
            if scanner.isElement("name") {
                object.name = try scanner.contents().trimmingBlanks()
            } else if scanner.isElement("bndbox") {
                box = try Self.box(&scanner)
            } else if scanner.isElement("robndbox") {
                box = try Self.turnedBox(&scanner)
            } else if scanner.isElement("polygon") {
                polygon = try Self.polygon(&scanner)
            } else if scanner.isElement("difficult") {
                object.difficult = try Self.number(&scanner).flatMap { Int(exactly: $0) }
            } else if scanner.isElement("truncated") {
                object.truncated = try Self.number(&scanner).flatMap { Int(exactly: $0) }
            } else if scanner.isElement("occluded") {
                object.occluded = try Self.number(&scanner).flatMap { Int(exactly: $0) }
            } else if scanner.isElement("pose") {
                let pose = try scanner.contents().trimmingBlanks()
                if !pose.isEmpty, pose.lowercased() != "unspecified" { object.attributes.add("pose", pose) }
            } else if scanner.isElement("attributes") {
                try Self.attributes(&scanner, &object.attributes)
            } else if scanner.isElement("part") {
                builder.report.add("parts of objects have no place and are dropped", count: 1)
            } else if scanner.isElement("actions") || scanner.isElement("point") {
                builder.report.add("objects state <\(scanner.elementName)>: not kept", count: 1)
            }
        }
        object.outline = box
        if let polygon {
            object.outline?.segmentation = polygon.segmentation
            object.outline?.area = polygon.area
            if box == nil { object.outline = polygon }
        }
        return object
    }

    /// `<attribute><name>...</name><value>...</value></attribute>`, as CVAT writes them.
    private static func attributes(_ scanner: inout XMLScanner, _ attributes: inout Attributes) throws {
        try scanner.forEachChild { scanner in
            var (name, value) = ("", "")
            try scanner.forEachChild { scanner in
                if scanner.isElement("name") {
                    name = try scanner.contents()
                } else if scanner.isElement("value") {
                    value = try scanner.contents()
                }
            }
            if !name.isEmpty { attributes.add(name, value) }
        }
    }

    /// Pixels are numbered from 1, and both ends are inside.
    private static func box(_ scanner: inout XMLScanner) throws -> Outline? {
        var values: [Double?] = [nil, nil, nil, nil]
        try scanner.forEachChild { scanner in
            for (place, name) in (["xmin", "ymin", "xmax", "ymax"] as [StaticString]).enumerated()
            where scanner.isElement(name) {
                values[place] = try number(&scanner)
            }
        }
        guard let left = values[0], let top = values[1], let right = values[2], let bottom = values[3] else {
            throw scanner.failure("<bndbox> needs xmin, ymin, xmax and ymax")
        }
        return Outline(
            box: BoundingBox(
                x: min(left, right) - 1, y: min(top, bottom) - 1, width: (right - left).magnitude + 1,
                height: (bottom - top).magnitude + 1))
    }

    /// The turned box of roLabelImg: center, extent and an angle in radians, clockwise.
    private static func turnedBox(_ scanner: inout XMLScanner) throws -> Outline? {
        var values: [Double?] = [nil, nil, nil, nil, nil]
        try scanner.forEachChild { scanner in
            for (place, name) in (["cx", "cy", "w", "h", "angle"] as [StaticString]).enumerated()
            where scanner.isElement(name) {
                values[place] = try number(&scanner)
            }
        }
        guard let x = values[0], let y = values[1], let width = values[2], let height = values[3] else {
            throw scanner.failure("<robndbox> needs cx, cy, w, h and angle")
        }
        return Outline(
            box: BoundingBox(x: x - width / 2, y: y - height / 2, width: width, height: height),
            degrees: (values[4] ?? 0) * 180 / .pi, around: (x, y))
    }

    /// Points `x1, y1, x2, y2, ...` as elements, as Roboflow writes them.
    private static func polygon(_ scanner: inout XMLScanner) throws -> Outline? {
        var points: [String: Double] = [:]
        try scanner.forEachChild { scanner in
            let name = scanner.elementName
            points[name] = try number(&scanner)
        }
        var ring: [Double] = []
        var place = 1
        while let x = points["x\(place)"], let y = points["y\(place)"] {
            ring += [x, y]
            place += 1
        }
        return Outline(rings: [ring])
    }

    /// The number of pixels inside an element; 0 for an empty one.
    private static func size(_ scanner: inout XMLScanner) throws -> Int {
        guard let value = try number(&scanner) else { return 0 }
        guard value.magnitude < 0x1p31 else { throw scanner.failure("\(value) is not a number of pixels") }
        return Int(value)
    }

    /// The number inside an element; nil for an empty one and for words.
    private static func number(_ scanner: inout XMLScanner) throws -> Double? {
        let text = try scanner.contents()
        if let value = DecimalText.number(text) { return value }
        let word = text.trimmingBlanks()
        guard word.isEmpty || ["Unspecified", "nan", "None"].contains(word) else {
            throw scanner.failure("\"\(word.prefix(40))\" is no finite number")
        }
        return nil
    }

    // MARK: Masks

    /// The objects' pixels of a picture; nil when there are none.
    private mutating func masks(_ stem: String, _ picture: Picture) throws -> LabelPicture? {
        guard hasMasks, picture.isSegmented ?? true, !picture.objects.isEmpty else { return nil }
        let path = Path.join(root, "SegmentationObject/\(stem).png")
        guard FileStatus(path)?.kind == .file else {
            if picture.isSegmented == true {
                builder.report.add(
                    "pictures are said to be segmented, and SegmentationObject does not have them", count: 1)
            }
            return nil
        }
        let masks = try FormatFile.withBytes(path) { file in
            do { return try LabelPicture(png: file.bytes) } catch let error as COCOError {
                throw AnnotationFileError(file: path, reason: error.reason)
            }
        }
        guard masks.width == picture.width, masks.height == picture.height else {
            builder.report.add(
                "segmentation pictures differ in size from their picture and are dropped", count: 1)
            return nil
        }
        return masks
    }

    /// The pixels of an object, nil when it has none; 255 is the rim, which belongs to nobody.
    private mutating func mask(of place: Int, _ masks: LabelPicture, _ picture: Picture) throws
        -> RunLengthMask?
    {
        guard place < 254 else { return nil }
        let mask = try masks.mask(width: picture.width, height: picture.height) { $0 == UInt8(place + 1) }
        return mask.area > 0 ? mask : nil
    }
}
