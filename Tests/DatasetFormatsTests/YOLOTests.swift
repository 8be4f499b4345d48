import COCO
import DatasetFormats
import Foundation
import Support
import Testing

@Suite struct YOLOTests {
    private let image = ImageRecord(id: 3, width: 200, height: 100, fileName: "sub.d/p.1.jpg")

    private func dataset(_ annotations: [AnnotationRecord]) -> Dataset {
        var data = Dataset()
        data.images.append(image)
        data.categories = [Category(id: 7, name: "dog"), Category(id: 2, name: "cat")]
        for annotation in annotations { data.annotations.append(annotation) }
        return data
    }

    private func export(
        _ data: Dataset, _ geometry: YOLOGeometry
    ) throws -> (texts: [String: String], report: ConversionReport) {
        var export = try YOLOExport(geometry, categories: data.categories)
        var texts: [String: String] = [:]
        try export.labels(of: data, subset: "s") { _, label, text in
            texts[String(label.dropFirst("labels/s/".count))] = String(decoding: text, as: UTF8.self)
        }
        return (texts, export.report)
    }

    private func importing(_ text: String?) throws -> (Dataset, ConversionReport) {
        var conversion = try YOLOImport(names: ["dog", "cat"], categoryIDs: [7, 2])
        try conversion.add(image, labels: text, source: "p.txt")
        return (conversion.dataset, conversion.report)
    }

    @Test func linesAreAsYOLOWritesThem() throws {
        let data = dataset([
            AnnotationRecord(
                id: 1, imageID: 3, categoryID: 2, box: BoundingBox(x: 20, y: 10, width: 40, height: 20),
                area: 800),
            AnnotationRecord(
                id: 2, imageID: 3, categoryID: 7, box: BoundingBox(x: 0, y: 0, width: 100, height: 50),
                area: 2500,
                segmentation: .polygons([[0, 0, 100, 0, 0, 50]])),
        ])
        let boxes = try export(data, .boxes)
        #expect(boxes.texts == ["sub.d/p.1.txt": "1 0.2 0.2 0.2 0.2\n0 0.25 0.25 0.5 0.5\n"])
        #expect(boxes.report.entries.map(\.count) == [1])
        let outlines = try export(data, .polygons)
        #expect(
            outlines.texts["sub.d/p.1.txt"] == "1 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3\n0 0 0 0.5 0 0 0.5\n")
        #expect(outlines.report.entries.map(\.ids) == [[1]])
    }

    @Test func boxesComeBack() throws {
        var generator = SplitMix64(seed: 3)
        var annotations: [AnnotationRecord] = []
        for id in 1...200 {
            let (x, y) = (
                Double.random(in: 0..<150, using: &generator), Double.random(in: 0..<80, using: &generator)
            )
            let box = BoundingBox(
                x: x, y: y, width: .random(in: 0.01...(200 - x), using: &generator),
                height: .random(in: 0.01...(100 - y), using: &generator))
            annotations.append(
                AnnotationRecord(
                    id: Int64(id), imageID: 3, categoryID: id.isMultiple(of: 3) ? 7 : 2, box: box,
                    area: box.area))
        }
        let text = try #require(try export(dataset(annotations), .boxes).texts.values.first)
        let (result, report) = try importing(text)
        #expect(report.entries.isEmpty && result.categories == dataset([]).categories)
        for (a, b) in zip(result.annotationList, annotations) {
            let (box, expected) = (try #require(a.box), try #require(b.box))
            #expect(a.id == b.id && a.categoryID == b.categoryID)
            for path in [\BoundingBox.x, \.y, \.width, \.height] {
                #expect((box[keyPath: path] - expected[keyPath: path]).magnitude < 1e-6)
            }
        }
        #expect(result.annotations.count == annotations.count)
    }

    @Test func masksOfOneAndOfSeveralPartsComeBack() throws {
        var generator = SplitMix64(seed: 9)
        for _ in 0..<30 {
            // Blots of pixels: parts, holes, corners that touch.
            var pixels = [UInt8](repeating: 0, count: 200 * 100)
            for _ in 0..<8 {
                let (x, y) = (
                    Int.random(in: 0..<180, using: &generator), Int.random(in: 0..<85, using: &generator)
                )
                let value = UInt8.random(in: 0...2, using: &generator) > 0
                for row in y..<y + Int.random(in: 1...15, using: &generator) {
                    for column in x..<x + 12 { pixels[row * 200 + column] = value ? 1 : 0 }
                }
            }
            let mask = try RunLengthMask(height: 100, width: 200, pixels: pixels)
            guard mask.area > 0 else { continue }
            let data = dataset([
                AnnotationRecord(
                    id: 1, imageID: 3, categoryID: 7,
                    segmentation: .compressedRunLengths(height: 100, width: 200, counts: mask.compressed))
            ])
            let text = try #require(try export(data, .polygons).texts.values.first)
            let result = try importing(text).0.annotations[0]
            let back = try RunLengthMask(try #require(result.segmentation), height: 100, width: 200)
            let parts = try mask.polygons().count
            if parts == 1 {
                #expect(back == mask)
            } else {
                // The cuts between parts may cover pixels whose middles they pass, never take any away.
                let overlap = try back.overlap(with: mask)
                #expect(overlap > 0.97, "\(overlap)")
            }
            #expect(result.area == Double(back.area))
        }
    }

    @Test func lossesAreToldAndNothingElseIsLost() throws {
        let data = dataset([
            AnnotationRecord(
                id: 1, imageID: 3, categoryID: 7, box: BoundingBox(x: 1, y: 1, width: 5, height: 5),
                isCrowd: true),
            AnnotationRecord(
                id: 2, imageID: 3, categoryID: 7, box: BoundingBox(x: 1, y: 1, width: 0, height: 5)),
            AnnotationRecord(
                id: 3, imageID: 3, categoryID: 7, box: BoundingBox(x: 300, y: 1, width: 4, height: 5)),
            AnnotationRecord(
                id: 4, imageID: 3, categoryID: 7, box: BoundingBox(x: 190, y: 1, width: 20, height: 5)),
            AnnotationRecord(
                id: 5, imageID: 3, categoryID: 99, box: BoundingBox(x: 1, y: 1, width: 5, height: 5)),
            AnnotationRecord(
                id: 6, imageID: 4, categoryID: 7, box: BoundingBox(x: 1, y: 1, width: 5, height: 5)),
            AnnotationRecord(id: 7, imageID: 3, categoryID: 7),
            AnnotationRecord(
                id: 8, imageID: 3, categoryID: 7, box: BoundingBox(x: 1, y: 1, width: 5, height: 5),
                isIgnored: true),
            AnnotationRecord(
                id: 9, imageID: 3, categoryID: 7, box: BoundingBox(x: .nan, y: 1, width: 5, height: 5)),
        ])
        let (texts, report) = try export(data, .boxes)
        #expect(texts.values.first == "0 0.975 0.035 0.05 0.05\n")
        #expect(report.entries.flatMap(\.ids).sorted() == Array(1...9))
        let masks = dataset([
            AnnotationRecord(id: 1, imageID: 3, categoryID: 7, segmentation: .polygons([[0, 0, 1, 1]])),
            AnnotationRecord(id: 2, imageID: 3, categoryID: 7, segmentation: .polygons([])),
            AnnotationRecord(
                id: 3, imageID: 3, categoryID: 7, segmentation: .runLengths(height: 5, width: 5, counts: [1])),
            AnnotationRecord(
                id: 4, imageID: 3, categoryID: 7,
                segmentation: .runLengths(height: 2, width: 2, counts: [0, 4])),
            AnnotationRecord(
                id: 5, imageID: 3, categoryID: 7, segmentation: .polygons([[-5, 0, 10, 0, 10, 50, -5, 50]])),
            AnnotationRecord(
                id: 6, imageID: 3, categoryID: 7,
                segmentation: .polygons([[0, 0, .infinity, 1, 2, 2], [0, 0, 4, 0, 4, 4]])),
        ])
        let outlines = try export(masks, .polygons)
        #expect(Set(outlines.report.entries.flatMap(\.ids)) == Set(1...6))
        #expect(outlines.texts.values.first?.split(separator: "\n").count == 2)
    }

    @Test func imagesThatCannotBeConvertedAreErrors() throws {
        for name in ["../evil.jpg", "", "./", "a/../../b.jpg", "a\0b.jpg"] {
            var data = Dataset()
            data.images.append(ImageRecord(id: 1, width: 2, height: 2, fileName: name))
            #expect(throws: COCOError.self) { try export(data, .boxes) }
        }
        for records in [
            [ImageRecord(id: 1, width: 0, height: 5, fileName: "a.jpg")],
            [
                ImageRecord(id: 1, width: 5, height: 5, fileName: "a.jpg"),
                ImageRecord(id: 2, width: 5, height: 5, fileName: "a.png"),
            ],
            [
                ImageRecord(id: 1, width: 5, height: 5, fileName: "a.jpg"),
                ImageRecord(id: 1, width: 5, height: 5, fileName: "b.jpg"),
            ],
        ] {
            var data = Dataset()
            for record in records { data.images.append(record) }
            #expect(throws: COCOError.self) { try export(data, .boxes) }
        }
        #expect(throws: COCOError.self) {
            try YOLOExport(.boxes, categories: [Category(id: 1, name: "a"), Category(id: 1, name: "b")])
        }
    }

    @Test(arguments: [
        ("a//b.jpg", "images/s/a/b.jpg", "labels/s/a/b.txt"),
        ("./b.jpg", "images/s/b.jpg", "labels/s/b.txt"),
        ("a\\b.jpg", "images/s/a/b.jpg", "labels/s/a/b.txt"),
        ("/elsewhere/a/b.jpg", "images/s/b.jpg", "labels/s/b.txt"),
        ("/pictures/a/b.jpg", "images/s/a/b.jpg", "labels/s/a/b.txt"),
        // The last folder of this name is the one that YOLO's tools exchange.
        ("images/b.jpg", "images/s/images/b.jpg", "images/s/labels/b.txt"),
        ("a/images/c/b.x.jpg", "images/s/a/images/c/b.x.jpg", "images/s/a/labels/c/b.x.txt"),
        ("images", "images/s/images", "labels/s/images.txt"),
    ])
    func labelsAreWhereYOLOLooks(name: String, picture: String, label: String) throws {
        var data = Dataset()
        data.images.append(ImageRecord(id: 1, width: 2, height: 2, fileName: name))
        var export = try YOLOExport(.boxes, categories: [])
        var found: [String] = []
        try export.labels(of: data, subset: "s", pictures: "/pictures") {
            found = [$0, $1, String(decoding: $2, as: UTF8.self)]
        }
        #expect(found == [picture, label, ""])
        #expect(YOLODescription.labelPath(ofPicture: "beside/it.png") == "beside/it.txt")
    }

    @Test func categoriesWithoutAnnotationsGiveWayToThoseOfTheirName() throws {
        var data = dataset([AnnotationRecord(id: 1, imageID: 3, categoryID: 1)])
        data.categories = [
            Category(id: 0, name: "hole"), Category(id: 1, name: "hole"), Category(id: 2, name: "b"),
        ]
        for _ in 0..<2 {
            var report = ConversionReport()
            #expect(try YOLOExport.categories(of: [data, data], &report).map(\.id) == [1, 2])
            #expect(report.entries.map(\.ids) == [[0]])
            data.categories.swapAt(0, 1)
        }
        data.annotations.append(AnnotationRecord(id: 2, imageID: 3, categoryID: 0))
        var report = ConversionReport()
        let error = #expect(throws: COCOError.self) { try YOLOExport.categories(of: [data], &report) }
        #expect(error?.reason.contains("0 (\"hole\", 1 annotations) and 1 (\"hole\", 1 annotations)") == true)
    }

    @Test func keyPointsAreLeftOutAndTold() throws {
        var conversion = try YOLOImport(names: ["person"], keyPointNumbers: 6)
        try conversion.add(
            ImageRecord(id: 1, width: 100, height: 80, fileName: "p.jpg"),
            labels: "\u{FEFF}0 .5 .5 .4 .4 .4 .4 .6 .6 .5 .7\r\n0\t0.5 5e-1 .1 .1 \r\n", source: "p.txt")
        #expect(
            conversion.dataset.annotations.boxes.first
                == BoundingBox(x: 30, y: 24, width: 40, height: 32))
        #expect(conversion.dataset.annotations.count == 2)
        #expect(conversion.dataset.annotations.segmentations.kind(0) == .none)
        #expect(conversion.report.entries.map(\.count) == [2])
        #expect(throws: COCOError.self) {
            try conversion.add(
                ImageRecord(id: 2, width: 100, height: 80, fileName: "q.jpg"),
                labels: "0 .5 .5 .4 .4 .4 .4 .6 .6", source: "q.txt")
        }
    }

    @Test func brokenLabelsAreErrorsWithFileAndLine() throws {
        for (line, text) in [
            ("0 0.5 0.5 x 0.1", "\"x\" is not a number"), ("2 0.5 0.5 0.1 0.1", "class 2 does not exist"),
            ("-1 0.5 0.5 0.1 0.1", "class -1"), ("0.5 0.5 0.5 0.1 0.1", "number of a class"),
            ("0 0.5 0.5 0.1", "4 numbers"), ("0 0.5 0.5 0.1 0.1 0.9", "no score"),
            ("0 0.5 nan 0.1 0.1", "is not a number"), ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "8 numbers"),
            ("0 1e308 0.5 0.1 0.1", "from 0 to 1"), ("0 320 240 64 48", "from 0 to 1"),
            ("1e99 0.5 0.5 0.1 0.1", "number of a class"),
        ] {
            let error = #expect(throws: COCOError.self) {
                try importing("1 0.5 0.5 0.1 0.1\r\n\n\(line)\n")
            }
            let description = error?.description ?? ""
            #expect(description.hasPrefix("p.txt:3: ") && description.contains(text), "\(description)")
        }
        #expect(throws: COCOError.self) { try YOLOImport(names: ["a"], categoryIDs: [1, 2]) }
        #expect(throws: COCOError.self) { try YOLOImport(names: ["a", "b"], categoryIDs: [1, 1]) }
    }

    @Test func missingLabelsAndOddObjectsAreTold() throws {
        #expect(try importing(nil).1.entries.map(\.count) == [1])
        #expect(try importing("").1.entries.isEmpty)
        let (data, report) = try importing("0 0.5 0.5 2 0.1\n0 0.5 0.5 0 0.1\n")
        #expect(data.annotations.count == 2 && report.entries.flatMap(\.ids) == [1, 2])
    }

    @Test func descriptionsQuoteNames() {
        let description = YOLODescription(
            names: ["a: b", "say \"hi\"\n", "#1", "no"], categoryIDs: [4, 5, 6, 7],
            subsets: [("train", ["images/train"]), ("val", ["a", "b"])])
        #expect(
            description.yaml == """
                train: "images/train"
                val: ["a", "b"]
                nc: 4
                names:
                  0: "a: b"
                  1: "say \\"hi\\"\\n"
                  2: "#1"
                  3: "no"
                # Ids of the classes in the COCO file, in the order of names.
                category_ids: [4, 5, 6, 7]

                """)
    }

    static let mini = ProcessInfo.processInfo.environment["FVLM_COCO_MINI"]

    @Test(
        .enabled(if: mini != nil, "needs the folder of coco-mini in the environment variable FVLM_COCO_MINI"),
        arguments: ["instances_train", "instances_val"])
    func masksOfPhotographsComeBack(_ name: String) throws {
        let data = try Dataset(contentsOf: try #require(Self.mini) + "/\(name).json")
        var export = try YOLOExport(.polygons, categories: data.categories)
        var conversion = try YOLOImport(
            names: data.categories.map(\.name), categoryIDs: data.categories.map(\.id))
        var row = 0
        try export.labels(of: data, subset: "s") { _, label, text in
            try conversion.add(data.images[row], labels: String(decoding: text, as: UTF8.self), source: label)
            row += 1
        }
        let crowds = Set(data.annotationList.filter(\.isCrowd).map(\.id))
        let lost = Set(
            export.report.entries.filter { $0.text.contains("dropped") }.flatMap(\.ids))
        #expect(lost == crowds)
        let result = conversion.dataset
        // Objects come back picture by picture, in the order of the file.
        let order = data.imageList.flatMap { image in
            data.annotationList.filter { $0.imageID == image.id && !$0.isCrowd }
        }
        try #require(result.annotations.count == order.count)
        for (back, annotation) in zip(result.annotationList, order) {
            #expect(back.categoryID == annotation.categoryID && back.imageID == annotation.imageID)
            let image = try #require(data.imageList.first { $0.id == annotation.imageID })
            let (a, b) = (
                try RunLengthMask(try #require(back.segmentation), height: image.height, width: image.width),
                try RunLengthMask(
                    try #require(annotation.segmentation), height: image.height, width: image.width)
            )
            let overlap = try a.overlap(with: b)
            #expect(overlap > 0.9, "annotation \(annotation.id): \(overlap)")
        }
    }
}

extension Dataset {
    /// The images as records.
    fileprivate var imageList: [ImageRecord] { (0..<images.count).map { images[$0] } }

    /// The annotations as records.
    fileprivate var annotationList: [AnnotationRecord] { (0..<annotations.count).map { annotations[$0] } }
}
