import COCO
import Foundation
import Support

/// Label Studio's JSON export, and its shorter format (JSON-MIN).
package enum LabelStudioFormat: DatasetFormat {
    package static let name = FormatName.labelStudio

    package static func recognizes(_ source: FormatSource) -> Bool {
        guard let sample = source.sample(suffix: "json"), sample.isJSONList else { return false }
        let keys = Set(sample.jsonKeys.map(\.key))
        guard !keys.contains("image_id") else { return false }
        return keys.contains("annotations") || keys.contains("completions") || keys.contains("data")
            || keys.contains("annotator") || keys.contains("annotation_id")
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        guard let path = source.sample(suffix: "json")?.path else {
            throw AnnotationFileError(file: source.path, reason: "holds no JSON file")
        }
        var reading = LabelStudioReading(
            path: path, finder: PictureFinder(options, places: [source.file("images"), source.folder]))
        reading.builder.reserve(forFileOf: FileStatus(path)?.byteCount ?? 0)
        try Parallel.pipeline(batch: 32) { hand in
            try FormatFile.json(path) { reader, file in
                try reader.array { reader in
                    try hand(FormatValue(from: &reader))
                    file.release(before: reader.position)
                }
            }
        } use: {
            try reading.add($0)
        }
        return FormatContents(dataset: reading.builder.dataset, report: reading.builder.report)
    }

    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        let rows = try ImageRows(dataset)
        let text = LabelStudioText(categories: dataset.categories)
        var report = ConversionReport()
        var file = try DocumentFile(path: path)
        try file.write { $0.raw("[\n") }
        try file.write(pictures: dataset.images.count, &report) { images, buffer in
            var text = text
            for image in images {
                if image > 0 { buffer.raw(",\n") }
                try text.add(image, of: dataset, rows[image], to: &buffer)
            }
            return text.report
        }
        try file.write { $0.raw("\n]\n") }
        try file.commit()
        report.add(
            "categories have no objects, which Label Studio's export cannot express, and are dropped",
            count: dataset.annotationCounts.values.count { $0 == 0 })
        report.addOrphans(rows, dataset)
        report.addFieldsOfCOCO(dataset)
        return report
    }
}

/// Reads Label Studio's tasks.
private struct LabelStudioReading {
    var builder = DatasetBuilder()
    let path: String
    let finder: PictureFinder
    private var number = 0

    init(path: String, finder: PictureFinder) {
        self.path = path
        self.finder = finder
    }

    private func failure(_ reason: String, _ task: FormatValue) -> AnnotationFileError {
        AnnotationFileError(
            file: path, object: "task " + (task.member("id")?.asString ?? "at index \(number)"),
            reason: reason)
    }

    mutating func add(_ task: FormatValue) throws {
        defer { number += 1 }
        guard case .object(let fields) = task else { throw failure("is no object", task) }
        let data = task.member("data") ?? task
        guard let picture = LabelStudioPicture(data, task) else {
            throw failure("names no picture: no value of \"data\" is a path or an address", task)
        }
        var results: [FormatValue] = []
        if let annotations = (task.member("annotations") ?? task.member("completions"))?.asArray {
            results = self.results(of: annotations)
        } else if task.member("data") == nil {
            // The shorter format has lists of regions under the names of the tags.
            for key in fields.keys.sorted() {
                for region in fields[key]?.asArray ?? [] {
                    if case .object = region { results.append(.object(["value": region])) }
                }
            }
        }
        let size = try size(results, picture)
        let image = builder.addImage(picture.name, width: size?.width ?? 0, height: size?.height ?? 0)
        try add(results, to: image, task)
    }

    /// The results of the newest annotation that is not canceled.
    private mutating func results(of annotations: [FormatValue]) -> [FormatValue] {
        let valid = annotations.filter {
            $0.member("was_cancelled")?.asBool != true && $0.member("result") != nil
        }
        builder.report.add(
            "annotations are cancelled and are dropped",
            count: annotations.count { $0.member("was_cancelled")?.asBool == true })
        guard var newest = valid.first else { return [] }
        for annotation in valid.dropFirst()
        where annotation.member("created_at")?.asString ?? "" >= newest.member("created_at")?.asString ?? "" {
            newest = annotation
        }
        builder.report.add(
            "annotations are not the newest of their task and are dropped", count: valid.count - 1)
        return newest.member("result")?.asArray ?? []
    }

    /// The size that the first result states, else that of the picture.
    private mutating func size(_ results: [FormatValue], _ picture: LabelStudioPicture) throws -> PictureSize?
    {
        for result in results {
            for holder in [result, result.member("value") ?? .null] {
                if let width = holder.member("original_width")?.asInteger, width > 0,
                    let height = holder.member("original_height")?.asInteger, height > 0
                {
                    return PictureSize(width: width, height: height)
                }
            }
        }
        if let bytes = picture.bytes, let size = try finder.size(of: bytes, &builder.report) { return size }
        return try finder.size(picture.name, &builder.report)
    }

    /// A region, whose outline and label may be two results of one id.
    private struct Region {
        var outline: Outline?
        var labels: [String] = []
    }

    private mutating func add(_ results: [FormatValue], to image: ImageRecord, _ task: FormatValue) throws {
        var regions: [Region] = []
        var places: [String: Int] = [:]
        for result in results {
            let kind = result.member("type")?.asString ?? ""
            guard let value = result.member("value"), isRegion(kind) else {
                builder.report.add(
                    "results of the type \"\(kind)\" have no equivalent in COCO and are dropped", count: 1)
                continue
            }
            if let turn = result.member("image_rotation")?.asNumber, turn != 0 {
                builder.report.add(
                    "regions are of a picture that was turned in the tool: this is not undone", count: 1)
            }
            let id = result.member("id")?.asString ?? "\n\(regions.count)"
            let place = places[id] ?? regions.count
            if place == regions.count {
                places[id] = place
                regions.append(Region())
            }
            if regions[place].labels.isEmpty { regions[place].labels = labels(value, kind) }
            if regions[place].outline == nil { regions[place].outline = try outline(value, image, task) }
        }
        for region in regions {
            guard let outline = region.outline else { continue }
            guard let label = region.labels.first else {
                builder.report.add("regions have no label and are dropped", count: 1)
                continue
            }
            if region.labels.count > 1 {
                builder.report.add("regions have several labels, of which the first is kept", count: 1)
            }
            builder.add(outline, label: label, to: image)
        }
    }

    /// Whether results of a type are outlines or their labels; those of the shorter format have none.
    private func isRegion(_ kind: String) -> Bool {
        kind.isEmpty
            || ["rectangle", "polygon", "ellipse", "brush"].contains { kind == $0 || kind == $0 + "labels" }
            || kind == "labels"
    }

    private func labels(_ value: FormatValue, _ kind: String) -> [String] {
        let keys = [kind, "rectanglelabels", "polygonlabels", "ellipselabels", "brushlabels", "labels"]
        return keys.lazy.compactMap { value.member($0)?.asArray?.compactMap(\.asString) }.first {
            !$0.isEmpty
        } ?? []
    }

    /// The outline; all numbers are percent of the picture. Nil, and counted, for what cannot be used.
    private mutating func outline(_ value: FormatValue, _ image: ImageRecord, _ task: FormatValue) throws
        -> Outline?
    {
        guard image.width > 0, image.height > 0 else {
            builder.report.add("regions belong to pictures without a size and are dropped", count: 1)
            return nil
        }
        let (width, height) = (Double(image.width) / 100, Double(image.height) / 100)
        func number(_ name: String) -> Double? { value.member(name)?.asNumber }
        /// Beyond ten decimals stands what the tool's division by the size has left over.
        func pixels(_ percent: Double, _ pixelsOfOne: Double) -> Double {
            let scaled = percent * pixelsOfOne * 1e10
            return scaled.magnitude < 0x1p52 ? scaled.rounded() / 1e10 : percent * pixelsOfOne
        }
        if let points = value.member("points") {
            guard var ring = points.asPoints else { throw failure("\"points\" is a list of [x, y]", task) }
            for index in ring.indices {
                ring[index] = pixels(ring[index], index.isMultiple(of: 2) ? width : height)
            }
            let outline = Outline(rings: [ring])
            if outline == nil {
                builder.report.add("polygons have less than three points and are dropped", count: 1)
            }
            return outline
        }
        if let runs = value.member("rle") {
            let numbers = runs.asNumbers
            let bytes = numbers?.compactMap(UInt8.init(exactly:)) ?? []
            guard bytes.count == numbers?.count else { throw failure("\"rle\" is a list of bytes", task) }
            do {
                let mask = try BrushRuns.mask(bytes, width: image.width, height: image.height)
                let outline = Outline(mask: mask)
                if outline == nil { builder.report.add("brushes have no pixel and are dropped", count: 1) }
                return outline
            } catch let error as COCOError { throw failure(error.reason, task) }
        }
        guard let x = number("x"), let y = number("y") else { return nil }
        let degrees = number("rotation") ?? 0
        if let across = number("radiusX"), let down = number("radiusY") {
            builder.report.add("ellipses become polygons of 64 corners", count: 1)
            return Outline(
                ellipseAt: (pixels(x, width), pixels(y, height)),
                radii: (pixels(across, width), pixels(down, height)), degrees: degrees)
        }
        guard let across = number("width"), let down = number("height") else { return nil }
        let box = BoundingBox(
            x: pixels(x, width), y: pixels(y, height), width: pixels(across, width),
            height: pixels(down, height))
        return Outline(box: box, degrees: degrees, around: (box.x, box.y))
    }
}

/// The picture that a task names.
private struct LabelStudioPicture {
    let name: String

    /// Its bytes, where the task holds them.
    var bytes: [UInt8]?

    /// The value of `data` that is a path or an address; its key is free.
    init?(_ data: FormatValue, _ task: FormatValue) {
        guard case .object(let values) = data else { return nil }
        var best: (rank: Int, text: String)?
        for key in values.keys.sorted() {
            guard let text = values[key]?.asString ?? values[key]?.asArray?.first?.asString,
                let rank = Self.rank(key, text), rank > best?.rank ?? -1
            else { continue }
            best = (rank, text)
        }
        guard let text = best?.text else { return nil }
        if text.hasPrefix("data:") {
            let name = task.member("file_upload")?.asString
            self.name = name.map(Self.lastPart) ?? "task-\(task.member("id")?.asString ?? "0").png"
            bytes = text.firstIndex(of: ",").flatMap {
                Data(base64Encoded: String(text[text.index(after: $0)...]))
            }
            .map { [UInt8]($0) }
        } else {
            name = Self.name(text)
        }
        guard !name.isEmpty else { return nil }
    }

    /// How much a value looks like the picture; nil when it cannot be it.
    private static func rank(_ key: String, _ text: String) -> Int? {
        let isUsual = ["image", "img", "picture", "photo", "ocr"].contains(key.lowercased())
        if text.hasPrefix("data:image/") { return isUsual ? 5 : 4 }
        let isPicture =
            PictureExtensions.all.contains(Path.suffix(name(text)))
            || name(text).lowercased().hasSuffix(".bmp")
        guard isPicture || text.contains("/") || text.contains("\\") else { return nil }
        return (isPicture ? 2 : 0) + (isUsual ? 1 : 0)
    }

    /// The last part of a path or address, without its query; of a local file that of `d`.
    private static func name(_ text: String) -> String {
        if let query = text.firstRange(of: "?d=") {
            let path = text[query.upperBound...].prefix { $0 != "&" }
            return lastPart(String(path).percentDecodedPath ?? String(path))
        }
        let isAddress = text.contains("://") || text.hasPrefix("/")
        let path = isAddress ? text.prefix { $0 != "?" && $0 != "#" } : text[...]
        let last = lastPart(String(path))
        return last.percentDecodedPath ?? last
    }

    private static func lastPart(_ path: String) -> String {
        path.split { $0 == "/" || $0 == "\\" }.last.map(String.init) ?? ""
    }
}
