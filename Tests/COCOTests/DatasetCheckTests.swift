import COCO
import FixtureSupport
import Foundation
import Synchronization
import Testing

@Suite struct DatasetCheckTests {
    /// A data set without any fault, into which faults are put.
    private struct Source {
        var images = [
            #"{"id": 1, "width": 40, "height": 30, "file_name": "a.jpg"}"#,
            #"{"id": 2, "width": 40, "height": 30, "file_name": "b.jpg"}"#,
        ]
        var categories = [#"{"id": 1, "name": "dog"}"#, #"{"id": 2, "name": "cat"}"#]
        var annotations = [
            #"{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 10, 8], "area": 80, "iscrowd": 0, "#
                + #""segmentation": [[2, 3, 12, 3, 12, 11, 2, 11]]}"#,
            #"{"id": 2, "image_id": 2, "category_id": 2, "bbox": [0, 0, 40, 30], "area": 1200, "iscrowd": 1, "#
                + #""segmentation": {"size": [30, 40], "counts": [0, 1200]}}"#,
        ]

        var text: String {
            "{\"images\": [\(images.joined(separator: ","))], \"annotations\": "
                + "[\(annotations.joined(separator: ","))], "
                + "\"categories\": [\(categories.joined(separator: ","))]}"
        }

        func findings(_ check: DatasetCheck = DatasetCheck()) throws -> [DatasetFinding] {
            let folder = try TemporaryFolder()
            return try check.findings(in: Dataset(examining: folder.write(text, "annotations.json")))
        }

        /// With one more annotation of id 3 in image 1.
        func adding(_ fields: String) -> Source {
            var result = self
            result.annotations.append(#"{"id": 3, "image_id": 1, "category_id": 1, \#(fields)}"#)
            return result
        }
    }

    @Test func nothingIsFoundInASoundDataSet() throws {
        #expect(try Source().findings() == [])
        #expect(try DatasetCheck().findings(in: Dataset()) == [])
    }

    /// Every fault of an annotation, and what is found: that and nothing else.
    static let annotationFaults: [(String, [DatasetFinding.Code])] = [
        (#""area": 10"#, [.boxMissing]),
        (#""bbox": [5, 5, NaN, 4], "area": 10"#, [.boxNotFinite]),
        (#""bbox": [5, 5, 0, 4], "area": 10"#, [.boxEmpty]),
        (#""bbox": [5, 5, -3, 4], "area": 10"#, [.boxEmpty]),
        (#""bbox": [41, 5, 3, 4], "area": 12"#, [.boxOutside]),
        (#""bbox": [-9, 5, 9, 4], "area": 36"#, [.boxOutside]),
        (#""bbox": [35, 5, 8, 4], "area": 32"#, [.boxBeyondEdge]),
        (#""bbox": [35, 5, 5.9, 4], "area": 23.6"#, []),
        (#""bbox": [2, 5, 8, 4]"#, [.areaMissing]),
        (#""bbox": [2, 5, 8, 4], "area": 0"#, [.areaDisagrees]),
        (#""bbox": [2, 5, 8, 4], "area": 70"#, [.areaDisagrees]),
        (#""bbox": [2, 5, 8, 4], "area": 20"#, []),
        (#""bbox": [1, 1, 8, 8], "area": 64, "segmentation": [[1,1,9,1,9,9,1]]"#, [.polygonOddCount]),
        (#""bbox": [1, 1, 8, 8], "area": 64, "segmentation": [[1,1,9,9]]"#, [.polygonTooShort]),
        (
            #""bbox": [1, 1, 8, 8], "area": 64, "segmentation": [[1,1,9,1,Infinity,9,1,9]]"#,
            [.polygonNotFinite]
        ),
        (
            #""bbox": [30, 1, 10, 8], "area": 80, "segmentation": [[30,1,45,1,45,9,30,9]]"#,
            [.polygonBeyondEdge]
        ),
        (#""bbox": [1, 1, 8, 8], "area": 1, "segmentation": [[1,1,1,1,1,1]]"#, [.maskEmpty]),
        (
            #""bbox": [1, 1, 8, 8], "area": 64, "segmentation": {"size": [30, 40], "counts": [1200]}"#,
            [.maskEmpty]
        ),
        // Tools that know no mask write these.
        (#""bbox": [1, 1, 8, 8], "area": 64, "segmentation": []"#, []),
        (#""bbox": [1, 1, 8, 8], "area": 64, "segmentation": [[]]"#, []),
        (#""bbox": [1, 1, 8, 8], "area": NaN"#, [.areaNotFinite]),
        (#""bbox": [1, 1, 8, 8], "area": -Infinity, "segmentation": [[1,1,9,1,9,9,1,9]]"#, [.areaNotFinite]),
        (
            #""bbox": [0, 0, 1, 1], "area": 1, "segmentation": {"size": [30, 40], "counts": [0, 1]}"#,
            [.maskBroken]
        ),
        (
            #""bbox": [0, 0, 1, 1], "area": 1, "segmentation": {"size": [30, 40], "counts": "~"}"#,
            [.maskBroken]
        ),
        (
            #""bbox": [0, 0, 1, 1], "area": 1, "segmentation": {"size": [40, 30], "counts": [0, 1, 1199]}"#,
            [.maskSizeDiffers]
        ),
        (
            #""bbox": [1, 1, 8, 8], "area": 64, "iscrowd": 1, "segmentation": [[1,1,9,1,9,9,1,9]]"#,
            [.crowdWithoutRunLengths]
        ),
        // The area of the box for the mask of a triangle.
        (#""bbox": [1, 1, 20, 20], "area": 400, "segmentation": [[1,1,21,1,1,21]]"#, [.areaDisagrees]),
        (#""bbox": [1, 1, 20, 20], "area": 200, "segmentation": [[1,1,21,1,1,21]]"#, []),
        (#""bbox": [9, 1, 20, 20], "area": 200, "segmentation": [[1,1,21,1,1,21]]"#, [.boxDisagrees]),
        (#""bbox": [2, 3, 10, 8], "area": 80"#, [.duplicateAnnotation]),
    ]

    @Test(arguments: annotationFaults)
    func annotationFaultsAreFound(_ fields: String, _ expected: [DatasetFinding.Code]) throws {
        let findings = try Source().adding(fields).findings()
        #expect(findings.map(\.code) == expected)
        for finding in findings {
            #expect(finding.count == 1 && finding.ids == [3] && finding.subject == .annotation)
            #expect(finding.examples.count == 1 && finding.examples[0].hasPrefix("annotation 3 in image 1"))
        }
    }

    @Test func brokenIDsAndReferencesAreFound() throws {
        var source = Source()
        source.images.append(#"{"id": 1, "width": 40, "height": 30, "file_name": "c.jpg"}"#)
        source.images.append(#"{"id": 5, "width": 0, "height": 30, "file_name": "a.jpg"}"#)
        source.images.append(
            #"{"id": 6, "width": 40, "height": 30, "neg_category_ids": [1, 77], "not_exhaustive_category_ids": []}"#
        )
        source.categories.append(#"{"id": 2, "name": "bird"}"#)
        source.categories.append(#"{"id": 9, "name": "dog"}"#)
        source.categories.append(#"{"id": 10, "name": " "}"#)
        source.annotations.append(
            #"{"id": 1, "image_id": 6, "category_id": 1, "bbox": [1, 1, 2, 2], "area": 4}"#)
        source.annotations.append(
            #"{"id": 4, "image_id": 88, "category_id": 99, "bbox": [1, 1, 2, 2], "area": 4}"#)
        let findings = try source.findings()
        let byCode = Dictionary(uniqueKeysWithValues: findings.map { ($0.code, $0.ids) })
        #expect(
            byCode == [
                .duplicateImageID: [1], .duplicateAnnotationID: [1], .duplicateCategoryID: [2],
                .duplicateCategoryName: [9], .emptyCategoryName: [10], .unusedCategory: [9, 10],
                .unknownImage: [4], .unknownCategory: [4], .absentCategoryAnnotated: [1],
                .unknownCategoryListed: [6], .imageWithoutSize: [5], .imageWithoutFileName: [6],
                .imageWithoutAnnotations: [5], .fileNameListedTwice: [5],
                .categoryListMissing: [1, 2, 1, 5],
            ])
        #expect(findings.map(\.severity) == findings.map(\.severity).sorted())
        #expect(findings.contains { $0.examples == ["category 2: \"bird\", and \"cat\""] })
    }

    @Test func namesAreComparedAsTheTextTowerSeesThem() throws {
        var source = Source()
        source.categories.append(#"{"id": 9, "name": "_Dog "}"#)
        #expect(try source.findings().map(\.code) == [.duplicateCategoryName, .unusedCategory])
        source.annotations.append(
            #"{"id": 7, "image_id": 1, "category_id": 9, "bbox": [1, 1, 2, 2], "area": 4}"#)
        let finding = try #require(try source.findings().first)
        #expect(finding.code == .ambiguousCategoryName && finding.severity == .error && finding.ids == [9])
    }

    @Test func examplesAreLimitedAndIDsAreNot() throws {
        var source = Source()
        for id in 10..<30 {
            source.annotations.append(
                "{\"id\": \(id), \"image_id\": 1, \"category_id\": 1, \"bbox\": [\(id), 50, 1, 1], \"area\": 1}"
            )
        }
        var check = DatasetCheck()
        check.exampleLimit = 2
        let finding = try #require(try source.findings(check).first)
        #expect(finding.code == .boxOutside && finding.count == 20 && finding.examples.count == 2)
        #expect(finding.ids == Array(10..<30))
    }

    @Test func findingsDoNotDependOnTheNumberOfThreads() throws {
        var generator = SeededGenerator(5)
        var source = Source()
        for id in 10..<2000 {
            let numbers = (0..<10).map { _ in Int.random(in: -5...45, using: &generator) }
            source.annotations.append(
                "{\"id\": \(id), \"image_id\": 1, \"category_id\": 1, \"bbox\": \(numbers[..<4]), "
                    + "\"area\": 9, \"segmentation\": [\(numbers[4...])]}")
        }
        var (one, many) = (DatasetCheck(), DatasetCheck())
        (one.threadCount, many.threadCount) = (1, 7)
        #expect(try source.findings(one) == source.findings(many))
    }

    @Test func brokenPolygonsAreRefusedUnlessExamined() throws {
        let source = Source().adding(
            #""bbox": [1, 1, 8, 8], "area": 64, "segmentation": [[1,1,9,1,9,9,1]]"#)
        let path = try TemporaryFolder().write(source.text, "a.json")
        #expect(throws: AnnotationFileError.self) { try Dataset(contentsOf: path) }
        for text in ["[1, 1, NaN, 8]", "[1, 1, Infinity, 8]", "[1, 1, -Infinity, 8]"] {
            let folder = try TemporaryFolder()
            let path = try folder.write(Source().adding("\"bbox\": \(text)").text, "a.json")
            #expect(throws: AnnotationFileError.self) { try Dataset(contentsOf: path) }
            #expect(try Dataset(examining: path).annotations.boxes[2].width.isFinite == false)
        }
        let folder = try TemporaryFolder()
        let broken = try folder.write(Source().adding("\"bbox\": [1, 1, nan, 8]").text, "a.json")
        #expect(throws: AnnotationFileError.self) { try Dataset(examining: broken) }
    }

    @Test func everyCodeHasTexts() {
        for code in DatasetFinding.Code.allCases {
            #expect(code.advice.hasSuffix(".") && !code.summary.hasSuffix("."))
            #expect(code.rawValue.allSatisfy { $0 == "-" || ("a"..."z").contains($0) })
        }
    }
}

@Suite struct PictureCheckTests {
    private func dataset(_ names: [(Int64, String)], width: Int = 4, height: Int = 3) -> Dataset {
        var dataset = Dataset()
        for (id, name) in names {
            dataset.images.append(ImageRecord(id: id, width: width, height: height, fileName: name))
        }
        return dataset
    }

    private func findings(_ dataset: Dataset, _ folder: PictureFolder) throws -> [DatasetFinding.Code:
        [Int64]]
    {
        let all = try DatasetCheck(pictures: folder).findings(in: dataset)
        return Dictionary(uniqueKeysWithValues: all.map { ($0.code, $0.ids) })
    }

    private struct Unreadable: Error, CustomStringConvertible { let description = "no picture" }

    /// Reads sizes from text files: `4 3`, or `4 3 turned`.
    private let size: @Sendable (String) throws -> PictureSize = { path in
        let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        let words = text.split(separator: " ")
        guard words.count >= 2, let width = Int(words[0]), let height = Int(words[1]) else {
            throw Unreadable()
        }
        return PictureSize(
            width: width, height: height, isStoredTransposed: words.dropFirst(2).first == "turned")
    }

    @Test func missingBrokenTurnedAndRepeatedPicturesAreFound() throws {
        let folder = try TemporaryFolder()
        for (name, text) in [
            ("a.jpg", "4 3 a"), ("sub/b.jpg", "4 3 b"), ("c.jpg", "5 3 c"), ("d.jpg", "3 4 turned"),
            ("e.jpg", "hello"), ("f.jpg", ""), ("copy.jpg", "4 3 b"), ("new.PNG", "4 3"),
            ("notes.txt", "4 3"), ("._a.jpg", "4 3"), (".ipynb_checkpoints/a.jpg", "4 3"),
        ] {
            try folder.write(text, name)
        }
        let dataset = dataset([
            (1, "a.jpg"), (2, "sub/b.jpg"), (3, "c.jpg"), (4, "d.jpg"), (5, "e.jpg"), (6, "f.jpg"),
            (7, "missing.jpg"), (8, "copy.jpg"), (9, "sub"),
        ])
        var found = try findings(dataset, PictureFolder(path: folder.path, size: size))
        found[.imageWithoutAnnotations] = nil
        #expect(
            found == [
                .pictureMissing: [7, 9], .pictureUnreadable: [5, 6], .pictureSizeDiffers: [3],
                .pictureTurned: [4], .pictureListedTwice: [8], .pictureNotListed: [],
            ])
        let unlisted = try DatasetCheck(pictures: PictureFolder(path: folder.path)).findings(in: dataset)
            .first { $0.code == .pictureNotListed }
        #expect(unlisted?.examples == ["new.PNG"] && unlisted?.subject == .file)
    }

    @Test func progressReachesTheEnd() throws {
        var data = dataset((1...3).map { ($0, "\($0).jpg") })
        for id in Int64(0)..<1000 {
            data.annotations.append(AnnotationRecord(id: id, imageID: 1, categoryID: 1))
        }
        let seen = Mutex<[Int]>([])
        _ = try DatasetCheck(pictures: PictureFolder(path: "/no/such/folder")).findings(in: data) {
            done, total in
            seen.withLock { $0.append(done) }
            if total != 1003 { Issue.record("\(total) of 1003") }
        }
        #expect(seen.withLock { $0.sorted() } == [256, 512, 768, 1001, 1002, 1003])
    }

    @Test func addressesOfLVISAreFound() throws {
        let folder = try TemporaryFolder()
        try folder.write("4 3", "val2017/1.jpg")
        var dataset = Dataset()
        dataset.images.append(
            ImageRecord(id: 1, width: 4, height: 3, cocoURL: "http://images.cocodataset.org/val2017/1.jpg"))
        for path in [folder.path, folder.path + "/val2017/"] {
            #expect(
                try findings(dataset, PictureFolder(path: path, size: size)) == [
                    .imageWithoutAnnotations: [1]
                ])
        }
    }

    @Test func overlapIsFoundByContents() throws {
        let (train, val) = (try TemporaryFolder(), try TemporaryFolder())
        // Equal lengths, so that the contents decide.
        try train.write("picture 1", "1.jpg")
        try train.write("picture 2", "2.jpg")
        try train.write("picture 3", "3.jpg")
        try val.write("picture 9", "1.jpg")
        try val.write("picture 3", "x.jpg")
        let (a, b) = (
            dataset([(1, "1.jpg"), (2, "2.jpg"), (3, "3.jpg")]), dataset([(1, "1.jpg"), (8, "x.jpg")])
        )
        let check = DatasetCheck(pictures: PictureFolder(path: train.path))
        let found = try check.overlap(of: a, with: b, pictures: PictureFolder(path: val.path))
        #expect(found.map(\.code) == [.sharedPicture] && found[0].ids == [3])
        #expect(found[0].examples == ["image 3: 3.jpg, image 8 of the other: x.jpg"])
        // Without pictures the names are all there is.
        let names = try check.overlap(of: a, with: b)
        #expect(names.map(\.code) == [.sharedFileName] && names[0].ids == [1])
    }

    @Test func overlapWithItselfIsTotal() throws {
        let folder = try TemporaryFolder()
        for index in 0..<20 {
            try folder.write(String(repeating: "\(index % 10)", count: 70_000), "\(index).jpg")
        }
        let all = dataset((0..<20).map { (Int64($0), "\($0).jpg") })
        let pictures = PictureFolder(path: folder.path)
        let found = try DatasetCheck(pictures: pictures).overlap(of: all, with: all, pictures: pictures)
        #expect(found.map(\.count) == [20])
        let repeated = try findings(all, pictures)
        #expect(repeated[.pictureListedTwice] == Array(10..<20))
    }

    @Test func categoriesAreCompared() throws {
        var (a, b) = (Dataset(), Dataset())
        a.categories = [
            Category(id: 1, name: "dog"), Category(id: 2, name: "cat"), Category(id: 3, name: "cow"),
        ]
        b.categories = [
            Category(id: 1, name: "dog"), Category(id: 2, name: "hen"), Category(id: 4, name: "cow"),
        ]
        let found = try DatasetCheck().overlap(of: a, with: b)
        #expect(found.map(\.code) == [.categoryDiffers] && found[0].ids == [2, 3])
    }
}
