/// Merges data sets whose pictures share one folder.
///
/// A file name identifies a picture: images with the same name become one, with the annotations of all. The parts of a
/// data set can be merged again this way; annotations that are equal in every digit are kept once.
package struct DatasetMerge: Sendable {
    /// The data set so far.
    package private(set) var dataset = Dataset()

    /// What was merged, dropped or changed so far.
    package private(set) var report = ConversionReport()

    /// Whether images and annotations are renumbered from 1, and categories are matched by name alone.
    package let isRenumbering: Bool

    private var isEmpty = true
    private var imageRecords: [ImageRecord] = []
    private var imageRows: [Int64: Int] = [:]
    private var rowsByPath: [String: Int] = [:]
    private var categoryRows: [Int64: Int] = [:]
    private var categoryIDs: [String: Int64] = [:]
    /// The rows of annotations, keyed by their ids in the files.
    private var annotationRows: [Int64: [Int]] = [:]
    private var conflicts: [String] = []
    private var conflictCount = 0

    /// Creates an empty merge.
    package init(renumbering: Bool) { isRenumbering = renumbering }

    /// Merges data sets.
    ///
    /// - Parameters:
    ///   - parts: The data sets with their names for messages.
    ///   - renumbering: See ``isRenumbering``.
    /// - Throws: ``COCOError`` that names the conflicts: one id for two entries, or one entry with two ids unless
    ///   everything is renumbered.
    package static func merge(
        _ parts: [(name: String, dataset: Dataset)], renumbering: Bool
    ) throws -> (dataset: Dataset, report: ConversionReport) {
        var merge = DatasetMerge(renumbering: renumbering)
        for part in parts { merge.add(part.dataset, name: part.name) }
        return try merge.finish()
    }

    private mutating func conflict(_ text: String) {
        conflictCount += 1
        if conflicts.count < 3 { conflicts.append(text) }
    }

    private mutating func finish() throws -> (dataset: Dataset, report: ConversionReport) {
        guard conflictCount == 0 else {
            let more = conflictCount > conflicts.count ? "; ..." : ""
            throw COCOError(
                "\(conflictCount) conflicts: \(conflicts.joined(separator: "; "))\(more)"
                    + (isRenumbering ? "" : "\nrenumbering (--renumber) resolves conflicts of ids"))
        }
        for image in imageRecords { dataset.images.append(image) }
        return (dataset, report)
    }

    private mutating func add(_ part: Dataset, name: String) {
        let sharesLicenses = addFacts(part, name: name)
        let categories = addCategories(part.categories, name: name)
        let images = addImages(part.images, categories, name: name, keepingLicenses: sharesLicenses)
        addAnnotations(part.annotations, images, categories, name: name)
        isEmpty = false
    }

    /// - Returns: Whether license ids mean the same as in the first file.
    private mutating func addFacts(_ part: Dataset, name: String) -> Bool {
        if isEmpty {
            (dataset.info, dataset.licenses) = (part.info, part.licenses)
            return true
        }
        if part.info != nil, part.info != dataset.info {
            report.add("files have a different \"info\" from the first, which is not kept", count: 1)
        }
        guard let licenses = part.licenses, licenses != dataset.licenses else { return true }
        if dataset.licenses == nil, imageRecords.allSatisfy({ $0.license == nil }) {
            dataset.licenses = licenses
            return true
        }
        report.add(
            "files have different \"licenses\" from the first; these and their images' licenses are not kept",
            count: 1)
        return false
    }

    /// - Returns: The new ids, keyed by the old ones.
    private mutating func addCategories(_ categories: [Category], name: String) -> [Int64: Int64] {
        var ids: [Int64: Int64] = [:]
        for category in categories {
            guard ids[category.id] == nil else {
                conflict("category id \(category.id) occurs twice in \(name)")
                continue
            }
            ids[category.id] = newID(of: category, name: name)
        }
        return ids
    }

    private mutating func newID(of category: Category, name: String) -> Int64 {
        if let row = categoryRows[category.id], dataset.categories[row].name == category.name {
            if dataset.categories[row] != category {
                report.add(
                    "categories have a different description from an earlier file, which is not kept",
                    id: category.id)
            }
            return category.id
        }
        if let id = categoryIDs[category.name] {
            if isRenumbering {
                report.add("categories take the id of their name in an earlier file", id: category.id)
            } else {
                conflict("category \"\(category.name)\" is \(category.id) in \(name), but \(id) before")
            }
            return id
        }
        var category = category
        if let row = categoryRows[category.id] {
            guard isRenumbering else {
                conflict(
                    "category \(category.id) is \"\(category.name)\" in \(name), "
                        + "\"\(dataset.categories[row].name)\" before")
                return category.id
            }
            report.add("categories take a new id because an earlier file uses theirs", id: category.id)
            category.id = freeCategoryID()
        }
        categoryRows[category.id] = dataset.categories.count
        categoryIDs[category.name] = category.id
        dataset.categories.append(category)
        return category.id
    }

    private func freeCategoryID() -> Int64 {
        var id: Int64 = 1
        if let last = categoryRows.keys.max(), last > 0, last < .max { id = last + 1 }
        while categoryRows[id] != nil { id += 1 }
        return id
    }

    /// - Returns: The new ids, keyed by the old ones.
    private mutating func addImages(
        _ images: ImageTable, _ categories: [Int64: Int64], name: String, keepingLicenses: Bool
    ) -> [Int64: Int64] {
        var ids: [Int64: Int64] = [:]
        for row in 0..<images.count {
            var image = images[row]
            let id = image.id
            guard ids[id] == nil else {
                conflict("image id \(id) occurs twice in \(name)")
                continue
            }
            if !keepingLicenses { image.license = nil }
            image.negativeCategoryIDs = image.negativeCategoryIDs?.compactMap { categories[$0] }
            image.notExhaustiveCategoryIDs = image.notExhaustiveCategoryIDs?.compactMap { categories[$0] }
            ids[id] = newID(of: image, name: name)
        }
        return ids
    }

    private mutating func newID(of image: ImageRecord, name: String) -> Int64 {
        let path = image.path
        if let row = path.isEmpty ? nil : rowsByPath[path] {
            let before = imageRecords[row]
            if before.width != image.width || before.height != image.height {
                conflict(
                    "\(path) has \(image.width) x \(image.height) pixels in \(name), "
                        + "but \(before.width) x \(before.height) before")
            } else if !isRenumbering, before.id != image.id {
                conflict("\(path) is image \(image.id) in \(name), but \(before.id) before")
            } else {
                report.add(
                    "images have the file name of an earlier image and are merged with it", id: image.id)
                imageRecords[row].unite(image)
            }
            return before.id
        }
        var image = image
        if isRenumbering {
            image.id = Int64(imageRecords.count + 1)
        } else if let row = imageRows[image.id] {
            conflict(
                "image \(image.id) is \"\(path)\" in \(name), but \"\(imageRecords[row].path)\" before")
            return image.id
        }
        imageRows[image.id] = imageRecords.count
        if !path.isEmpty { rowsByPath[path] = imageRecords.count }
        imageRecords.append(image)
        return image.id
    }

    private mutating func addAnnotations(
        _ annotations: AnnotationTable, _ images: [Int64: Int64], _ categories: [Int64: Int64], name: String
    ) {
        for row in 0..<annotations.count {
            var annotation = annotations[row]
            let id = annotation.id
            guard let imageID = images[annotation.imageID], let categoryID = categories[annotation.categoryID]
            else {
                report.add(
                    "annotations have an image or category that their file does not have and are dropped",
                    id: id)
                continue
            }
            (annotation.imageID, annotation.categoryID) = (imageID, categoryID)
            let earlier = annotationRows[id] ?? []
            if earlier.contains(where: { isSame(annotation, row: $0) }) {
                report.add("annotations are equal to an earlier one and are kept once", id: id)
                continue
            }
            if isRenumbering {
                annotation.id = Int64(dataset.annotations.count + 1)
            } else if !earlier.isEmpty {
                conflict("annotation id \(id) of \(name) belongs to another annotation before")
                continue
            }
            annotationRows[id, default: []].append(dataset.annotations.count)
            dataset.annotations.append(annotation)
        }
    }

    /// Whether an annotation equals the one of a row, apart from its new id.
    private func isSame(_ annotation: AnnotationRecord, row: Int) -> Bool {
        guard dataset.annotations.imageIDs[row] == annotation.imageID,
            dataset.annotations.categoryIDs[row] == annotation.categoryID
        else { return false }
        var annotation = annotation
        annotation.id = dataset.annotations.ids[row]
        return dataset.annotations[row] == annotation
    }
}

extension ImageRecord {
    /// Adds LVIS's lists of the same image in another file.
    fileprivate mutating func unite(_ other: ImageRecord) {
        func union(_ a: [Int64]?, _ b: [Int64]?) -> [Int64]? {
            guard let a, let b else { return a ?? b }
            return a + b.filter { !a.contains($0) }
        }
        negativeCategoryIDs = union(negativeCategoryIDs, other.negativeCategoryIDs)
        notExhaustiveCategoryIDs = union(notExhaustiveCategoryIDs, other.notExhaustiveCategoryIDs)
    }
}
