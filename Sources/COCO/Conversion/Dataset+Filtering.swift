import Support

extension Dataset {
    /// The data set reduced to some of its categories.
    ///
    /// Kept are their annotations and, of LVIS's lists, their ids. Annotations without image or category are
    /// left out, too.
    ///
    /// - Parameters:
    ///   - categoryIDs: the ids of the categories; unknown ones are ignored.
    ///   - droppingEmptyImages: whether images are left out that have no annotation afterwards.
    package func filtered(
        categoryIDs: Set<Int64>, droppingEmptyImages: Bool = false
    ) -> (dataset: Dataset, report: ConversionReport) {
        var report = ConversionReport()
        let kept = Set(categories.map(\.id)).intersection(categoryIDs)
        let known = Set(categories.map(\.id))
        let imageIDs = Set(images.ids)
        var rows: [Int] = []
        var used: Set<Int64> = []
        for row in 0..<annotations.count {
            let (id, categoryID) = (annotations.ids[row], annotations.categoryIDs[row])
            if !known.contains(categoryID) {
                report.add("annotations are of a category that the file does not have: left out", id: id)
            } else if !kept.contains(categoryID) {
                report.add("annotations are of other categories: left out", count: 1)
            } else if !imageIDs.contains(annotations.imageIDs[row]) {
                report.add("annotations are of an image that the file does not have: left out", id: id)
            } else {
                rows.append(row)
                used.insert(annotations.imageIDs[row])
            }
        }
        let empty = images.ids.filter { !used.contains($0) }
        report.add(
            droppingEmptyImages
                ? "images have no annotation of these categories: left out"
                : "images have no annotation of these categories: kept", count: empty.count)
        var result = Dataset()
        result.info = info
        result.licenses = licenses
        result.categories = categories.filter { kept.contains($0.id) }
        for row in 0..<images.count where !droppingEmptyImages || used.contains(images.ids[row]) {
            var image = images[row]
            image.negativeCategoryIDs = image.negativeCategoryIDs?.filter(kept.contains)
            image.notExhaustiveCategoryIDs = image.notExhaustiveCategoryIDs?.filter(kept.contains)
            result.images.append(image)
        }
        for row in rows { result.annotations.append(row: row, of: annotations) }
        return (result, report)
    }

    /// The ids of categories by their names, which are compared as the text tower sees them where none is equal.
    ///
    /// - Throws: ``COCOError`` that lists the names that no category has.
    package func categoryIDs(named names: [String]) throws -> Set<Int64> {
        var ids: [String: [Int64]] = [:]
        var looseIDs: [String: [Int64]] = [:]
        for category in categories {
            ids[category.name, default: []].append(category.id)
            looseIDs[ClassName.key(category.name), default: []].append(category.id)
        }
        func found(_ name: String) -> [Int64]? { ids[name] ?? looseIDs[ClassName.key(name)] }
        let missing = names.filter { found($0) == nil }
        guard missing.isEmpty else {
            let shown = missing.prefix(10).map { "\"\($0)\"" }.joined(separator: ", ")
            throw COCOError(
                "\(missing.count) of \(names.count) names are of no category: \(shown)"
                    + "\(missing.count > 10 ? ", ..." : ""); underscores and case aside, names must be spelled as in the file"
            )
        }
        return Set(names.flatMap { found($0) ?? [] })
    }

    /// The ids of the categories of some frequencies by the rule of LVIS: rare in 1 to 10 images, common in up to
    /// 100, frequent in more.
    ///
    /// - Returns: the ids; and whether the images of this data set were counted since not all categories state
    ///   their frequency. A category without images then has none.
    package func categoryIDs(
        of frequencies: Set<Category.Frequency>
    ) -> (ids: Set<Int64>, areCounted: Bool) {
        if categories.allSatisfy({ $0.frequency != nil }) {
            return (
                Set(categories.filter { $0.frequency.map(frequencies.contains) ?? false }.map(\.id)), false
            )
        }
        var images: [Int64: Set<Int64>] = [:]
        for row in 0..<annotations.count {
            images[annotations.categoryIDs[row], default: []].insert(annotations.imageIDs[row])
        }
        let ids = categories.map(\.id).filter { id in
            guard let count = images[id]?.count else { return false }
            return frequencies.contains(count <= 10 ? .rare : count <= 100 ? .common : .frequent)
        }
        return (Set(ids), true)
    }
}
