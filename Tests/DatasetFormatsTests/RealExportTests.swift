import COCO
import DatasetFormats
import FixtureSupport
import Foundation
import Testing

/// Exports in the tools' own forms, with the odd cases that the recorded ones below Tests/Fixtures/formats do not have.
///
/// Elsewhere: turned boxes (CVAT, LabelMe, Label Studio: recorded; Supervisely: its tests; YOLO: its tests), percent and
/// brushes (Label Studio), groups and several polygons (CVAT, LabelMe: recorded), masks with holes (CVAT, LabelMe, VOC:
/// recorded; Supervisely), attributes (all recorded ones), missing sizes (VOC, LabelMe, Label Studio, VIA, Open Images:
/// recorded), paths of Windows (LabelMe: recorded).
@Suite struct RealExportTests {
    private let folder = try? TemporaryFolder()

    private func read(_ files: [String: String], from name: String = "", as form: FormatName) throws
        -> FormatContents
    {
        let folder = try #require(folder)
        for (name, text) in files { try folder.write(text, name) }
        let (found, contents) = try DatasetConversion.read(
            name.isEmpty ? folder.path : folder.file(name), FormatReadingOptions(reader: .imaging))
        #expect(found == form)
        return contents
    }

    private func picture(_ name: String, width: Int, height: Int) throws {
        let picture = LabelPicture(
            width: width, height: height, numbers: Array(repeating: 0, count: width * height))
        try #require(folder).write(picture.png(hasPalette: true), name)
    }

    private func box(_ data: Dataset, _ row: Int) throws -> [Double] {
        let box = try #require(data.annotations[row].box)
        return [box.x, box.y, box.width, box.height].map { ($0 * 1e6).rounded() / 1e6 }
    }

    private func expect(_ contents: FormatContents, _ words: String) {
        #expect(
            contents.report.entries.contains { $0.text.contains(words) },
            "\(words): \(contents.report.entries)")
    }

    // MARK: FiftyOne

    /// The pixels are numpy's `|b1` array of 10 x 15, packed by Python's zlib: a ring with a hole.
    private static let ring =
        "eJyb7BfqGxDJyFDGUK2eklqcXKRupaBek2SorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGBjoKhqaaOgq1CmQCLgZCgBEG"
        + "cHChgji4+PTiAQDK1xv1"

    @Test func samplesOfFiftyOne() throws {
        try picture("data/no size.png", width: 30, height: 20)
        let contents = try read(
            [
                "metadata.json": #"{"name": "set", "media_type": "image"}"#,
                "samples.json": #"""
                {"samples": [
                {"_id": {"$oid": "66f0"}, "filepath": "C:\\data\\Süd 1.jpg", "tags": ["train"], "_media_type": "image",
                 "metadata": {"_cls": "ImageMetadata", "mime_type": "image/jpeg", "width": 60, "height": 40, "num_channels": 3},
                 "weather": {"_cls": "Classification", "label": "rain"},
                 "predictions": {"_cls": "Detections", "detections": [{"_cls": "Detection", "label": "x", "bounding_box": [0, 0, 1, 1]}]},
                 "ground_truth": {"_cls": "Detections", "detections": [
                   {"_id": {"$oid": "1"}, "_cls": "Detection", "label": "Straße", "bounding_box": [0.25, 0.25, 0.25, 0.25], "confidence": null,
                    "mask": {"$binary": {"base64": "RING", "subType": "00"}}, "attributes": {"wet": {"_cls": "BooleanAttribute", "value": true}}},
                   {"_cls": "Detection", "label": "crowd", "bounding_box": [0.5, 0, 0.5, 1], "iscrowd": 1, "occluded": false, "index": 3},
                   {"_cls": "Detection", "label": "no box", "bounding_box": []}]}},
                {"filepath": "data/no size.png", "metadata": null,
                 "ground_truth": {"_cls": "Polylines", "polylines": [
                   {"_cls": "Polyline", "label": "a", "closed": true, "filled": true,
                    "points": [[[0, 0], [0.5, 0], [0.5, 0.5]], [[0.6, 0.6], [1, 0.6], [1, 1]]]},
                   {"_cls": "Polyline", "label": "a", "closed": false, "filled": false, "points": [[[0, 0], [1, 1]]]}]}}
                ]}
                """#.replacing("RING", with: Self.ring),
            ], as: .fiftyOne)
        let data = contents.dataset
        #expect(data.images[0].fileName == "Süd 1.jpg" && data.images[0].width == 60)
        #expect(data.images[1].fileName == "no size.png" && data.images[1].width == 30)
        try #require(data.annotations.count == 3)
        #expect(try box(data, 0) == [15, 10, 15, 10])
        let mask = try RunLengthMask(try #require(data.annotations[0].segmentation), height: 40, width: 60)
        #expect(mask.area == 46 && mask.box == BoundingBox(x: 18, y: 12, width: 9, height: 6))
        #expect(data.annotations[0].attributes == #"{"wet": true}"#)
        #expect(data.annotations[1].isCrowd && data.annotations[1].attributes == #"{"occluded": false}"#)
        guard case .polygons(let rings)? = data.annotations[2].segmentation else {
            Issue.record("no polygons")
            return
        }
        #expect(rings == [[0, 0, 15, 0, 15, 10], [18, 12, 30, 12, 30, 20]])
        for words in [
            "\"predictions\" stand beside", "\"weather\" are neither", "no label or no box", "neither closed",
        ] {
            expect(contents, words)
        }
    }

    @Test func labelsOfFiftyOne() throws {
        try picture("data/a.png", width: 40, height: 20)
        try picture("data/b.jpg", width: 10, height: 10)
        let contents = try read(
            [
                "labels.json": #"""
                {"classes": ["cat", "dög"], "labels": {"a": [{"label": 1, "bounding_box": [0.5, 0.5, 0.25, 0.5], "confidence": 0.9}], "b": null}}
                """#
            ], as: .fiftyOne)
        let data = contents.dataset
        #expect(data.categories.map(\.name) == ["cat", "dög"])
        #expect(data.images[0].fileName == "a.png" && data.images[1].fileName == "b.jpg")
        #expect(data.annotations.count == 1 && data.annotations[0].categoryID == 2)
        #expect(try box(data, 0) == [20, 10, 10, 10])
    }

    // MARK: Label Studio

    @Test func theShorterFormOfLabelStudio() throws {
        try picture("images/ü 1.png", width: 50, height: 20)
        let contents = try read(
            [
                "min.json": #"""
                [{"id": 1, "image": "/data/upload/2/%C3%BC%201.png", "annotator": 1, "annotation_id": 1, "label": [
                  {"x": 10, "y": 50, "width": 20, "height": 25, "rotation": 0, "rectanglelabels": ["car", "van"]},
                  {"points": [[0, 0], [50, 0], [50, 100]], "polygonlabels": ["tree"]}]},
                 {"id": 2, "image": "C:\\pictures\\Süd.jpg", "annotator": 1, "annotation_id": 2, "label": [
                  {"x": 0, "y": 0, "width": 100, "height": 100, "rotation": 0, "rectanglelabels": ["car"], "original_width": 8, "original_height": 4}]}]
                """#
            ], from: "min.json", as: .labelStudio)
        let data = contents.dataset
        #expect(data.images[0].fileName == "ü 1.png" && data.images[1].fileName == "Süd.jpg")
        #expect(try box(data, 0) == [5, 10, 10, 5])
        #expect(data.annotations[1].segmentation == .polygons([[0, 0, 25, 0, 25, 20]]))
        #expect(try box(data, 2) == [0, 0, 8, 4])
        expect(contents, "several labels, of which the first")
    }

    @Test func picturesInsideOfTasksAndTurnedOnes() throws {
        let png = LabelPicture(width: 6, height: 3, numbers: Array(repeating: 0, count: 18)).png(
            hasPalette: false)
        let contents = try read(
            [
                "export.json": #"""
                [{"id": 7, "file_upload": "0a1b-in.png", "data": {"img": "data:image/png;base64,PNG"}, "annotations": [{"result": [
                  {"id": "r", "type": "rectanglelabels", "image_rotation": 90, "value": {"x": 50, "y": 0, "width": 50, "height": 100, "rotation": 0, "rectanglelabels": ["a"]}},
                  {"id": "s", "type": "rectangle", "value": {"x": 0, "y": 0, "width": 1, "height": 1}}]}]}]
                """#.replacing("PNG", with: Data(png).base64EncodedString())
            ], from: "export.json", as: .labelStudio)
        #expect(contents.dataset.images[0].fileName == "0a1b-in.png" && contents.dataset.images[0].width == 6)
        #expect(try box(contents.dataset, 0) == [3, 0, 3, 3] && contents.dataset.annotations.count == 1)
        expect(contents, "was turned in the tool")
        expect(contents, "regions have no label")
    }

    // MARK: CVAT, VIA, VOC, YOLO

    @Test func sizesAndTracksOfCVAT() throws {
        try picture("images/Süd/1.png", width: 30, height: 20)
        let contents = try read(
            [
                "annotations.xml": #"""
                <?xml version="1.0" encoding="utf-8"?>
                <annotations><version>1.1</version>
                <meta><job><labels><label><name>Straße</name></label></labels></job></meta>
                <image id="0" name="Süd/1.png"><box label="Straße" occluded="0" xtl="3" ytl="2" xbr="9" ybr="8"/></image>
                <track id="0" label="car"><box frame="0" xtl="1" ytl="1" xbr="2" ybr="2"/></track>
                </annotations>
                """#
            ], from: "annotations.xml", as: .cvat)
        #expect(contents.dataset.images[0].width == 30 && contents.dataset.images[0].height == 20)
        #expect(try box(contents.dataset, 0) == [3, 2, 6, 6])
        expect(contents, "tracks of a video")
    }

    @Test func pathsOfWindowsInVIAAndVOC() throws {
        try picture("images/ö.png", width: 30, height: 20)
        let via = try read(
            [
                "via.json": #"""
                {"ö.png-1": {"filename": "C:\\Users\\me\\ö.png", "size": -1, "regions": [
                  {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}, "region_attributes": {"class": "ä"}},
                  {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}, "region_attributes": {}}],
                  "file_attributes": {}}}
                """#
            ], from: "via.json", as: .via)
        #expect(via.dataset.images[0].fileName == "ö.png" && via.dataset.images[0].width == 30)
        #expect(via.dataset.annotations.count == 1)
        expect(via, "regions have no class")
        let voc = try read(
            [
                "Annotations/Süd 1.xml": #"""
                <annotation><folder>C:\x</folder><filename>C:\x\Süd 1.jpg</filename><size><width>30</width><height>20</height></size>
                <object><name>ä</name><bndbox><xmin>1.0</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>
                <object><name>no box</name></object></annotation>
                """#
            ], from: "Annotations", as: .voc)
        #expect(voc.dataset.images[0].fileName == "Süd 1.jpg")
        #expect(try box(voc.dataset, 0) == [0, 1, 3, 3])
        expect(voc, "objects have no box")
    }

    /// The first thousand regions have one attribute, the most another: the class is that of the most.
    @Test func theClassInVIAIsWhatTheMostRegionsHave() throws {
        try picture("images/a.png", width: 30, height: 20)
        func regions(_ count: Int, _ attributes: String) -> String {
            let shape = #"{"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}"#
            let region = #"{"shape_attributes": \#(shape), "region_attributes": \#(attributes)}"#
            return Array(repeating: region, count: count).joined(separator: ",\n")
        }
        let first =
            #""a.png1": {"filename": "a.png", "size": 1, "regions": [\#(regions(1500, #"{"kind": "x"}"#))]}"#
        let second =
            #""b.png1": {"filename": "b.png", "size": 1, "regions": [\#(regions(2000, #"{"sort": "y"}"#))]}"#
        let contents = try read(["via.json": "{\(first),\n\(second)}"], from: "via.json", as: .via)
        #expect(contents.dataset.categories.map(\.name) == ["y"])
        #expect(contents.dataset.annotations.count == 2000)
        #expect(contents.dataset.images.count == 2)
        expect(contents, "regions have no class (the attribute \"sort\")")
        #expect(contents.report.entries.first { $0.text.contains("no class") }?.count == 1500)
    }

    /// A row a region, in an order in which those of a picture are apart.
    @Test func rowsOfVIAsTableInAnyOrder() throws {
        try picture("images/a.png", width: 30, height: 20)
        try picture("images/b.png", width: 9, height: 9)
        let row = { (name: String, x: Int) in
            #"\#(name),5,"{}",2,0,"{""name"": ""rect"", ""x"": \#(x), ""y"": 2, ""width"": 3, ""height"": 4}","{""class"": ""c""}""#
        }
        let contents = try read(
            [
                "via.csv":
                    "#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\r\n"
                    + [row("a.png", 1), row("b.png", 2), row("a.png", 3), #"c.png,7,"{}",0,0,"{}","{}""#]
                    .joined(separator: "\r\n")
            ], from: "via.csv", as: .via)
        let data = contents.dataset
        #expect((0..<data.images.count).map { data.images[$0].fileName } == ["a.png", "b.png", "c.png"])
        #expect(data.annotations.imageIDs == [1, 2, 1])
    }

    @Test func turnedBoxesOfYOLO() throws {
        try picture("images/train/ü.png", width: 100, height: 50)
        let contents = try read(
            [
                "data.yaml": "train: images/train\nnames:\n  0: Straße\n",
                // Four corners of a turned box.
                "labels/train/ü.txt": "0 0.1 0.2 0.5 0.2 0.5 0.8 0.1 0.8\n",
            ], as: .yolo)
        #expect(try box(contents.dataset, 0) == [10, 10, 40, 30])
    }
}
