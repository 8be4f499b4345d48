/// Turns YOLO's label files into a data set of COCO's form.
///
/// Lines of five numbers become boxes; longer ones become polygons, whose box and area are those of the mask.
package struct YOLOImport: Sendable {
    /// The data set so far.
    package private(set) var dataset = Dataset()

    /// What was lost or looks wrong so far.
    package private(set) var report = ConversionReport()

    private let keyPointNumbers: Int

    /// An import.
    ///
    /// - Parameters:
    ///   - names: the names of the classes by their numbers.
    ///   - categoryIDs: their ids; empty for 1, 2, 3, ...
    ///   - keyPointNumbers: as in ``YOLODescription/keyPointNumbers``.
    /// - Throws: ``COCOError`` when the ids do not fit the names.
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
    ///   - image: the image, whose size must be stated.
    ///   - labels: the text of its label file, nil when there is none.
    ///   - source: the path of the label file for messages.
    /// - Throws: ``COCOError`` with file and line.
    package mutating func add(_ image: ImageRecord, labels: String?, source: String) throws {
        guard image.width > 0, image.height > 0 else {
            throw COCOError("the size of the picture is not known", subject: image.path)
        }
        dataset.images.append(image)
        guard let labels else {
            report.add("pictures have no label file: taken as pictures without objects", count: 1)
            return
        }
        // `isNewline` knows every line break; "\r\n" is one Character.
        let text = labels.hasPrefix("\u{FEFF}") ? labels.dropFirst() : labels[...]
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in lines.enumerated() where !line.allSatisfy(\.isWhitespace) {
            do {
                let object = try YOLOObject(
                    line: line, categoryCount: dataset.categories.count, keyPointNumbers: keyPointNumbers)
                try add(object, to: image)
                if keyPointNumbers > 0 {
                    report.add("objects have key points: their boxes are kept, the points are lost", count: 1)
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
                report.add("boxes are empty: kept, a detector should not see them", id: id)
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
            if annotation.area == 0 { report.add("outlines cover no pixel: kept", id: id) }
        }
        guard let box = annotation.box, box.isFinite else { throw COCOError("a number is too large") }
        // A hundredth of a pixel is no more than rounding.
        if box.x < -0.01 || box.y < -0.01 || box.x + box.width > width + 0.01
            || box.y + box.height > height + 0.01
        {
            report.add("objects reach beyond their picture: kept as they are", id: id)
        }
        dataset.annotations.append(annotation)
    }
}
