import FixtureSupport
import Foundation
import Testing

@Suite struct AnalyzeCommandTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appending(path: "Fixtures/analysis/tide-bbox-1")
    private let arguments = [
        "analyze", "-g", fixtures.appending(path: "gt.json").path, "-d",
        fixtures.appending(path: "dt.json").path,
    ]

    @Test func tablesSayWhatErrorsCostAndByWhichRule() throws {
        let run = try Program(arguments)
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        // Recorded from tidecv; there are no classes without objects here.
        let row = try #require(
            run.output.split(separator: "\n").first { $0.hasPrefix("all ") && $0.contains("30.41") })
        #expect(
            row.split(separator: " ").dropFirst(2).prefix(6) == [
                "7.49", "19.72", "0.23", "0.60", "0.72", "12.21",
            ])
        for rule in ["TIDE: ", "protocol not stated", "F1 = 2 TP", "D-ECE: ", "Pairs by IoU"] {
            #expect(run.output.contains(rule), "\(rule)")
        }
    }

    @Test func jsonHoldsTheSameFiguresAndTheProtocol() throws {
        let run = try Program(
            arguments + ["--json", "--protocol", "closed", "--slice", "width<200", "--bootstrap", "20"])
        #expect(run.status == 0, "\(run.errors)")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect((object["protocol"] as? String)?.hasSuffix("protocol closed") == true)
        let part = try #require((object["parts"] as? [[String: Any]])?.first)
        let errors = try #require(part["errors"] as? [String: Double])
        #expect(abs((errors["Loc"] ?? 0) - 19.71799560908472) < 1e-6)
        #expect((object["slices"] as? [Any])?.count == 1)
        #expect((object["intervals"] as? [Any])?.count == 3)
        #expect((object["pictures"] as? [Any])?.count == 8)
    }

    @Test func thePageAndItsPicturesAreWrittenIntoANewFolder() throws {
        let folder = try TemporaryFolder()
        let report = folder.path + "/made/here"
        try FileManager.default.createDirectory(
            atPath: folder.path + "/made", withIntermediateDirectories: true)
        let pictures = folder.path + "/my pictures"
        try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
        let run = try Program(arguments + ["--output", report, "--images", pictures, "--class-rows", "3"])
        #expect(run.status == 0, "\(run.errors)")
        let page = try String(contentsOfFile: report + "/index.html", encoding: .utf8)
        #expect(page.contains("../../my%20pictures/000.jpg"))
        #expect(FileManager.default.fileExists(atPath: report + "/pictures/0.js"))
        #expect(FileManager.default.fileExists(atPath: report + "/figures.json"))
        // None of the pictures is there.
        #expect(run.errors.contains("8 of 8 pictures cannot be read"), "\(run.errors)")
        #expect(!page.contains("thumbnails/"))
        // A second report does not replace the first.
        let again = try Program(arguments + ["--output", report])
        #expect(again.status != 0 && again.errors.contains("not empty"), "\(again.errors)")
    }

    /// Boxes are compared, so masks are decoded for the page alone.
    @Test func masksThatCannotBeDrawnAreNamed() throws {
        let folder = try TemporaryFolder()
        let truth = try folder.write(
            #"{"images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}], "categories": [{"id": 1, "name": "cat"}], "#
                + #""annotations": [{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0, "#
                + #""segmentation": {"size": [9, 9], "counts": [5, 5]}}]}"#, "gt.json")
        let results = try folder.write(
            #"[{"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "score": 0.5}]"#, "dt.json")
        let run = try Program(["analyze", "-g", truth, "-d", results, "--output", folder.file("page")])
        #expect(
            run.status == 0
                && run.errors.contains(
                    "1 masks cannot be decoded, and their boxes are shown (the first: annotation 7 of image 1"
                ),
            "\(run.errors)")
    }

    @Test func smallCopiesOfThePicturesLieBesideThePage() throws {
        let folder = try TemporaryFolder()
        for index in 0..<7 { try folder.write(SmallPictures.turnedJPEG(), "pictures/00\(index).jpg") }
        let images = ["--images", folder.file("pictures")]
        let run = try Program(arguments + images + ["--output", folder.file("report"), "--thumbnails", "32"])
        #expect(run.status == 0 && run.errors.contains("1 of 8 pictures cannot be read"), "\(run.errors)")
        let copies = folder.namesOf("report/thumbnails")
        #expect(copies.count == 7)
        // Upright, and no larger than the picture.
        let copy = folder.bytes("report/thumbnails/\(copies[0])")
        #expect(copy.starts(with: [0xFF, 0xD8]))
        let page = try String(contentsOfFile: folder.file("report/index.html"), encoding: .utf8)
        #expect(page.components(separatedBy: "\"thumbnail\":\"thumbnails/").count == 8)
        let plain = try Program(arguments + images + ["--output", folder.file("plain"), "--thumbnails", "0"])
        #expect(plain.status == 0 && !folder.namesOf("plain").contains("thumbnails"), "\(plain.errors)")
    }

    @Test func theProtocolAndTheRulesStandBesideTheFigures() throws {
        let run = try Program(
            arguments + [
                "--protocol", "zero-shot", "--slice", "width<200", "--bootstrap", "20", "--compare",
                arguments[4],
            ])
        let text = run.output.replacing("\n", with: " ")
        let statement = "boxes, COCO's rules, 3 classes at once, protocol zero-shot"
        // Average precision, intervals, errors, slices, the comparison.
        #expect(text.components(separatedBy: statement).count == 6, "\(run.output)")
        let json = try Program(arguments + ["--protocol", "zero-shot", "--json", "--slice", "width<200"])
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let rules = try #require(object["rules"] as? [String: String])
        for name in ["average_precision", "errors", "slices"] {
            #expect(rules[name]?.contains(statement) == true, "\(name)")
        }
        let others = ["confusion", "thresholds", "calibration", "lrp", "recall", "pictures", "suspects"]
        #expect(Set(rules.keys) == Set(others + ["average_precision", "errors", "slices"]))
    }

    @Test func detectionsComparedWithThemselvesDoNotDiffer() throws {
        let run = try Program(arguments + ["--compare", arguments[4], "--json"])
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        let differences = try #require(object["differences"] as? [[String: Any]])
        // All classes and each of three, three figures each.
        #expect(differences.count == 12)
        #expect(differences.allSatisfy { $0["p_value"] as? Double == 1 })
    }

    @Test(arguments: [
        (["--slice", "color=red"], "'color=red' is not a condition"),
        (["--protocol", "open"], "split-novel, zero-shot, closed"),
        (["--images", "."], "--output"), (["--thumbnails", "5000"], "0 to 4096"), (["--iou", "0"], "--iou"),
        (["--background-iou", "0.9"], "between 0 and --iou"), (["--bootstrap", "0"], "from 1 to 1000000"),
        (["--bootstrap", "99999999999"], "from 1 to 1000000"), (["--bins", "1000000000"], "from 1 to 10000"),
        (["--score-threshold", "nan"], "--score-threshold must be a number"),
    ])
    func whatIsWrongIsNamed(_ extra: [String], _ text: String) throws {
        let run = try Program(arguments + extra)
        #expect(run.status != 0 && run.output.isEmpty)
        #expect(run.errors.contains(text), "\(run.errors)")
    }

    @Test func baseAndNovelClassesAreToldApartByAFile() throws {
        let folder = try TemporaryFolder()
        let names = try folder.write("Thing_1\nthing 4\nunicorn\n", "base.txt")
        let run = try Program(arguments + ["--base-classes", names, "--json"])
        #expect(run.errors.contains("1 of 3 names") && run.errors.contains("'unicorn'"), "\(run.errors)")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        let parts = try #require(object["parts"] as? [[String: Any]])
        #expect(parts.compactMap { $0["name"] as? String } == ["all", "base", "novel"])
        #expect(parts.compactMap { $0["classes"] as? Int } == [3, 2, 1])
        #expect((object["protocol"] as? String)?.hasSuffix("protocol split-novel") == true)
        try folder.write("unicorn\n", "base.txt")
        let wrong = try Program(arguments + ["--base-classes", names])
        #expect(wrong.status == 65 && wrong.errors.contains("names no class"), "\(wrong.errors)")
    }

    @Test func tagsAreReadByLine() throws {
        let folder = try TemporaryFolder()
        let tags = folder.path + "/tags.txt"
        try "000.jpg\train\r\n40\tnight\r\n".write(toFile: tags, atomically: true, encoding: .utf8)
        let run = try Program(
            arguments + ["--tags", tags, "--slice", "tag=rain", "--slice", "tag=night", "--json"])
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        let slices = try #require(object["slices"] as? [[String: Any]])
        #expect(slices.compactMap { $0["images"] as? Int } == [1, 1])
        try "000.jpg\train\nnowhere.jpg\tx\n".write(toFile: tags, atomically: true, encoding: .utf8)
        let wrong = try Program(arguments + ["--tags", tags])
        #expect(wrong.status == 65 && wrong.errors.contains("tags.txt:2: 'nowhere.jpg'"), "\(wrong.errors)")
    }
}
