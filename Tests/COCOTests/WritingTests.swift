import COCO
import FixtureSupport
import Foundation
import Testing

@Suite struct WritingTests {
    private func example() -> Dataset {
        var data = Dataset()
        data.info = #"{"year": 2017}"#
        data.images.append(
            ImageRecord(
                id: 0, width: 10, height: 8, fileName: "a\"\\\n\u{1}é.jpg", cocoURL: "http://x/y/z.jpg",
                license: 3,
                negativeCategoryIDs: [], notExhaustiveCategoryIDs: [7]))
        data.images.append(ImageRecord(id: .min, width: 0, height: 0))
        data.categories = [
            Category(
                id: 7, name: "cat", supercategory: "animal", frequency: .common, imageCount: 3,
                instanceCount: 4,
                synset: "cat.n.01", synonyms: ["cat", "puss"], definition: "a pet"),
            Category(id: -1, name: ""),
        ]
        data.annotations.append(
            AnnotationRecord(
                id: 0, imageID: 0, categoryID: 7, box: BoundingBox(x: 0.1, y: -2, width: 1e-7, height: 1e20),
                area: 1.25,
                segmentation: .polygons([[0, 0.5, 1.0 / 3, 100.25, 1e300, -0.01], []])))
        data.annotations.append(
            AnnotationRecord(
                id: .max, imageID: .min, categoryID: -1, isCrowd: true, isIgnored: true,
                segmentation: .runLengths(height: 8, width: 10, counts: [0, 80])))
        data.annotations.append(
            AnnotationRecord(
                id: 5, imageID: 0, categoryID: 7,
                segmentation: .compressedRunLengths(height: 8, width: 10, counts: Array("\\o0".utf8))))
        data.annotations.append(AnnotationRecord(id: 6, imageID: 0, categoryID: 7, area: 0))
        return data
    }

    private func expectEqual(_ a: Dataset, _ b: Dataset) {
        #expect((0..<a.images.count).map { a.images[$0] } == (0..<b.images.count).map { b.images[$0] })
        #expect(a.categories == b.categories)
        #expect(
            (0..<a.annotations.count).map { a.annotations[$0] }
                == (0..<b.annotations.count).map { b.annotations[$0] })
        #expect(a.info == b.info)
    }

    @Test func whatIsWrittenIsRead() throws {
        let data = example()
        expectEqual(data, try data.json().withUnsafeBytes { try Dataset(json: $0) })
    }

    @Test func rowsAreCopiedBetweenTables() throws {
        let data = example()
        var copy = Dataset()
        for row in (0..<data.annotations.count).reversed() {
            copy.annotations.append(row: row, of: data.annotations)
        }
        for row in 0..<data.annotations.count {
            #expect(copy.annotations[data.annotations.count - 1 - row] == data.annotations[row])
        }
    }

    @Test func detectionsAreWrittenAndRead() throws {
        var table = DetectionTable()
        table.append(
            DetectionRecord(
                imageID: 1, categoryID: 2, score: 0.1, box: BoundingBox(x: 1, y: 2, width: 3, height: 4)))
        table.append(
            DetectionRecord(
                imageID: -1, categoryID: 2, score: 1e-9,
                segmentation: .compressedRunLengths(height: 2, width: 2, counts: Array("4".utf8))))
        let copy = try table.json().withUnsafeBytes { try DetectionTable(json: $0) }
        #expect((0..<copy.count).map { copy[$0] } == (0..<table.count).map { table[$0] })
    }

    @Test func filesAppearWholeOrNotAtAll() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "out.json").path
        let data = example()
        try data.write(to: path)
        expectEqual(data, try Dataset(contentsOf: path))
        var broken = data
        broken.annotations.append(AnnotationRecord(id: 8, imageID: 0, categoryID: 0, area: .nan))
        #expect(
            message { try broken.write(to: path) }?.contains("annotation 8: a number that is not finite")
                == true)
        expectEqual(data, try Dataset(contentsOf: path))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["out.json"])
        #expect(
            message { try data.write(to: "/no/such/folder/a.json") }?.contains("cannot be created: No such")
                == true)
    }

    @Test func idsAreFoundAndDuplicatesListed() {
        let index = IDIndex([5, 0, -7, 5, .max, 0])
        #expect(index[5] == 0 && index[0] == 1 && index[-7] == 2 && index[.max] == 4)
        #expect(index[1] == nil)
        #expect(index.duplicates == [3, 5])
        #expect(IDIndex([])[0] == nil)
    }
}
