import FixtureSupport
import Foundation
import Testing

/// Fields that tools leave empty or out, through every command that reads them.
@Suite struct AnnotationFormTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(
            #"[{"image_id": 1, "category_id": 1, "bbox": [20, 20, 50, 50], "score": 0.9, "segmentation": "#
                + #"[[20, 20, 70, 20, 70, 70, 20, 70]]}]"#, "results.json")
    }

    private func truth(_ fields: String) throws -> String {
        try folder.write(
            #"{"images": [{"id": 1, "width": 200, "height": 200, "file_name": "a.png"}], "#
                + #""categories": [{"id": 1, "name": "smiley"}], "annotations": [{"id": 5, "image_id": 1, "#
                + #""category_id": 1, "iscrowd": 0, "bbox": [20, 20, 50, 50]\#(fields)}]}"#, "truth.json")
    }

    private func run(_ arguments: String...) throws -> Program { try Program(arguments, in: folder.path) }

    /// An empty segmentation is none: boxes are scored and converted, masks are refused by name, nobody is told to remove
    /// the annotation.
    @Test(
        "A03: no mask",
        arguments: ["", #", "segmentation": []"#, #", "segmentation": [[]]"#, #", "segmentation": null"#])
    func noMask(_ segmentation: String) throws {
        let truth = try truth(#", "area": 2500"# + segmentation)
        let boxes = try run("score", "-g", truth, "-d", "results.json")
        #expect(boxes.status == 0 && boxes.output.contains("AP     100.00"), "\(boxes.output)")
        let masks = try run("score", "-g", truth, "-d", "results.json", "--type", "segm")
        #expect(masks.status == 65 && masks.errors.contains("annotation 5"), "\(masks.errors)")
        let yolo = try run("split", "to-yolo", "--train", truth, "--type", "segm", "-o", "yolo")
        #expect(yolo.status == 0, "\(yolo.errors)")
        #expect(
            String(decoding: folder.bytes("yolo/labels/train/a.txt"), as: UTF8.self).split(separator: " ")
                .count == 9)
        let check = try run("check-dataset", truth)
        #expect(check.status == 0 && !check.output.contains("Remove"), "\(check.output)")
    }

    /// pycocotools 2.0.11 with the area filled in: the object of 2,500 pixels is of medium size.
    @Test("A04: no area", arguments: ["", #", "area": null"#, #", "area": 2500"#]) func noArea(_ area: String)
        throws
    {
        let run = try run("score", "-g", truth(area), "-d", "results.json")
        let lines = run.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        func figure(_ name: String) -> String? { lines.first { $0.first == name }?.dropFirst().first }
        #expect(figure("APm") == "100.00" && figure("APs") != "100.00", "\(run.output)")
        #expect(run.errors.isEmpty == area.contains("2500"), "\(run.errors)")
    }

    /// What every command refuses is an error of the data set.
    @Test("A24: areas that are no numbers", arguments: ["NaN", "Infinity", "-Infinity"])
    func areasThatAreNoNumbers(_ area: String) throws {
        let truth = try truth(#", "area": \#(area)"#)
        #expect(try run("check-dataset", truth).status == 65)
        #expect(try run("score", "-g", truth, "-d", "results.json").status == 65)
        #expect(try run("split", "merge", truth, "-o", "o.json").status == 65)
    }
}
