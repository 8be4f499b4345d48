import COCO
import DatasetFormats
import FixtureSupport
import Imaging
import Testing

/// Projects as Supervisely writes them.
@Suite struct SuperviselyTests {
    /// A bitmap as the tool makes it: Python's zlib and Pillow, a palette with index 0 transparent. Two rows of four pixels,
    /// 1 0 1 1 and 0 1 1 1.
    private static let palette =
        "eJzrDPBz5+WS4mJgYOD19HAJAtIsQMzEyAwkXdPeKwAptgCfEFcg/f///6U3598FshhLgvyCGRye3UgDcng8XRxDKuYk3zhQAtR4"
        + "g7F4618FfqA4g6ern8s6p4QmAGb+GnI="

    private func project(_ objects: String, size: String = #"{"height": 40, "width": 60}"#) -> String {
        #"{"description": "", "tags": [{"name": "night", "value": null}], "size": \#(size), "objects": [\#(objects)]}"#
    }

    private func read(_ folder: TemporaryFolder, subset: String? = nil) throws -> FormatContents {
        let (form, contents) = try DatasetConversion.read(
            folder.path, FormatReadingOptions(reader: .imaging, subset: subset))
        #expect(form == .supervisely)
        return contents
    }

    private func meta(_ folder: TemporaryFolder, _ names: String...) throws {
        let classes = names.map { ##"{"title": "\##($0)", "shape": "any", "color": "#FF0000"}"## }
        try folder.write(
            #"{"classes": [\#(classes.joined(separator: ", "))], "tags": []}"#, "meta.json")
    }

    @Test func figuresOfEveryKind() throws {
        let folder = try TemporaryFolder()
        try meta(folder, "Straße", "unused")
        let figures = [
            // Corners in any order.
            #"{"classTitle": "Straße", "geometryType": "rectangle", "description": "wet", "points": {"exterior": [[30, 20.5], [10, 5]], "interior": []},"#
                + #" "tags": [{"name": "parked", "value": null}, {"name": "lane", "value": 2}, {"name": "lane", "value": "b"}]}"#,
            // A quarter of a turn around the middle.
            #"{"classTitle": "Straße", "geometryType": "oriented_bbox", "points": [[10, 10], [30, 20]], "angle": 1.5707963267948966, "tags": []}"#,
            #"{"classTitle": "Straße", "geometryType": "polygon", "points": {"exterior": [[2, 2], [12, 2], [12, 12], [2, 12]], "interior": [[[4, 4], [8, 4], [8, 10], [4, 10]]]}}"#,
            #"{"classTitle": "Straße", "geometryType": "bitmap", "bitmap": {"data": "\#(Self.palette)", "origin": [7, 3]}, "tags": [{"name": "iscrowd"}]}"#,
            // Two figures of one object; the same key with another class is another object.
            #"{"classTitle": "Straße", "geometryType": "polygon", "instance": "k", "points": {"exterior": [[40, 1], [50, 1], [50, 9]], "interior": []}}"#,
            #"{"classTitle": "sign", "geometryType": "polygon", "instance": "k", "points": {"exterior": [[1, 30], [9, 30], [9, 38]], "interior": []}}"#,
            #"{"classTitle": "Straße", "geometryType": "polygon", "instance": "k", "points": {"exterior": [[40, 20], [50, 20], [50, 29]], "interior": []}}"#,
            #"{"classTitle": "sign", "geometryType": "point", "points": {"exterior": [[1, 3]], "interior": []}}"#,
            #"{"classTitle": "sign", "geometryType": "graph", "nodes": {}}"#,
        ]
        try folder.write(project(figures.joined(separator: ",\n")), "Süd/ann/bild 1.jpg.json")
        let contents = try read(folder)
        let data = contents.dataset
        #expect(data.categories.map(\.name) == ["Straße", "unused", "sign"])
        #expect(data.images[0].fileName == "Süd/img/bild 1.jpg" && data.images[0].width == 60)
        try #require(data.annotations.count == 6)
        #expect(data.annotations[0].box == BoundingBox(x: 10, y: 5, width: 20, height: 15.5))
        #expect(
            data.annotations[0].attributes == #"{"parked": true, "lane": "2,b", "description": "wet"}"#)
        let turned = try #require(data.annotations[1].box)
        let sides = [turned.x - 15, turned.y - 5, turned.width - 10, turned.height - 20]
        #expect(sides.allSatisfy { $0.magnitude < 1e-9 })
        let ring = try RunLengthMask(try #require(data.annotations[2].segmentation), height: 40, width: 60)
        #expect(ring.area == 100 - 24)
        let bitmap = try RunLengthMask(try #require(data.annotations[3].segmentation), height: 40, width: 60)
        #expect(bitmap.area == 6 && bitmap.box == BoundingBox(x: 7, y: 3, width: 4, height: 2))
        #expect(try bitmap.pixels()[3 * 60 + 8] == 0 && data.annotations[3].isCrowd)
        #expect(data.annotations[4].segmentation?.ringCount == 2)
        #expect(data.annotations[5].segmentation?.ringCount == 1)
        for words in ["tags of pictures", "with holes", "points have no", "key points"] {
            #expect(contents.report.entries.contains { $0.text.contains(words) }, "\(words)")
        }
    }

    /// The alpha of older bitmaps says what is set, whatever the color.
    @Test func alphaOfABitmapCounts() throws {
        // 2 x 1 pixels of color and alpha: a white transparent one, a black opaque one.
        let data =
            "eJzrDPBz5+WS4mJgYOD19HAJAtJMQMzIwQYkvyjVdwEpQU8Xx5CKOck//v+3Z2ZmPlzPIPqZ+a9JdO17oCSDp6ufyzqnhCYAQOQTLQ=="
        let folder = try TemporaryFolder()
        try meta(folder, "a")
        try folder.write(
            project(
                #"{"classTitle": "a", "geometryType": "bitmap", "bitmap": {"data": "\#(data)", "origin": [0, 0]}}"#
            ),
            "ds/ann/a.png.json")
        #expect(try read(folder).dataset.annotations[0].box == BoundingBox(x: 1, y: 0, width: 1, height: 1))
    }

    @Test func sizesAndNamesOfOlderFilesComeFromThePictures() throws {
        let folder = try TemporaryFolder()
        try meta(folder, "a")
        try folder.write(project("", size: "{}"), "val/ann/old.json")
        try folder.write(project(""), "train/ann/new.jpg.json")
        let png = LabelPicture(width: 9, height: 5, numbers: Array(repeating: 0, count: 45)).png(
            hasPalette: true)
        try folder.write(png, "val/img/old.png")
        let all = try read(folder).dataset
        #expect(all.images.count == 2)
        let part = try read(folder, subset: "val").dataset
        #expect(part.images.count == 1 && part.images[0].fileName == "val/img/old.png")
        #expect(part.images[0].width == 9 && part.images[0].height == 5)
        #expect(throws: AnnotationFileError.self) { try read(folder, subset: "test") }
    }

    @Test(arguments: [
        (#"{"geometryType": "rectangle"}"#, "classTitle"),
        (
            #"{"classTitle": "a", "geometryType": "rectangle", "points": {"exterior": [[1, 2]]}}"#,
            "two corners"
        ),
        (#"{"classTitle": "a", "geometryType": "polygon", "points": {"exterior": [[1, "x"]]}}"#, "[x, y]"),
        (
            #"{"classTitle": "a", "geometryType": "bitmap", "bitmap": {"data": "eJwB", "origin": [0, 0]}}"#,
            "damaged"
        ),
        (#"{"classTitle": "a", "geometryType": "bitmap", "bitmap": {"data": "eJwB"}}"#, "origin"),
    ])
    func faultsAreNamedWithTheirPlace(_ figure: String, _ words: String) throws {
        let folder = try TemporaryFolder()
        try meta(folder, "a")
        try folder.write(project(figure), "ds/ann/a.jpg.json")
        let error = #expect(throws: AnnotationFileError.self) { try read(folder) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("ds/ann/a.jpg.json"))
        #expect("\(error.map { "\($0)" } ?? "")".contains(words), "\(error.map { "\($0)" } ?? "")")
    }

    @Test func theNamedFolderHoldsThePicturesWithOrWithoutTheProjectsFolders() throws {
        let folder = try TemporaryFolder()
        try meta(folder, "a")
        for name in ["p.jpg", "q", "r.png"] { try folder.write(project(""), "train/ann/\(name).json") }
        for name in ["flat/p.jpg", "flat/q.png", "other/train/img/p.jpg"] { try folder.write("x", name) }
        func names(_ pictures: String) throws -> [String] {
            let data = try DatasetConversion.read(
                folder.path, FormatReadingOptions(pictures: folder.file(pictures), reader: .imaging)
            ).contents.dataset
            return (0..<data.images.count).map { data.images[$0].fileName }.sorted()
        }
        #expect(try names("flat") == ["p.jpg", "q.png", "train/img/r.png"])
        #expect(try names("other") == ["train/img/p.jpg", "train/img/q.jpg", "train/img/r.png"])
    }

    @Test func picturesOfOneNameStayApartAndAProjectComesBack() throws {
        let folder = try TemporaryFolder()
        var data = Dataset()
        data.categories = [Category(id: 1, name: "a")]
        for (id, name) in [(1, "x/img/p.jpg"), (2, "x/p.jpg"), (3, "p.jpg")] {
            data.images.append(ImageRecord(id: Int64(id), width: 8, height: 8, fileName: name))
        }
        _ = try DatasetConversion.write(
            data, to: folder.file("out"), as: .supervisely, FormatWritingOptions(subset: "val"))
        let back = try DatasetConversion.read(
            folder.file("out"), FormatReadingOptions(reader: .imaging)
        ).contents.dataset
        #expect(
            (0..<back.images.count).map { back.images[$0].fileName }.sorted()
                == ["val/img/p.jpg", "x/img/p-2.jpg", "x/img/p.jpg"])
    }
}

extension Segmentation {
    fileprivate var ringCount: Int { if case .polygons(let rings) = self { rings.count } else { 0 } }
}
