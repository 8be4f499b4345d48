import COCO
import Support

/// CVAT for images 1.1 (docs.cvat.ai, "CVAT for images"): one XML file with all pictures.
package enum CVATFormat: DatasetFormat {
    package static let name = FormatName.cvat

    package static func recognizes(_ source: FormatSource) -> Bool {
        source.sample(suffix: "xml")?.xmlRoot == "annotations"
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        guard let path = source.sample(suffix: "xml")?.path else {
            throw AnnotationFileError(file: source.path, reason: "holds no XML file")
        }
        var reading = CVATReading(
            finder: PictureFinder(options, places: [source.file("images"), source.folder]))
        try FormatFile.xml(path) { scanner, file in try reading.read(&scanner, file) }
        return FormatContents(dataset: reading.builder.dataset, report: reading.builder.report)
    }

    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        let text = CVATText(categories: dataset.categories, attributes: dataset.annotations.attributes)
        var report = ConversionReport()
        let rows = try ImageRows(dataset)
        var file = try DocumentFile(path: path)
        try file.write { text.begin(&$0) }
        try file.write(pictures: dataset.images.count, &report) { images, buffer in
            var text = text.numbered(from: images.lowerBound)
            for image in images { try text.add(image, of: dataset, rows[image], to: &buffer) }
            return text.report
        }
        try file.write { text.end(&$0) }
        try file.commit()
        report.addOrphans(rows, dataset)
        return report
    }
}

/// Reads CVAT's file.
private struct CVATReading {
    var builder = DatasetBuilder()
    let finder: PictureFinder

    mutating func read(_ scanner: inout XMLScanner, _ file: FileBytes) throws {
        try scanner.enterRoot("annotations")
        builder.reserve(forFileOf: file.count)
        try scanner.forEachChild { scanner in
            if scanner.isElement("image") {
                try image(&scanner)
                file.release(before: scanner.position)
            } else if scanner.isElement("meta") {
                try labels(&scanner)
            } else if scanner.isElement("track") {
                builder.report.add(
                    "tracks of a video are dropped: export the task as \"CVAT for images\"", count: 1)
            }
        }
    }

    /// The labels of the task, project or job, in their order. Those with a parent are points of a skeleton.
    private mutating func labels(_ scanner: inout XMLScanner) throws {
        try scanner.forEachChild { scanner in
            try scanner.forEachChild { scanner in
                guard scanner.isElement("labels") else { return }
                try scanner.forEachChild { scanner in
                    guard scanner.isElement("label") else { return }
                    var (name, isPart) = ("", false)
                    try scanner.forEachChild { scanner in
                        if scanner.isElement("name") {
                            name = try scanner.contents()
                        } else if scanner.isElement("parent") {
                            isPart = try !scanner.contents().trimmingBlanks().isEmpty
                        }
                    }
                    if !name.isEmpty, !isPart { _ = builder.category(name) }
                }
            }
        }
    }

    /// An object whose polygons may be several elements.
    private struct Object {
        var parts: [Outline]
        let label: String
        let isCrowd: Bool
        let attributes: Attributes
    }

    private struct GroupKey: Hashable {
        let group: Int
        let label: String
    }

    private mutating func image(_ scanner: inout XMLScanner) throws {
        guard let name = try scanner.attribute("name") else {
            throw scanner.failure("an <image> without name")
        }
        var width = try scanner.integer("width") ?? 0
        var height = try scanner.integer("height") ?? 0
        if width <= 0 || height <= 0, let size = try finder.size(name, &builder.report) {
            (width, height) = (size.width, size.height)
        }
        let image = builder.addImage(name, width: width, height: height)
        var objects: [Object] = []
        var groups: [GroupKey: Int] = [:]
        try scanner.forEachChild { scanner in
            guard let outline = try outline(&scanner, image) else { return }
            let isPolygon = scanner.isElement("polygon")
            let label = try scanner.attribute("label") ?? ""
            let group = try scanner.integer("group_id") ?? 0
            if let order = try scanner.number("z_order"), order != 0 {
                builder.report.add("objects state which lies above the other (z_order): not kept", count: 1)
            }
            var attributes = Attributes()
            attributes.add(
                "occluded", scanner.rawAttribute("occluded").map { $0.elementsEqual("1".utf8) } ?? false)
            var isCrowd = false
            try scanner.forEachChild { scanner in
                guard scanner.isElement("attribute"), let name = try scanner.attribute("name") else { return }
                let value = try scanner.contents()
                if name == "is_crowd" || name == "iscrowd" {
                    isCrowd = ["true", "1"].contains(value.lowercased())
                } else {
                    attributes.add(name, value)
                }
            }
            if isPolygon, group > 0 {
                let key = GroupKey(group: group, label: label)
                if let place = groups[key] {
                    objects[place].parts.append(outline)
                    return
                }
                groups[key] = objects.count
            } else if group > 0 {
                builder.report.add("objects belong to a group: the group is not kept", count: 1)
            }
            objects.append(Object(parts: [outline], label: label, isCrowd: isCrowd, attributes: attributes))
        }
        for object in objects {
            guard let outline = try Outline(uniting: object.parts, size: (image.width, image.height)) else {
                continue
            }
            builder.add(
                outline, label: object.label, to: image, isCrowd: object.isCrowd,
                attributes: object.attributes)
        }
    }

    /// The outline that an element states; nil, and counted, for elements that have no place.
    private mutating func outline(_ scanner: inout XMLScanner, _ image: ImageRecord) throws -> Outline? {
        if scanner.isElement("box") {
            let (left, top) = (try value("xtl", scanner), try value("ytl", scanner))
            let (right, bottom) = (try value("xbr", scanner), try value("ybr", scanner))
            let box = BoundingBox(x: left, y: top, width: right - left, height: bottom - top)
            return Outline(
                box: box, degrees: try scanner.number("rotation") ?? 0,
                around: ((left + right) / 2, (top + bottom) / 2))
        }
        if scanner.isElement("polygon") {
            let outline = Outline(rings: [try points(scanner)])
            if outline == nil {
                builder.report.add("polygons have less than three points and are dropped", count: 1)
            }
            return outline
        }
        if scanner.isElement("ellipse") {
            let outline = Outline(
                ellipseAt: (try value("cx", scanner), try value("cy", scanner)),
                radii: (try value("rx", scanner), try value("ry", scanner)),
                degrees: try scanner.number("rotation") ?? 0)
            builder.report.add(
                outline == nil
                    ? "ellipses have no extent and are dropped" : "ellipses become polygons of 64 corners",
                count: 1)
            return outline
        }
        if scanner.isElement("mask") { return try mask(scanner, image) }
        let name = scanner.elementName
        let plurals = [
            "polyline": "polylines", "points": "points", "tag": "tags", "cuboid": "cuboids",
            "skeleton": "skeletons",
        ]
        if let plural = plurals[name] {
            builder.report.add("\(plural) have no equivalent in COCO and are dropped", count: 1)
        } else {
            builder.report.add("elements <\(name)> are not known and are dropped", count: 1)
        }
        return nil
    }

    private func value(_ name: StaticString, _ scanner: XMLScanner) throws -> Double {
        guard let value = try scanner.number(name) else {
            throw scanner.failure("<\(scanner.elementName)> without the attribute \(name)")
        }
        return value
    }

    private func whole(_ name: StaticString, _ scanner: XMLScanner) throws -> Int {
        guard let value = try scanner.integer(name) else {
            throw scanner.failure("<\(scanner.elementName)> without the attribute \(name)")
        }
        return value
    }

    /// Points `x,y;x,y`.
    private func points(_ scanner: XMLScanner) throws -> [Double] {
        guard let raw = scanner.rawAttribute("points") else {
            throw scanner.failure("<\(scanner.elementName)> without the attribute points")
        }
        return try numbers(raw, scanner)
    }

    private func numbers(_ raw: UnsafeRawBufferPointer, _ scanner: XMLScanner) throws -> [Double] {
        var values: [Double] = []
        var start = 0
        for end in 0...raw.count
        where end == raw.count || raw[end] == UInt8(ascii: ",") || raw[end] == UInt8(ascii: ";") {
            let field = UnsafeRawBufferPointer(rebasing: raw[start..<end])
            start = end + 1
            if let value = DecimalText.number(field) {
                values.append(value)
            } else if end < raw.count || !field.allSatisfy({ $0 <= 0x20 }) {
                throw scanner.failure(
                    "\"\(String(decoding: field.prefix(40), as: UTF8.self))\" is no finite number")
            }
        }
        return values
    }

    /// Runs row by row inside a rectangle, zeros first.
    private mutating func mask(_ scanner: XMLScanner, _ image: ImageRecord) throws -> Outline? {
        guard let raw = scanner.rawAttribute("rle") else {
            throw scanner.failure("<mask> without the attribute rle")
        }
        let size = (width: try whole("width", scanner), height: try whole("height", scanner))
        let (left, top) = (try whole("left", scanner), try whole("top", scanner))
        guard image.width > 0, image.height > 0 else {
            builder.report.add("masks belong to pictures without a size and are dropped", count: 1)
            return nil
        }
        guard size.width > 0, size.height > 0, size.width <= image.width, size.height <= image.height else {
            throw scanner.failure(
                "a mask of \(size.width) x \(size.height) pixels in a picture of \(image.width) x \(image.height)"
            )
        }
        guard size.width <= RunLengthMask.maximumPixelCount / size.height else {
            throw scanner.failure("a mask of \(size.width) x \(size.height) pixels")
        }
        var pixels: [UInt8] = []
        for (index, run) in try numbers(raw, scanner).enumerated() {
            guard run >= 0, run <= Double(size.width * size.height - pixels.count) else {
                throw scanner.failure("the runs of a mask are longer than its rectangle")
            }
            pixels.append(contentsOf: repeatElement(index.isMultiple(of: 2) ? 0 : 1, count: Int(run)))
        }
        guard pixels.count == size.width * size.height else {
            throw scanner.failure("the runs of a mask are shorter than its rectangle")
        }
        let picture = LabelPicture(width: size.width, height: size.height, numbers: pixels)
        let outline = Outline(
            mask: try picture.mask(left: left, top: top, width: image.width, height: image.height))
        if outline == nil { builder.report.add("masks have no pixel and are dropped", count: 1) }
        return outline
    }
}
