import Support

extension Dataset {
    /// Reduces the data set to some of its categories.
    ///
    /// Their annotations are kept and, in LVIS's lists, their ids. Annotations without an image or category are dropped
    /// too.
    ///
    /// - Parameters:
    ///   - categoryIDs: The ids of the categories; unknown ones are ignored.
    ///   - droppingEmptyImages: Whether to drop images that have no annotations afterwards.
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
                report.add("annotations have a category that the file does not have and are dropped", id: id)
            } else if !kept.contains(categoryID) {
                report.add("annotations belong to other categories and are dropped", count: 1)
            } else if !imageIDs.contains(annotations.imageIDs[row]) {
                report.add("annotations have an image that the file does not have and are dropped", id: id)
            } else {
                rows.append(row)
                used.insert(annotations.imageIDs[row])
            }
        }
        let empty = images.ids.filter { !used.contains($0) }
        report.add(
            droppingEmptyImages
                ? "images have no annotations of these categories and are dropped"
                : "images have no annotations of these categories and are kept", count: empty.count)
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

    /// The ids of categories by name. Without an exact match, names are compared as the text tower sees them.
    ///
    /// - Throws: ``COCOError`` that lists the names without a category.
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
                "\(missing.count) of \(names.count) names match no category: \(shown)\(missing.count > 10 ? ", ..." : "")"
                    + "; except for underscores and case, names must be spelled as in the file"
            )
        }
        return Set(names.flatMap { found($0) ?? [] })
    }

    /// The ids of the categories with some of LVIS's frequencies: rare in 1 to 10 images, common in up to 100, frequent
    /// in more.
    ///
    /// - Returns: The ids, and whether frequencies were computed from the images of this data set because not all
    ///   categories state theirs. A category without images then has none.
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

extension Dataset {
    /// Divides the images at random, for a smaller set or a training and validation split.
    ///
    /// The same seed gives the same images on every system. Both parts have all categories and keep the order of the
    /// file.
    ///
    /// - Parameters:
    ///   - imageCount: The number of images in the sample.
    ///   - seed: The seed of the random choice.
    /// - Throws: ``COCOError`` if there are fewer images.
    package func sampled(
        imageCount: Int, seed: UInt64
    ) throws -> (sample: Dataset, rest: Dataset, report: ConversionReport) {
        guard (0...images.count).contains(imageCount) else {
            throw COCOError("\(imageCount) images are requested, but the file has \(images.count)")
        }
        var report = ConversionReport()
        let index = IDIndex(images.ids)
        guard index.duplicates.isEmpty else {
            throw COCOError(
                "\(index.duplicates.count) images use the id of an earlier image "
                    + "(\(images.ids[index.duplicates[0]])); fvlm check-dataset lists them")
        }
        var order = Array(0..<images.count)
        var random = SplitMix64(seed: seed)
        var isSampled = [Bool](repeating: false, count: images.count)
        for place in 0..<imageCount {
            order.swapAt(place, place + random.index(below: images.count - place))
            isSampled[order[place]] = true
        }
        var (sample, rest) = (emptied(), emptied())
        for row in 0..<images.count {
            if isSampled[row] { sample.images.append(images[row]) } else { rest.images.append(images[row]) }
        }
        for row in 0..<annotations.count {
            guard let image = index[annotations.imageIDs[row]] else {
                report.add(
                    "annotations have an image that the file does not have and are dropped",
                    id: annotations.ids[row])
                continue
            }
            if isSampled[image] {
                sample.annotations.append(row: row, of: annotations)
            } else {
                rest.annotations.append(row: row, of: annotations)
            }
        }
        return (sample, rest, report)
    }

    /// An empty data set with the same categories and metadata.
    func emptied() -> Dataset {
        var result = Dataset()
        (result.info, result.licenses, result.categories) = (info, licenses, categories)
        return result
    }
}
