import FixtureSupport
import Foundation
import Testing

@Suite struct ScoreCommandTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appending(path: "Fixtures")
    private let truth = Self.fixtures.appending(path: "coco/eval-1/gt.json").path
    private let results = Self.fixtures.appending(path: "coco/eval-1/dt.json").path

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func jsonHoldsStatsAndClasses() throws {
        let run = try Program([
            "score", "--ground-truth", truth, "--detections", results, "--type", "bbox", "--json",
        ])
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        let object = try object(run.output)
        let stats = try #require(object["stats"] as? [Double])
        #expect(stats.count == 12)
        #expect(abs(stats[0] - 0.09206360762126632) < 1e-6)
        let classes = try #require(object["per_category"] as? [[String: Any]])
        #expect(classes.compactMap { $0["id"] as? Int } == [1, 3, 7])
        #expect(classes[2]["AP"] as? Double == -1)
        #expect(run.output.split(separator: "\n").count == 1)
    }

    @Test func standardInputIsRead() throws {
        let input = try String(contentsOfFile: results, encoding: .utf8)
        let piped = try Program(["score", "-g", truth, "-d", "-", "--type", "segm", "--json"], input: input)
        let named = try Program(["score", "-g", truth, "-d", results, "--type", "segm", "--json"])
        #expect(piped.status == 0 && piped.output == named.output)
    }

    @Test func tablesShowTheFiguresAndTheWorstClassesFirst() throws {
        let run = try Program(["score", "-g", truth, "-d", results])
        #expect(run.status == 0)
        #expect(run.output.contains("AP50"))
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(lines.contains { $0.hasPrefix("AP ") && $0.hasSuffix("9.21") })
        let head = try #require(lines.firstIndex { $0.hasPrefix("class") && $0.hasSuffix("loses") })
        let losses = lines[(head + 1)...].compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        #expect(losses.count == 2 && losses == losses.sorted(by: >) && losses[0] > losses[1], "\(losses)")
        // What the classes lose and what is left are all there is to be had.
        #expect(abs(losses.reduce(9.21, +) - 100) < 0.02)
        #expect(
            try Program(["score", "-g", truth, "-d", results, "--class-rows", "1"]).output.contains(
                "and 1 classes"))
    }

    @Test func intervalsAndComparisonsAreReported() throws {
        let arguments = ["score", "-g", truth, "-d", results, "--json"]
        let intervals = try object(Program(arguments + ["--bootstrap", "20"]).output)
        #expect((intervals["intervals"] as? [[String: Any]])?.count == 3)
        let comparison = try object(Program(arguments + ["--compare", results, "--bootstrap", "20"]).output)
        let first = try #require((comparison["comparison"] as? [[String: Any]])?.first)
        #expect(first["p_value"] as? Double == 1)
        let table = try Program([
            "score", "-g", truth, "-d", results, "--compare", results, "--bootstrap", "20",
        ])
        #expect(table.status == 0 && table.output.contains("95 % interval"))
    }

    @Test func rulesOfLVISAndProposals() throws {
        let (truth, results) = (
            Self.fixtures.appending(path: "lvis/eval-small/gt.json").path,
            Self.fixtures.appending(path: "lvis/eval-small/dt.json").path
        )
        let run = try Program([
            "score", "-g", truth, "-d", results, "--lvis", "--split", "lvis-base-rare", "--json",
        ])
        let object = try object(run.output)
        #expect((object["stat_names"] as? [String])?.contains("APr") == true)
        #expect((object["splits"] as? [String: Any])?.keys.sorted() == ["all", "base", "novel"])
        #expect(run.errors.isEmpty, "\(run.errors)")
        let otherRules = try Program(["score", "-g", truth, "-d", results, "--json"])
        #expect(
            otherRules.status == 0 && otherRules.errors.contains("use --lvis to score by LVIS's rules"))
        let proposals = try Program(["score", "-g", truth, "-d", results, "--proposals", "--json"])
        #expect((try self.object(proposals.output)["stat_names"] as? [String])?.first == "AR@100")
    }

    /// All files are read at once; of several faults the annotations' is told, whichever thread is first.
    @Test func theFaultOfTheAnnotationsComesFirst() throws {
        let folder = try TemporaryFolder()
        let wrong = try folder.write("[{]", "results.json")
        let arguments = ["score", "-g", folder.file("absent.json"), "-d", wrong, "--compare", wrong]
        for _ in 0..<8 {
            let run = try Program(arguments)
            #expect(run.status == 1 && run.errors.contains("absent.json"), "\(run.errors)")
            #expect(!run.errors.contains("results.json"))
        }
    }

    @Test func wrongUsageEndsWith64() throws {
        for arguments in [
            ["score"], ["score", "-g", truth, "-d", results, "--type", "cubes"],
            ["score", "-g", "-", "-d", "-"],
            ["score", "-g", truth, "-d", results, "--lvis", "--proposals"], ["nonsense"],
            ["score", "-g", truth, "-d", results, "--bootstrap", "0"],
            ["score", "-g", truth, "-d", results, "--bootstrap", "99999999999"],
        ] {
            let run = try Program(arguments)
            #expect(run.status == 64, "\(arguments)")
            #expect(!run.errors.isEmpty && run.output.isEmpty)
        }
    }

    @Test func badDataEndsWith65() throws {
        for (input, text) in [
            ("[{]", "-:1:3: detection at index 0"), ("{}", "a result file must be a list"),
            (
                #"[{"image_id": 77777, "category_id": 1, "score": 1, "bbox": [0,0,1,1]}]"#,
                "the image 77777 is not in"
            ),
        ] {
            let run = try Program(["score", "-g", truth, "-d", "-"], input: input)
            #expect(run.status == 65)
            #expect(run.errors.hasPrefix("error: ") && run.errors.contains(text), "\(run.errors)")
            #expect(run.errors.split(separator: "\n").count <= 2 && run.output.isEmpty)
        }
        let split = try Program(["score", "-g", truth, "-d", results, "--split", "ovd48-17"])
        #expect(split.status == 65 && split.errors.contains("needs COCO's classes"))
    }

    /// Boxes are scored without looking at outlines; of a polygon the last number without a partner is passed over: both as
    /// pycocotools does. A mask that is none is refused when masks are scored.
    @Test func outlinesThatCannotBeRead() throws {
        let folder = try TemporaryFolder()
        func truth(_ segmentation: String) throws -> String {
            try folder.write(
                #"{"images": [{"id": 1, "width": 40, "height": 30}], "categories": [{"id": 1, "name": "dog"}], "#
                    + #""annotations": [{"id": 4, "image_id": 1, "category_id": 1, "bbox": [2, 2, 8, 8], "#
                    + #""area": 64, "iscrowd": 0, "segmentation": \#(segmentation)}]}"#, "gt.json")
        }
        let results = try folder.write(
            #"[{"image_id": 1, "category_id": 1, "score": 0.9, "bbox": [2, 2, 8, 8], "#
                + #""segmentation": [[2, 2, 10, 2, 10, 10, 2, 10]]}]"#, "dt.json")
        func score(_ segmentation: String, _ type: String) throws -> (Program, Bool) {
            let run = try Program(["score", "-g", truth(segmentation), "-d", results, "--type", type])
            let line = run.output.split(separator: "\n").first { $0.hasPrefix("AP ") } ?? ""
            return (run, line.contains("100.0"))
        }
        for type in ["bbox", "segm"] {
            let (run, isFound) = try score("[[2, 2, 10, 2, 10, 10, 2, 10, 7]]", type)
            #expect(run.status == 0 && isFound, "\(run.output) \(run.errors)")
            #expect(run.errors.contains("a polygon of 9 numbers") == (type == "segm"))
        }
        for segmentation in ["[2, 2, 10, 2, 10, 10]", "7", "[[2, 2, 10, null]]", "[[[2, 2], [10, 10]]]"] {
            let (boxes, isFound) = try score(segmentation, "bbox")
            #expect(
                boxes.status == 0 && isFound && boxes.errors.contains("has 1 segmentations"),
                "\(boxes.errors)")
            let (masks, _) = try score(segmentation, "segm")
            #expect(masks.status == 65 && masks.errors.contains("annotation 4, field \"segmentation\""))
        }
    }

    @Test func missingFilesEndWith1() throws {
        let run = try Program(["score", "-g", "/no/such/file.json", "-d", results])
        #expect(run.status == 1 && run.errors.contains("/no/such/file.json: cannot be opened"))
    }

    @Test func unknownClassesAreMentioned() throws {
        let run = try Program(
            ["score", "-g", truth, "-d", "-"],
            input: #"[{"image_id": 1, "category_id": 99, "score": 1, "bbox": [0,0,1,1]}]"#)
        #expect(run.status == 0 && run.errors.contains("note: 1 detections have classes"))
    }

    @Test func resultsWithoutDetectionsAreMentioned() throws {
        let run = try Program(["score", "-g", truth, "-d", "-"], input: "[]")
        #expect(run.status == 0 && run.errors.hasPrefix("note: - contains no detections"), "\(run.errors)")
        let compared = try Program(
            ["score", "-g", truth, "-d", results, "--compare", "-", "--bootstrap", "2"], input: "[]")
        #expect(compared.status == 0 && compared.errors.contains("note: - contains no detections"))
        #expect(compared.errors.split(separator: "\n").count { $0.hasPrefix("note: ") } == 1)
    }

    @Test func helpHasAnExample() throws {
        let run = try Program(["score", "--help"])
        #expect(run.status == 0 && run.output.contains("fvlm score --ground-truth"))
    }

    @Test func tracksAreScoredByFileAndByFolder() throws {
        let folder = try TemporaryFolder()
        let manager = FileManager.default
        for name in ["truth", "tracks"] {
            try manager.createDirectory(atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        let cases = Self.fixtures.appending(path: "tracking/metrics").path
        for name in ["north", "south"] {
            try manager.copyItem(
                atPath: "\(cases)/\(name).gt.txt", toPath: "\(folder.path)/truth/\(name).txt")
            try manager.copyItem(
                atPath: "\(cases)/\(name).result.txt", toPath: "\(folder.path)/tracks/\(name).txt")
        }
        let both = try Program([
            "score", "--tracking", "-g", "\(folder.path)/truth", "-d", "\(folder.path)/tracks", "--json",
        ])
        #expect(both.status == 0, "\(both.errors)")
        let object = try object(both.output)
        #expect(object.keys.sorted() == ["all", "north", "south"])
        let south = try #require(object["south"] as? [String: Any])
        #expect(abs((south["HOTA"] as? Double ?? 0) - 0.7160202221556006) < 1e-9)
        #expect(south["IDSW"] as? Double == 0 && (south["HOTA_by_alpha"] as? [Double])?.count == 19)
        let one = try Program([
            "score", "--tracking", "-g", "\(cases)/south.gt.txt", "-d", "\(cases)/south.result.txt",
        ])
        #expect(one.output.contains("71.60") && one.output.contains("84.26"))
        try manager.removeItem(atPath: "\(folder.path)/tracks/north.txt")
        let missing = try Program([
            "score", "--tracking", "-g", "\(folder.path)/truth", "-d", "\(folder.path)/tracks",
        ])
        #expect(missing.status == 1 && missing.errors.contains("north.txt"), "\(missing.errors)")
        let wrong = try Program(["score", "--tracking", "--lvis", "-g", truth, "-d", results])
        #expect(wrong.status == 64 && wrong.errors.contains("--tracking goes with"), "\(wrong.errors)")
    }
}
