import FixtureSupport
import Foundation
import Testing

@Suite struct CheckDatasetCommandTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func codes(_ run: Program) throws -> [String: [Int]] {
        let findings = try #require(try object(run.output)["findings"] as? [[String: Any]])
        return Dictionary(
            uniqueKeysWithValues: try findings.map {
                (try #require($0["code"] as? String), try #require($0["ids"] as? [Int]))
            })
    }

    /// A sound data set but for what is given.
    private func text(images: String = "", annotations: String = "") -> String {
        #"{"images": [{"id": 1, "width": 40, "height": 30, "file_name": "a.jpg"}\#(images)], "#
            + #""annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 10, 8], "area": 80}"#
            + #"\#(annotations)], "categories": [{"id": 1, "name": "dog"}]}"#
    }

    private let outside = (10..<20).map {
        #", {"id": \#($0), "image_id": 1, "category_id": 1, "bbox": [\#($0), 50, 1, 1], "area": 1}"#
    }.joined()

    @Test func soundDataEndsWith0() throws {
        let run = try Program(["check-dataset", "-"], input: text())
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        #expect(run.output == "-: 1 images, 1 annotations, 1 categories\n\nNothing found.\n")
        let json = try object(try Program(["check-dataset", "-", "--json"], input: text()).output)
        #expect((json["findings"] as? [Any])?.count == 0 && json["errors"] as? Int == 0)
    }

    @Test func errorsEndWith65WarningsDoNot() throws {
        let run = try Program(["check-dataset", "-", "--show", "2"], input: text(annotations: outside))
        #expect(run.status == 65 && run.errors.isEmpty)
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(lines.contains("error box-outside (10): Boxes are wholly outside their image."))
        #expect(lines.contains("  - annotation 10 in image 1: box [10, 50, 1, 1] in a picture of 40 x 30"))
        #expect(lines.contains("  - ... and 8 more"))
        #expect(lines.last == "Kinds of findings: 1 errors, 0 warnings, 0 notes")
        let warning = #", {"id": 2, "image_id": 1, "category_id": 1, "bbox": [35, 3, 10, 8], "area": 80}"#
        let warned = try Program(["check-dataset", "-"], input: text(annotations: warning))
        #expect(warned.status == 0 && warned.output.contains("warning box-beyond-edge (1)"))
    }

    @Test func jsonHoldsAllIDs() throws {
        let run = try Program(["check-dataset", "-", "--json"], input: text(annotations: outside))
        #expect(run.status == 65 && run.output.split(separator: "\n").count == 1)
        #expect(try codes(run) == ["box-outside": Array(10..<20)])
    }

    @Test func brokenPolygonsAreFindings() throws {
        let broken =
            #", {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1,1,9,9], "area": 40, "#
            + #""segmentation": [[1,1,9,1,NaN,9]]}, {"id": 3, "image_id": 1, "category_id": 1, "#
            + #""bbox": [1,1,8,8], "area": 40, "segmentation": [[1,1,9,1,9,9,5]]}"#
        let run = try Program(["check-dataset", "-", "--json"], input: text(annotations: broken))
        #expect(try codes(run) == ["polygon-not-finite": [2], "polygon-odd-count": [3]])
    }

    @Test func picturesAreLookedForAndCompared() throws {
        let (train, val) = (try TemporaryFolder(), try TemporaryFolder())
        let image = #", {"id": \#(2), "width": 40, "height": 30, "file_name": "b.jpg"}"#
        let (a, b) = (
            try train.write(text(images: image), "a.json"),
            try val.write(text().replacing("a.jpg", with: "c.jpg"), "b.json")
        )
        let picture = try SmallPictures.png()
        for (folder, name) in [(train, "images/b.jpg"), (val, "images/c.jpg")] {
            try folder.write("", name)
            try picture.write(to: URL(filePath: folder.path).appending(path: name))
        }
        let run = try Program([
            "check-dataset", a, "--images", train.path + "/images", "--against", b, "--against-images",
            val.path + "/images", "--json",
        ])
        #expect(run.status == 65)
        var found = try codes(run)
        found["picture-size-differs"] = nil
        #expect(
            found == ["picture-missing": [1], "shared-picture": [2], "image-without-annotations": [2]])
        let names = try Program(["check-dataset", a, "--against", a, "--json"])
        #expect(try codes(names)["shared-file-name"] == [1, 2] && names.status == 0)
    }

    @Test func sizesAreComparedUpright() throws {
        let folder = try TemporaryFolder()
        for (name, data) in [
            ("right.png", try SmallPictures.png()), ("wrong.png", try SmallPictures.png()),
            ("upright.jpg", try SmallPictures.turnedJPEG()), ("turned.jpg", try SmallPictures.turnedJPEG()),
            ("broken.jpg", Data("hello".utf8)),
        ] {
            try data.write(to: URL(filePath: folder.path).appending(path: name))
        }
        let images = [
            (1, 4, 3, "right.png"), (2, 5, 3, "wrong.png"), (3, 3, 4, "upright.jpg"), (4, 4, 3, "turned.jpg"),
            (5, 4, 3, "broken.jpg"),
        ].map { #"{"id": \#($0), "width": \#($1), "height": \#($2), "file_name": "\#($3)"}"# }
        let run = try Program(
            ["check-dataset", "-", "--images", folder.path, "--json"],
            input: #"{"images": [\#(images.joined(separator: ", "))]}"#)
        #expect(run.status == 65 && run.errors.isEmpty)
        var found = try codes(run)
        found["image-without-annotations"] = nil
        #expect(
            found == [
                "picture-size-differs": [2], "picture-turned": [4], "picture-unreadable": [5],
                "picture-listed-twice": [2, 4],
            ])
    }

    @Test func wrongUsageEndsWith64() throws {
        let folder = FileManager.default.temporaryDirectory.path
        for arguments in [
            [], ["-", "--against", "-"], ["-", "--against-images", folder], ["-", "--show", "-1"],
            ["-", "--threads", "-1"], ["-", "--images", folder, "--against-images", folder],
        ] {
            let run = try Program(["check-dataset"] + arguments, input: text())
            #expect(run.status == 64 && run.output.isEmpty, "\(arguments)")
        }
    }

    @Test func unreadableInputIsAnError() throws {
        let malformed = try Program(["check-dataset", "-"], input: #"{"images": [{"id": 1.5}]}"#)
        #expect(malformed.status == 65 && malformed.output.isEmpty)
        #expect(malformed.errors.hasPrefix("error: -:1:20: image at index 0"), "\(malformed.errors)")
        let missing = try Program(["check-dataset", "/no/such/file.json"])
        #expect(missing.status == 1 && missing.errors.contains("/no/such/file.json: cannot be opened"))
        let folder = try Program(["check-dataset", "-", "--images", "/no/such/folder"], input: text())
        #expect(
            folder.status == 1
                && folder.errors.contains(
                    "/no/such/folder: the folder of the pictures cannot be opened: No such file or directory")
        )
        let file = try Program(["check-dataset", "-", "--images", #filePath], input: text())
        #expect(file.status == 1 && file.errors.contains("is not a folder"))
    }

    @Test func helpHasExamples() throws {
        let run = try Program(["check-dataset", "--help"])
        #expect(run.status == 0 && run.output.contains("fvlm check-dataset instances_train.json --images"))
        let words = run.output.replacing("\n", with: " ")
        for code in ["0", "65", "1", "64"] { #expect(words.contains("with \(code) "), "\(code)") }
    }

    static let mini = ProcessInfo.processInfo.environment["FVLM_COCO_MINI"]

    @Test(
        .enabled(if: mini != nil, "needs the folder of coco-mini in the environment variable FVLM_COCO_MINI"))
    func realPhotographsAreSound() throws {
        let mini = try #require(Self.mini)
        let run = try Program([
            "check-dataset", mini + "/instances_val.json", "--images", mini + "/images/val", "--against",
            mini + "/instances_train.json", "--against-images", mini + "/images/train", "--json",
        ])
        #expect(run.status == 0, "\(run.output)")
        // One mask in the file is a polygon that lacks the upper part of its object.
        #expect(try codes(run)["box-disagrees"] == [86])
        #expect(Set(try codes(run).keys) == ["box-disagrees", "unused-category"])
    }
}
