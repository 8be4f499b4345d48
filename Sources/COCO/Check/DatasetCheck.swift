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
