import COCO
import Support

/// FiftyOne's data set on the disk: `samples.json` with everything (FiftyOneDataset), or `labels.json` with boxes
/// (FiftyOneImageDetectionDataset), and the pictures in `data`.
package enum FiftyOneFormat: DatasetFormat {
    package static let name = FormatName.fiftyOne

    package static func recognizes(_ source: FormatSource) -> Bool { file(source) != nil }

    private static func file(_ source: FormatSource) -> String? {
        let candidates = source.isFolder ? ["samples.json", "labels.json"].map(source.file) : [source.path]
        return candidates.first { path in
            guard let sample = try? FormatSource(path: path), !sample.isFolder, !sample.isJSONList else {
                return false
            }
            let keys = Set(sample.jsonKeys.map(\.key))
            return keys.contains("samples") || keys.contains("labels") && !keys.contains("images")
        }
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        guard let path = file(source) ?? (source.isFolder ? nil : source.path) else {
            throw AnnotationFileError(file: source.path, reason: "holds neither samples.json nor labels.json")
        }
        var reading = FiftyOneReading(
            path: path, finder: PictureFinder(options, places: [source.file("data"), source.folder]))
        try FormatFile.json(path) { reader, file in
            reading.builder.reserve(forFileOf: file.count)
            try reader.object { reader, key in
                switch key {
                case "samples":
                    try reader.array { reader in
                        try reading.add(sample: FormatValue(from: &reader))
                        file.release(before: reader.position)
                    }
                case "classes":
                    reading.classes = try FormatValue(from: &reader).asArray?.compactMap(\.asString) ?? []
                case "labels":
                    try reader.object { reader, name in
                        try reading.add(picture: name, FormatValue(from: &reader))
                    }
                default: try reader.skip()
                }
            }
        }
        return FormatContents(dataset: reading.builder.dataset, report: reading.builder.report)
    }
}

/// Reads FiftyOne's samples.
private struct FiftyOneReading {
    var builder = DatasetBuilder()
    let path: String
    let finder: PictureFinder

    /// The names of the classes, where labels are numbers.
    var classes: [String] = [] {
        didSet { for name in classes { _ = builder.category(name) } }
    }

    init(path: String, finder: PictureFinder) {
        self.path = path
        self.finder = finder
    }

    mutating func add(sample: FormatValue) throws {
        guard case .object(let fields) = sample, let file = sample.member("filepath")?.asString else {
            throw AnnotationFileError(file: path, reason: "a sample has no \"filepath\"")
        }
        let image = try image(Self.name(file), sample.member("metadata"))
        // Ground truth first, by name or because there is nothing else.
        let names = fields.keys.filter { Self.isLabels(fields[$0]) }.sorted {
            (Self.rank($0), $0) < (Self.rank($1), $1)
        }
        for (name, value) in fields
        where !Self.isLabels(value) && value.member("_cls") != nil && name != "metadata" {
            builder.report.add("fields \"\(name)\" are neither boxes nor polylines and are dropped", count: 1)
        }
        guard let chosen = names.first, let value = fields[chosen] else { return }
        for name in names.dropFirst() {
            builder.report.add(
                "fields \"\(name)\" stand beside \"\(chosen)\", which is read, and are dropped", count: 1)
        }
        for detection in value.member("detections")?.asArray ?? [] { try add(detection, to: image) }
        for polyline in value.member("polylines")?.asArray ?? [] { add(polyline: polyline, to: image) }
    }

    private static func isLabels(_ value: FormatValue?) -> Bool {
        ["Detections", "Polylines"].contains(value?.member("_cls")?.asString ?? "")
    }

    private static func rank(_ name: String) -> Int {
        ["ground_truth", "detections", "segmentations", "labels"].firstIndex(of: name) ?? 9
    }

    /// A picture of `labels.json`, which is named without its extension.
    mutating func add(picture name: String, _ detections: FormatValue) throws {
        let image = try image(finder.fileName(stem: name), nil)
        for detection in detections.asArray ?? [] { try add(detection, to: image) }
    }

    private static func name(_ file: String) -> String {
        if file.contains("\\") || file.hasPrefix("/") {
            return file.split { $0 == "/" || $0 == "\\" }.last.map(String.init) ?? file
        }
        return file.hasPrefix("data/") ? String(file.dropFirst(5)) : file
    }

    private mutating func image(_ name: String, _ metadata: FormatValue?) throws -> ImageRecord {
        if let width = metadata?.member("width")?.asInteger,
            let height = metadata?.member("height")?.asInteger,
            width > 0, height > 0
        {
            return builder.addImage(name, width: width, height: height)
        }
        let size = try finder.size(name, &builder.report)
        return builder.addImage(name, width: size?.width ?? 0, height: size?.height ?? 0)
    }

    /// The class of a label, which may be a number.
    private func label(_ value: FormatValue) -> String? {
        if case .integer(let number)? = value.member("label"), classes.indices.contains(number) {
            return classes[number]
        }
        return value.member("label")?.asString
    }

    private mutating func add(_ detection: FormatValue, to image: ImageRecord) throws {
        let sides = detection.member("bounding_box")?.asNumbers ?? []
        guard let label = label(detection), sides.count == 4 else {
            builder.report.add("detections have no label or no box and are dropped", count: 1)
            return
        }
        guard image.width > 0, image.height > 0 else {
            builder.report.add("detections belong to pictures without a size and are dropped", count: 1)
            return
        }
        let (width, height) = (Double(image.width), Double(image.height))
        var outline = Outline(
            box: BoundingBox(
                x: sides[0] * width, y: sides[1] * height, width: sides[2] * width, height: sides[3] * height)
        )
        let packed = detection.member("mask").flatMap {
            $0.asString ?? $0.member("$binary")?.asString ?? $0.member("$binary")?.member("base64")?.asString
        }
        if let packed {
            do {
                if let own = Outline(mask: try mask(packed, outline.box, image)) {
                    (outline.segmentation, outline.area) = (own.segmentation, own.area)
                }
            } catch let error as COCOError {
                throw AnnotationFileError(file: path, object: image.fileName, reason: error.reason)
            }
        } else if detection.member("mask_path") != nil {
            builder.report.add("masks are stored in separate files (mask_path) and are dropped", count: 1)
        }
        let known = [
            "_id", "_cls", "id", "label", "bounding_box", "mask", "mask_path", "tags", "attributes",
            "iscrowd",
            "confidence", "index", "instance",
        ]
        var attributes = Attributes()
        if case .object(let values) = detection {
            for name in values.keys.sorted() where !known.contains(name) {
                guard let value = values[name], !value.isNull else { continue }
                if case .boolean(let flag) = value {
                    attributes.add(name, flag)
                } else if let text = value.asString {
                    attributes.add(name, text)
                }
            }
        }
        if case .object(let values)? = detection.member("attributes") {
            for name in values.keys.sorted() {
                let value = values[name]?.member("value") ?? values[name]
                if case .boolean(let flag)? = value {
                    attributes.add(name, flag)
                } else if let text = value?.plainText, !text.isEmpty {
                    attributes.add(name, text)
                }
            }
        }
        if detection.member("confidence") != nil {
            builder.report.add("scores (confidence) are not kept", count: 1)
        }
        builder.add(
            outline, label: label, to: image, isCrowd: detection.member("iscrowd")?.asInteger == 1,
            attributes: attributes)
    }

    /// The mask fills the box, to whole pixels.
    private func mask(_ packed: String, _ box: BoundingBox, _ image: ImageRecord) throws -> RunLengthMask {
        let picture = try MaskArray.picture(packed)
        guard box.isFinite, [box.x, box.y, box.width, box.height].allSatisfy({ $0.magnitude < 1e9 }) else {
            throw COCOError("a box is too large")
        }
        let (left, top) = (max(0, Int(box.x.rounded(.down))), max(0, Int(box.y.rounded(.down))))
        let right = min(image.width, Int((box.x + box.width - 1e-6).rounded(.up)))
        let bottom = min(image.height, Int((box.y + box.height - 1e-6).rounded(.up)))
        guard right > left, bottom > top, picture.width > 0, picture.height > 0 else {
            return try RunLengthMask(height: image.height, width: image.width)
        }
        // Of a pixel more or less, the one that was rounded otherwise, nothing is resampled.
        let isClose =
            (picture.width - (right - left)).magnitude <= 1
            && (picture.height - (bottom - top)).magnitude <= 1
        let fitted = isClose ? picture : picture.resized(width: right - left, height: bottom - top)
        return try fitted.mask(left: left, top: top, width: image.width, height: image.height)
    }

    private mutating func add(polyline: FormatValue, to image: ImageRecord) {
        guard polyline.member("closed")?.asBool == true || polyline.member("filled")?.asBool == true else {
            builder.report.add("polylines are neither closed nor filled and are dropped", count: 1)
            return
        }
        let (width, height) = (Double(image.width), Double(image.height))
        let rings = (polyline.member("points")?.asArray ?? []).map { ring -> [Double] in
            var points = ring.asPoints ?? []
            for index in points.indices { points[index] *= index.isMultiple(of: 2) ? width : height }
            return points
        }
        guard let label = label(polyline), width > 0, height > 0, let outline = Outline(rings: rings) else {
            builder.report.add(
                "polylines have no label, less than three points, or a picture without a size, and are dropped",
                count: 1)
            return
        }
        builder.add(outline, label: label, to: image)
    }
}
