import COCO
import Foundation
import Support

/// Converts data sets to YOLO's label files: one text file per picture, one line per object.
package struct YOLOExport: Sendable {
    /// The contents of the lines.
    package let geometry: YOLOGeometry

    /// The classes; their positions in the list are YOLO's class numbers.
    package let categories: [Category]

    /// What has been lost so far.
    package private(set) var report = ConversionReport()

    private var places: [Int64: Int] = [:]

    /// Creates an export.
    ///
    /// - Parameter categories: The classes in the order of their numbers.
    /// - Throws: `COCOError` if ids repeat.
    package init(_ geometry: YOLOGeometry, categories: [Category]) throws {
        self.geometry = geometry
        self.categories = categories
        for (place, category) in categories.enumerated() {
            guard places.updateValue(place, forKey: category.id) == nil else {
                throw COCOError("two categories have the id \(category.id)")
            }
        }
    }

    /// Combines the categories of several data sets.
    ///
    /// Among categories with the same name, those without annotations are dropped, such as the root of the trees that
    /// export sites write.
    ///
    /// - Throws: `COCOError` if an id has several names, or a name has several ids with annotations.
    package static func categories(
        of datasets: [Dataset], _ report: inout ConversionReport
    ) throws -> [Category] {
        var counts: [Int64: Int] = [:]
        for dataset in datasets { counts.merge(dataset.annotationCounts, uniquingKeysWith: +) }
        func describe(_ category: Category) -> String {
            "\(category.id) (\"\(category.name)\", \(counts[category.id] ?? 0) annotations)"
        }
        var result: [Category] = []
        var leftOut: Set<Int64> = []
        for category in datasets.flatMap(\.categories) where !leftOut.contains(category.id) {
            if let same = result.first(where: { $0.id == category.id }) {
                guard same.name == category.name else {
                    throw COCOError(
                        "category \(category.id) is \"\(same.name)\" and also \"\(category.name)\"; YOLO needs one "
                            + "list of classes for all files")
                }
                continue
            }
            if let place = result.firstIndex(where: { $0.name == category.name }) {
                let same = result[place]
                guard let unused = [category, same].first(where: { counts[$0.id] ?? 0 == 0 }) else {
                    throw COCOError(
                        "the categories \(describe(same)) and \(describe(category)) have the same name; merge them, "
                            + "or give them distinct names")
                }
                report.add(
                    "categories have the name of another one and no annotations and are dropped",
                    id: unused.id)
                leftOut.insert(unused.id)
                if unused.id == same.id { result[place] = category }
                continue
            }
            result.append(category)
        }
        return result
    }

    /// Calls `body` with the label file of every image, empty for images without objects, in their order.
    ///
    /// - Parameters:
    ///   - subset: The name of the subset, `train` or `val`.
    ///   - folder: The folder of the pictures: names that lead into it become relative to it.
    ///   - body: Receives the paths of the picture (`images/train/a/b.jpg`) and of the label file
    ///     (`labels/train/a/b.txt`) relative to the folder of the data set, and the text.
    /// - Throws: `COCOError` if an image states no size or has an unusable name, or two images have the same label
    ///   file; errors thrown by `body`.
    package mutating func labels(
        of dataset: Dataset, subset: String, pictures folder: String? = nil,
        _ body: (_ picture: String, _ label: String, _ text: [UInt8]) throws -> Void
    ) throws {
        let rows = try ImageRows(dataset)
        report.addOrphans(rows, dataset)
        let places = try places(of: dataset, subset: subset, pictures: folder)
        var empty = self
        empty.report = ConversionReport()
        try PictureParts.forEach(of: dataset.images.count) { [empty] images in
            var export = empty
            let texts = images.map { export.text(ofImage: $0, dataset, rows[$0]).bytes }
            return (texts: texts, lost: export.report)
        } use: { images, part in
            for (row, text) in zip(images, part.texts) {
                try body(places[row].picture, places[row].label, text)
            }
            report.add(part.lost)
        }
    }

    /// The paths of each picture and its label file.
    private func places(
        of dataset: Dataset, subset: String, pictures folder: String?
    ) throws -> [(picture: String, label: String)] {
        var labels: [String: Int64] = [:]
        return try (0..<dataset.images.count).map { row in
            let image = dataset.images[row]
            guard image.width > 0, image.height > 0 else {
                throw COCOError(
                    "image \(image.id) (\(image.path)) states no size, which is needed to normalize coordinates; "
                        + "fvlm check-dataset lists all such images")
            }
            let picture = "images/\(subset)/" + (try PictureNames.path(of: image, pictures: folder))
            let label = YOLODescription.labelPath(ofPicture: picture)
            if let other = labels.updateValue(image.id, forKey: label) {
                throw COCOError(
                    "images \(other) and \(image.id) would have the same label file, \(label); rename one of "
                        + "the pictures")
            }
            return (picture, label)
        }
    }

    /// The label file of an image.
    package mutating func text(ofImage row: Int, _ dataset: Dataset, _ rows: some Sequence<Int>) -> TextBuffer
    {
        var text = TextBuffer()
        let image = dataset.images[row]
        for annotation in rows { object(dataset.annotations, annotation, image)?.write(to: &text) }
        return text
    }

    private mutating func object(
        _ annotations: AnnotationTable, _ row: Int, _ image: ImageRecord
    ) -> YOLOObject? {
        let id = annotations.ids[row]
        guard let category = places[annotations.categoryIDs[row]] else {
            report.add("annotations have a category that is not in the list and are dropped", id: id)
            return nil
        }
        guard annotations.flags[row].isDisjoint(with: [.isCrowd, .isIgnored]) else {
            report.add(
                "annotations mark crowds or are to be ignored, which YOLO cannot express, and are dropped",
                id: id)
            return nil
        }
        switch geometry {
        case .boxes:
            if annotations.segmentations.kind(row) != .none {
                report.add("masks are dropped because boxes are requested", count: 1)
            }
            return boxObject(annotations, row, category, image)
        case .polygons: return polygonObject(annotations, row, category, image)
        }
    }

    private mutating func boxObject(
        _ annotations: AnnotationTable, _ row: Int, _ category: Int, _ image: ImageRecord
    ) -> YOLOObject? {
        guard let box = clippedBox(annotations, row, image) else { return nil }
        let (width, height) = (Double(image.width), Double(image.height))
        return .box(
            category: category, middleX: (box.x + box.width / 2) / width,
            middleY: (box.y + box.height / 2) / height, width: box.width / width,
            height: box.height / height)
    }

    private mutating func clippedBox(
        _ annotations: AnnotationTable, _ row: Int, _ image: ImageRecord
    ) -> BoundingBox? {
        let id = annotations.ids[row]
        guard annotations.flags[row].contains(.hasBox) else {
            report.add("annotations have no box and are dropped", id: id)
            return nil
        }
        let box = annotations.boxes[row]
        guard box.isFinite, box.width > 0, box.height > 0 else {
            report.add("annotations have an empty box and are dropped", id: id)
            return nil
        }
        let clipped = box.clipped(to: (Double(image.width), Double(image.height)))
        guard clipped.width > 0, clipped.height > 0 else {
            report.add("boxes are outside their image and are dropped", id: id)
            return nil
        }
        // Adding and subtracting an edge may change the last digit.
        if (clipped.width - box.width).magnitude > 1e-6 || (clipped.height - box.height).magnitude > 1e-6 {
            report.add("boxes extend beyond their image and are clipped", id: id)
        }
        return clipped
    }

    private mutating func polygonObject(
        _ annotations: AnnotationTable, _ row: Int, _ category: Int, _ image: ImageRecord
    ) -> YOLOObject? {
        let id = annotations.ids[row]
        guard let segmentation = annotations.segmentations[row] else {
            guard let box = clippedBox(annotations, row, image) else { return nil }
            report.add("annotations have no mask; the corners of the box are written", id: id)
            let (right, bottom) = (box.x + box.width, box.y + box.height)
            return polygon([box.x, box.y, right, box.y, right, bottom, box.x, bottom], id, category, image)
        }
        guard var rings = rings(of: segmentation, id, image) else { return nil }
        let whole = rings.filter { $0.count >= 6 && $0.count.isMultiple(of: 2) && $0.allSatisfy(\.isFinite) }
        if whole.count < rings.count {
            report.add("annotations have broken rings, which are dropped", id: id)
            rings = whole
        }
        guard !rings.isEmpty else {
            report.add("annotations have an empty mask and are dropped", id: id)
            return nil
        }
        if rings.count > 1 {
            report.add("masks have several parts, which are joined by a line into one outline", id: id)
        }
        return polygon(RingJoin.joined(rings), id, category, image)
    }

    /// The rings of a mask; nil, and reported, if it cannot be decoded or its size differs from the image's.
    private mutating func rings(
        of segmentation: Segmentation, _ id: Int64, _ image: ImageRecord
    ) -> [[Double]]? {
        if case .polygons(let rings) = segmentation { return rings }
        guard let mask = try? RunLengthMask(segmentation, height: image.height, width: image.width),
            let rings = try? mask.polygons()
        else {
            report.add("masks cannot be decoded and are dropped", id: id)
            return nil
        }
        guard mask.height == image.height, mask.width == image.width else {
            report.add("masks differ in size from their image and are dropped", id: id)
            return nil
        }
        return rings
    }

    private mutating func polygon(
        _ ring: [Double], _ id: Int64, _ category: Int, _ image: ImageRecord
    ) -> YOLOObject {
        var isClipped = false
        var points = ring
        for index in points.indices {
            let limit = Double(index.isMultiple(of: 2) ? image.width : image.height)
            let inside = min(max(points[index], 0), limit)
            if inside != points[index] { isClipped = true }
            points[index] = inside / limit
        }
        if isClipped { report.add("outlines extend beyond their image and are drawn along its edge", id: id) }
        return .polygon(category: category, points: points)
    }
}
