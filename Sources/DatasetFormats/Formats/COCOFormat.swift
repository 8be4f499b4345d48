import COCO
import Support

/// COCO's instances.
package enum COCOFormat: DatasetFormat {
    package static let name = FormatName.coco

    /// The keys of a COCO file's outermost object.
    private static let keys: Set = ["images", "annotations", "categories", "licenses"]

    package static func recognizes(_ source: FormatSource) -> Bool { file(source) != nil }

    /// The annotation file: in a folder the only one, or the one that Roboflow gives its name.
    static func file(_ source: FormatSource) -> String? {
        guard source.isFolder else { return isCOCO(source) ? source.path : nil }
        let inside =
            source.hasFolder("annotations") ? try? FormatSource(path: source.file("annotations")) : nil
        for folder in [source, inside].compactMap(\.self) {
            let names = folder.names(suffix: "json")
            if let name = names.first(where: { $0 == "_annotations.coco.json" }) { return folder.file(name) }
            let files = names.map(folder.file).filter { (try? FormatSource(path: $0)).map(isCOCO) ?? false }
            if files.count == 1 { return files[0] }
        }
        return nil
    }

    private static func isCOCO(_ source: FormatSource) -> Bool {
        guard !source.isFolder, !source.isJSONList else { return false }
        let found = source.jsonKeys.map(\.key)
        return found.contains { keys.contains($0) }
            || found.first == "info" && !found.contains("samples") && !found.contains("labels")
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        guard let path = source.isFolder ? file(source) : source.path else {
            throw AnnotationFileError(
                file: source.path, reason: "holds no annotation file, or several: name the file itself")
        }
        let (dataset, unread) = try Dataset.reading(contentsOf: path)
        var report = ConversionReport()
        report.add(unread, of: path)
        return FormatContents(dataset: dataset, report: report)
    }

    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        guard dataset.isFederated else {
            try dataset.write(to: path)
            return ConversionReport()
        }
        let (plain, report) = try dataset.cocoFromLVIS()
        try plain.write(to: path)
        return report
    }
}

/// LVIS v1: COCO format with lists of absent classes.
package enum LVISFormat: DatasetFormat {
    package static let name = FormatName.lvis

    package static func recognizes(_ source: FormatSource) -> Bool {
        guard let file = COCOFormat.file(source), let sample = try? FormatSource(path: file) else {
            return false
        }
        return ["neg_category_ids", "not_exhaustive_category_ids", "\"synset\""].contains {
            sample.mentions($0)
        }
    }

    package static func read(_ source: FormatSource, _ options: FormatReadingOptions) throws -> FormatContents
    {
        try COCOFormat.read(source, options)
    }

    package static func write(
        _ dataset: Dataset, to path: String, _ options: FormatWritingOptions
    ) throws -> ConversionReport {
        var report = ConversionReport()
        guard !dataset.isFederated else {
            try dataset.write(to: path)
            return report
        }
        // Of a data set whose every object is annotated, all classes that an image does not show are absent from it.
        var result = dataset
        let rows = try ImageRows(dataset)
        let ids = dataset.categories.map(\.id)
        result.images = ImageTable()
        for row in 0..<dataset.images.count {
            var image = dataset.images[row]
            let present = Set(rows[row].map { dataset.annotations.categoryIDs[$0] })
            image.negativeCategoryIDs = ids.filter { !present.contains($0) }
            image.notExhaustiveCategoryIDs = []
            result.images.append(image)
        }
        report.add(
            "images: all classes that they do not show are said to be absent from them",
            count: result.images.count)
        if !dataset.categories.allSatisfy({ $0.frequency != nil }) {
            result.categories = dataset.categoriesWithFrequency(rows)
            report.add("categories get the frequency that their images have in this file", count: ids.count)
        }
        report.add(
            "annotations mark crowds, which LVIS does not know: kept as they are",
            ids: dataset.annotations.ids.indices.filter { dataset.annotations.flags[$0].contains(.isCrowd) }
                .map { dataset.annotations.ids[$0] })
        try result.write(to: path)
        return report
    }
}

extension Dataset {
    /// The categories with the counts and the frequency by LVIS's rule.
    fileprivate func categoriesWithFrequency(_ rows: ImageRows) -> [COCO.Category] {
        var (images, instances): ([Int64: Int], [Int64: Int]) = ([:], annotationCounts)
        for image in 0..<self.images.count {
            for id in Set(rows[image].map { annotations.categoryIDs[$0] }) { images[id, default: 0] += 1 }
        }
        return categories.map { category in
            var category = category
            let count = images[category.id] ?? 0
            category.imageCount = count
            category.instanceCount = instances.removeValue(forKey: category.id) ?? 0
            category.frequency = count <= 10 ? .rare : count <= 100 ? .common : .frequent
            return category
        }
    }
}
