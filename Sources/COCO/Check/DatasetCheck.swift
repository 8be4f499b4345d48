/// Looks for what is wrong with a data set.
///
/// Nothing is changed, and a data set with any number of faults is examined to its end.
package struct DatasetCheck: Sendable {
    /// Where the pictures are; nil leaves the pictures unchecked.
    package var pictures: PictureFolder?

    /// How many of each kind of finding are put into words.
    package var exampleLimit = 5

    /// The number of threads, 0 for one a processor. Findings do not depend on it.
    package var threadCount = 0

    /// A check.
    package init(pictures: PictureFolder? = nil) { self.pictures = pictures }

    /// The findings, errors first.
    ///
    /// - Parameters:
    ///   - dataset: the data set, best read with ``Dataset/init(examining:)``, so that broken polygons are found
    ///     rather than refused.
    ///   - progress: called now and then with the number of annotations and pictures that are done and of all, from
    ///     any thread.
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

    /// What a data set shares with another one that should have nothing in common with it, as training and
    /// validation, and where their categories differ.
    ///
    /// Pictures are compared by their contents when both folders are given, by file name otherwise.
    ///
    /// - Returns: findings whose ids are of `dataset`, errors first.
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
