import COCO

/// Converts YOLO's label files to a data set in COCO format.
///
/// Lines of five numbers become boxes; longer ones become polygons, whose box and area are computed from the mask.
package struct YOLOImport: Sendable {
    /// The data set so far.
    package private(set) var dataset = Dataset()

    /// What has been lost or looks wrong so far.
    package private(set) var report = ConversionReport()

    private let keyPointNumbers: Int

    /// Creates an import.
    ///
    /// - Parameters:
    ///   - names: The names of the classes, in the order of their numbers.
    ///   - categoryIDs: Their ids; empty for 1, 2, 3, ...
    ///   - keyPointNumbers: See ``YOLODescription/keyPointNumbers``.
    /// - Throws: `COCOError` if the ids do not match the names.
    package init(names: [String], categoryIDs: [Int64] = [], keyPointNumbers: Int = 0) throws {
        self.keyPointNumbers = keyPointNumbers
        let ids = categoryIDs.isEmpty ? names.indices.map { Int64($0 + 1) } : categoryIDs
        guard ids.count == names.count, Set(ids).count == ids.count else {
            throw COCOError(
                "\(ids.count) category ids, \(Set(ids).count) of them different, for \(names.count) names")
        }
        dataset.categories = zip(ids, names).map { Category(id: $0, name: $1) }
    }

    /// Adds an image with its objects.
    ///
    /// - Parameters:
    ///   - image: The image, whose size must be stated.
    ///   - labels: The text of its label file; nil if there is none.
    ///   - source: The path of the label file for messages.
    /// - Throws: `COCOError` with file and line.
    package mutating func add(_ image: ImageRecord, labels: String?, source: String) throws {
        guard image.width > 0, image.height > 0 else {
            throw COCOError("the size of the picture is unknown", subject: image.path)
        }
        dataset.images.append(image)
        guard let labels else {
            report.add("pictures have no label file and count as pictures without objects", count: 1)
            return
        }
        // `isNewline` covers every line break; "\r\n" is one Character.
        let text = labels.hasPrefix("\u{FEFF}") ? labels.dropFirst() : labels[...]
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in lines.enumerated() where !line.allSatisfy(\.isWhitespace) {
            do {
                let object = try YOLOObject(
                    line: line, categoryCount: dataset.categories.count, keyPointNumbers: keyPointNumbers)
                try add(object, to: image)
                if keyPointNumbers > 0 {
                    report.add("objects have key points, which are dropped; their boxes are kept", count: 1)
                }
            } catch let error as COCOError {
                throw error.about("\(source):\(number + 1)")
            }
        }
    }

    private mutating func add(_ object: YOLOObject, to image: ImageRecord) throws {
        let (width, height) = (Double(image.width), Double(image.height))
        let id = Int64(dataset.annotations.count + 1)
        var annotation: AnnotationRecord
        switch object {
        case .box(let category, let x, let y, let across, let down):
            let box = BoundingBox(
                x: (x - across / 2) * width, y: (y - down / 2) * height, width: across * width,
                height: down * height)
            annotation = AnnotationRecord(
                id: id, imageID: image.id, categoryID: dataset.categories[category].id, box: box,
                area: box.area)
            if !(across > 0 && down > 0) {
                report.add("boxes are empty and are kept, but should not be used for training", id: id)
            }
        case .polygon(let category, let points):
            let ring = points.enumerated().map {
                $0.offset.isMultiple(of: 2) ? $0.element * width : $0.element * height
            }
            annotation = AnnotationRecord(
                id: id, imageID: image.id, categoryID: dataset.categories[category].id,
                segmentation: .polygons([ring]))
            annotation.box = BoundingBox(around: [ring])
            annotation.area = Double(
                try RunLengthMask(height: image.height, width: image.width, polygons: [ring]).area)
            if annotation.area == 0 { report.add("outlines contain no pixels and are kept", id: id) }
        }
        guard let box = annotation.box, box.isFinite else { throw COCOError("a number is too large") }
        // Less than a hundredth of a pixel is rounding.
        if box.x < -0.01 || box.y < -0.01 || box.x + box.width > width + 0.01
            || box.y + box.height > height + 0.01
        {
            report.add("objects extend beyond their picture and are kept unchanged", id: id)
        }
        dataset.annotations.append(annotation)
    }
}
