/// Looks for faults in a data set, without stopping at the first one or changing anything.
package struct DatasetCheck: Sendable {
    /// The folder of the pictures; nil skips the checks of pictures.
    package var pictures: PictureFolder?

    /// The number of examples per finding.
    package var exampleLimit = 5

    /// The number of threads, 0 for one per processor. Findings do not depend on it.
    package var threadCount = 0

    /// Creates a check.
    package init(pictures: PictureFolder? = nil) { self.pictures = pictures }

    /// The findings, errors first.
    ///
    /// - Parameters:
    ///   - dataset: The data set, best read with ``Dataset/init(examining:)``, which accepts broken polygons.
    ///   - progress: Called on any thread with the number of finished annotations and pictures and the total.
    package func findings(
        in dataset: Dataset, progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws -> [DatasetFinding] {
        let annotationCount = dataset.annotations.count
        let total = annotationCount + (pictures == nil ? 0 : dataset.images.count)
        var findings = structureFindings(dataset)
        findings += try annotationFindings(dataset) { progress($0, total) }
        if let pictures {
            findings += try pictureFindings(dataset, pictures) { progress(annotationCount + $0, total) }
        }
        return Self.sorted(findings)
    }

    /// The pictures that a data set shares with another one, which training and validation sets must not, and the
    /// categories in which they differ.
    ///
    /// Pictures are compared by their contents if both folders are given, by file name otherwise.
    ///
    /// - Returns: Findings whose ids refer to `dataset`, errors first.
    package func overlap(
        of dataset: Dataset, with other: Dataset, pictures otherPictures: PictureFolder? = nil
    ) throws -> [DatasetFinding] {
        Self.sorted(
            try sharedPictures(dataset, other, otherPictures)
                + [categoryDifferences(dataset, other)]
                .compactMap(\.self))
    }

    static func sorted(_ findings: [DatasetFinding]) -> [DatasetFinding] {
        DatasetFinding.Severity.allCases.flatMap { severity in
            findings.filter { $0.severity == severity }
        }
    }

    func builder(_ code: DatasetFinding.Code) -> FindingBuilder {
        FindingBuilder(code, exampleLimit: exampleLimit)
    }
}

extension DatasetCheck {
    /// Finds pictures that are in both data sets.
    func sharedPictures(
        _ dataset: Dataset, _ other: Dataset, _ otherPictures: PictureFolder?
    ) throws -> [DatasetFinding] {
        let (images, others) = (dataset.images, other.images)
        var otherRows: [String: Int] = [:]
        for row in 0..<others.count {
            let path = others[row].path
            if !path.isEmpty { otherRows[path] = otherRows[path] ?? row }
        }
        // Contents decide if both folders are given: equal names (`000001.jpg`) are often a coincidence.
        guard let pictures, let otherPictures else {
            var names = builder(.sharedFileName)
            for row in 0..<images.count {
                let path = images[row].path
                guard let otherRow = otherRows[path] else { continue }
                names.add(
                    id: images.ids[row],
                    "image \(images.ids[row]): \(path), image \(others.ids[otherRow]) of the other")
            }
            return [names.finding].compactMap(\.self)
        }
        // The other data set comes first, so that its files count as the first ones.
        let locations = otherPictures.locations(of: others) + pictures.locations(of: images)
        let firsts = try FileContents.firstEqual(locations, threads: threadCount)
        var contents = builder(.sharedPicture)
        for row in 0..<images.count {
            guard let first = firsts[others.count + row], first < others.count else { continue }
            contents.add(
                id: images.ids[row],
                "image \(images.ids[row]): \(images[row].path), image \(others.ids[first]) of the other: "
                    + others[first].path)
        }
        return [contents.finding].compactMap(\.self)
    }

    /// Finds categories whose id or name means something else in the other data set.
    func categoryDifferences(_ dataset: Dataset, _ other: Dataset) -> DatasetFinding? {
        var names: [Int64: String] = [:]
        var ids: [String: Int64] = [:]
        for category in other.categories {
            names[category.id] = names[category.id] ?? category.name
            ids[category.name] = ids[category.name] ?? category.id
        }
        var builder = builder(.categoryDiffers)
        for category in dataset.categories {
            if let name = names[category.id], name != category.name {
                builder.add(
                    id: category.id,
                    "category \(category.id): \"\(category.name)\", in the other \"\(name)\"")
            } else if let id = ids[category.name], id != category.id, names[category.id] == nil {
                builder.add(
                    id: category.id, "category \"\(category.name)\": id \(category.id), in the other \(id)")
            }
        }
        return builder.finding
    }
}
