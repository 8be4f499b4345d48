import Support

extension DatasetCheck {
    /// Checks ids, names and references.
    func structureFindings(_ dataset: Dataset) -> [DatasetFinding] {
        let (images, annotations, categories) = (dataset.images, dataset.annotations, dataset.categories)
        let imageIndex = IDIndex(images.ids)
        let categoryIndex = IDIndex(categories.map(\.id))
        return unreadable(dataset) + duplicateIDs(dataset, imageIndex, categoryIndex)
            + categoryNames(categories, dataset.annotationCounts)
            + imageFields(images, categoryIndex)
            + use(annotations, images, categories, imageIndex, categoryIndex)
    }

    /// Annotations of which not everything could be read.
    private func unreadable(_ dataset: Dataset) -> [DatasetFinding] {
        let codes: [(RecordFault.Loss, DatasetFinding.Code)] = [
            (.annotation, .annotationUnreadable), (.segmentation, .segmentationUnreadable),
        ]
        return codes.compactMap { loss, code in
            var builder = builder(code)
            for fault in dataset.faults where fault.loss == loss {
                builder.add(
                    id: fault.id,
                    "\(fault.error.object)\(fault.error.line.map { " on line \($0)" } ?? ""): \(fault.error.reason)"
                )
            }
            return builder.finding
        }
    }

    private func duplicateIDs(
        _ dataset: Dataset, _ imageIndex: IDIndex, _ categoryIndex: IDIndex
    ) -> [DatasetFinding] {
        var images = builder(.duplicateImageID)
        for row in imageIndex.duplicates {
            let id = dataset.images.ids[row]
            images.add(
                id: id,
                "image \(id): \(dataset.images[row].path), and \(dataset.images[imageIndex[id] ?? row].path)")
        }
        var annotations = builder(.duplicateAnnotationID)
        for row in IDIndex(dataset.annotations.ids).duplicates {
            let id = dataset.annotations.ids[row]
            annotations.add(id: id, "annotation \(id), again in image \(dataset.annotations.imageIDs[row])")
        }
        var categories = builder(.duplicateCategoryID)
        for row in categoryIndex.duplicates {
            let id = dataset.categories[row].id
            let first = dataset.categories[categoryIndex[id] ?? row].name
            categories.add(id: id, "category \(id): \"\(dataset.categories[row].name)\", and \"\(first)\"")
        }
        return [images, annotations, categories].compactMap(\.finding)
    }

    private func categoryNames(_ categories: [Category], _ counts: [Int64: Int]) -> [DatasetFinding] {
        var duplicates = builder(.duplicateCategoryName)
        var ambiguous = builder(.ambiguousCategoryName)
        var empty = builder(.emptyCategoryName)
        var firstIDs: [String: Int64] = [:]
        for category in categories {
            if category.name.allSatisfy(\.isWhitespace) {
                empty.add(id: category.id, "category \(category.id)")
            } else if let first = firstIDs[ClassName.key(category.name)] {
                // A repeated id is reported separately.
                guard first != category.id else { continue }
                let text = "category \(category.id): \"\(category.name)\", same as category \(first)"
                if [first, category.id].allSatisfy({ counts[$0] ?? 0 > 0 }) {
                    ambiguous.add(id: category.id, text)
                } else {
                    duplicates.add(id: category.id, text)
                }
            } else {
                firstIDs[ClassName.key(category.name)] = category.id
            }
        }
        return [ambiguous, duplicates, empty].compactMap(\.finding)
    }

    private func imageFields(_ images: ImageTable, _ categoryIndex: IDIndex) -> [DatasetFinding] {
        var sizes = builder(.imageWithoutSize)
        var unnamed = builder(.imageWithoutFileName)
        var repeated = builder(.fileNameListedTwice)
        var lists = builder(.unknownCategoryListed)
        var missing = builder(.categoryListMissing)
        let isFederated = images.negativeCategoryIDs.hasLists || images.notExhaustiveCategoryIDs.hasLists
        var firstIDs: [String: Int64] = [:]
        for row in 0..<images.count {
            let id = images.ids[row]
            if images.widths[row] <= 0 || images.heights[row] <= 0 {
                sizes.add(id: id, "image \(id): \(images.widths[row]) x \(images.heights[row])")
            }
            let path = images.fileNames.isEmpty(row) ? images[row].path : images.fileNames[row]
            if path.isEmpty {
                unnamed.add(id: id, "image \(id)")
            } else if let first = firstIDs[path] {
                repeated.add(id: id, "image \(id): \(path), same as image \(first)")
            } else {
                firstIDs[path] = id
            }
            let listed = [images.negativeCategoryIDs[row], images.notExhaustiveCategoryIDs[row]]
            if isFederated, listed.contains(where: { $0 == nil }) { missing.add(id: id, "image \(id)") }
            let unknown = listed.compactMap(\.self).joined().filter { categoryIndex[$0] == nil }
            if !unknown.isEmpty {
                lists.add(
                    id: id, "image \(id): \(unknown.prefix(5).map(String.init).joined(separator: ", "))")
            }
        }
        return [sizes, unnamed, repeated, lists, missing].compactMap(\.finding)
    }

    private func use(
        _ annotations: AnnotationTable, _ images: ImageTable, _ categories: [Category],
        _ imageIndex: IDIndex, _ categoryIndex: IDIndex
    ) -> [DatasetFinding] {
        var unknownImages = builder(.unknownImage)
        var unknownCategories = builder(.unknownCategory)
        var absent = builder(.absentCategoryAnnotated)
        var usedImages = [Bool](repeating: false, count: images.count)
        var usedCategories = [Bool](repeating: false, count: categories.count)
        for row in 0..<annotations.count {
            let (id, imageID, categoryID) =
                (annotations.ids[row], annotations.imageIDs[row], annotations.categoryIDs[row])
            if let category = categoryIndex[categoryID] {
                usedCategories[category] = true
            } else {
                unknownCategories.add(id: id, "annotation \(id): category \(categoryID)")
            }
            guard let image = imageIndex[imageID] else {
                unknownImages.add(id: id, "annotation \(id): image \(imageID)")
                continue
            }
            usedImages[image] = true
            if images.negativeCategoryIDs[image]?.contains(categoryID) == true {
                absent.add(id: id, "annotation \(id): category \(categoryID) in image \(imageID)")
            }
        }
        var unusedImages = builder(.imageWithoutAnnotations)
        // A repeated id is reported separately.
        for row in images.ids.indices where !usedImages[row] && imageIndex[images.ids[row]] == row {
            unusedImages.add(id: images.ids[row], "image \(images.ids[row]): \(images[row].path)")
        }
        var unusedCategories = builder(.unusedCategory)
        for (row, category) in categories.enumerated()
        where !usedCategories[row] && categoryIndex[category.id] == row {
            unusedCategories.add(id: category.id, "category \(category.id): \"\(category.name)\"")
        }
        return [unknownImages, unknownCategories, absent, unusedImages, unusedCategories]
            .compactMap(\.finding)
    }
}
