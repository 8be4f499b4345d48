import COCO
import FixtureSupport
import Foundation
import Testing

/// `fvlm evaluate` of the committed detector on the committed scenes, as a user types it.
@Suite struct EvaluateCommandTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let samples = root + "/Examples/EmojiScenes/Samples"

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func evaluate(_ annotations: String, _ more: String...) throws -> Program {
        try Program(
            [
                "evaluate", "--model", Self.root + "/Models/emoji-detector", "--annotations", annotations,
                "--images", Self.samples, "--templates", "single", "--threads", "1",
            ] + more)
    }

    private func objects(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    private func stats(_ object: [String: Any], _ split: String? = nil) throws -> [Double] {
        guard let split else { return try #require(object["stats"] as? [Double]) }
        let splits = try #require(object["splits"] as? [String: [String: Any]])
        return try #require(splits[split]?["stats"] as? [Double])
    }

    /// Classes that the heads were not trained on are reported apart, without being told which ones they are; and
    /// the written results give the same figures to `fvlm score`.
    @Test func classesThatWereNotTrainedOnAreReportedApart() throws {
        let results = folder.file("results.json")
        let run = try evaluate(Self.samples + "/annotations.json", "--json", "--results", results)
        #expect(run.status == 0, "\(run.errors)")
        let reports = try objects(run.output)
        #expect(reports.compactMap { $0["type"] as? String } == ["bbox", "segm"])
        for (report, type) in zip(reports, ["bbox", "segm"]) {
            let splits = try #require(report["splits"] as? [String: [String: Any]])
            #expect(splits["base"]?["categories"] as? Int == 298)
            #expect(splits["novel"]?["categories"] as? Int == 102)
            // AP50; the samples hold 36 base and 13 novel objects.
            #expect(try stats(report, "base")[1] > 0.8 && stats(report, "novel")[1] > 0.8)
            let again = try Program([
                "score", "--ground-truth", Self.samples + "/annotations.json", "--detections", results,
                "--type", type, "--json",
            ])
            // Scores are written with fewer digits than they have.
            for (a, b) in zip(try stats(report), try stats(objects(again.output)[0])) {
                #expect(abs(a - b) < 1e-3)
            }
        }
    }

    /// Names that write `_` for the space are the same to the text tower: the same classes are base, with the same figures.
    @Test("B09: names with underscores") func namesWithUnderscores() throws {
        let spaces = try Program(scenes { try everyClass(&$0) })
        let underscores = try Program(
            scenes {
                try everyClass(&$0)
                for place in $0.categories.indices {
                    $0.categories[place].name = $0.categories[place].name.replacing(" ", with: "_")
                }
            })
        #expect(spaces.status == 0 && underscores.status == 0, "\(underscores.errors)")
        for (one, other) in zip(try objects(spaces.output), try objects(underscores.output)) {
            for part in ["base", "novel"] {
                let splits = try [one, other].map { try #require($0["splits"] as? [String: [String: Any]]) }
                #expect(
                    splits.map { $0[part]?["categories"] as? Int }
                        == (part == "base" ? [298, 298] : [102, 102]))
                #expect(try stats(one, part) == stats(other, part))
            }
        }
    }

    /// All classes of the samples, where ``scenes(_:)`` keeps those with objects.
    private func everyClass(_ data: inout Dataset) throws {
        data.categories = try Dataset(contentsOf: Self.samples + "/annotations.json").categories
    }

    /// An annotation that cannot be read costs its picture, a mask that cannot be read the picture's masks, an unpaired
    /// number nothing, as by pycocotools.
    @Test func annotationsThatCannotBeRead() throws {
        let command = try scenes { data in
            var table = AnnotationTable()
            for row in 0..<data.annotations.count {
                var annotation = data.annotations[row]
                if row == 0, let mask = annotation.segmentation {
                    annotation.segmentation = .polygons(
                        try RunLengthMask(mask, height: 256, width: 256).polygons())
                }
                table.append(annotation)
            }
            data.annotations = table
        }
        let whole = try objects(Program(command).output)
        let text = String(decoding: folder.bytes("a.json"), as: UTF8.self)
        let ring = try #require(text.firstMatch(of: /"segmentation": ?\[\[/))
        func run(_ change: (inout String) -> Void) throws -> (Program, [[String: Any]]) {
            var changed = text
            change(&changed)
            #expect(changed != text)
            try folder.write(changed, "a.json")
            let run = try Program(command)
            return (run, try objects(run.output))
        }
        let (odd, reports) = try run { $0.replaceSubrange(ring.range, with: ring.0 + "9.5,") }
        // The number before all others moves the whole outline: only the count is odd.
        #expect(
            odd.status == 0 && odd.errors.contains("1 polygon with an odd count of numbers"), "\(odd.errors)")
        #expect(try reports.count == 2 && stats(reports[0]) == stats(whole[0]))

        let (mask, boxes) = try run { $0.replaceSubrange(ring.range, with: ring.0.dropLast() + "\"x\",[") }
        #expect(mask.status == 1 && mask.errors.contains("1 mask cannot be read, and 1 picture with them"))
        #expect(try boxes.count == 2 && stats(boxes[0]) == stats(whole[0]), "\(mask.errors)")

        let box = try #require(text.firstMatch(of: /"bbox": ?\[/))
        let (record, rest) = try run { $0.replaceSubrange(box.range, with: box.0 + "\"x\",") }
        #expect(
            record.status == 1 && record.errors.contains("1 annotation cannot be read, and 1 picture with"))
        #expect(try rest.count == 2 && stats(rest[0])[1] > 0.8, "\(record.errors)")
    }

    /// One rule for the names of pictures in all commands: absolute ones, and LVIS's addresses in a folder that they name.
    @Test("A14: absolute names and addresses", arguments: ["file_name", "coco_url"])
    func namesOfPicturesInEveryCommand(_ field: String) throws {
        let data = try Dataset(contentsOf: Self.samples + "/annotations.json")
        let name = data.images[0].fileName
        try folder.write(Data(contentsOf: URL(filePath: "\(Self.samples)/\(name)")), "val2017/\(name)")
        let place =
            field == "file_name"
            ? folder.file("val2017/\(name)") : "http://images.cocodataset.org/val2017/\(name)"
        try folder.write(
            #"{"images": [{"id": 1, "width": 256, "height": 256, "\#(field)": "\#(place)"}], "annotations": [{"id": 1, "#
                + #""image_id": 1, "category_id": 1, "bbox": [4, 10, 36, 40], "area": 1440, "segmentation": "#
                + #"[[4, 10, 40, 10, 40, 50]]}], "categories": [{"id": 1, "name": "smiley"}]}"#, "a.json")
        let check = try Program([
            "check-dataset", folder.file("a.json"), "--images", folder.file("val2017"),
        ])
        #expect(check.status == 0 && !check.output.contains("picture-missing"), "\(check.output)")
        let evaluate = try evaluate(folder.file("a.json"), "--images", folder.file("val2017"))
        #expect(evaluate.status == 0 && evaluate.output.contains("bbox, 1 images"), "\(evaluate.errors)")
        let training = try folder.write(
            """
            preset: published-small
            detector:
              clip: \(SmallDetector.clip)
              input: {size: 64}
              network: {width: 8, hidden: 16, proposalCandidates: [60, 40], proposalCount: [40, 20]}
              learning: {regionsPerImage: 16, anchorsPerImage: 32}
            data: {annotations: a.json, images: val2017, batchSize: 1, workers: 0}
            texts: {templates: single}
            run: {steps: 1}

            """, "t.yaml")
        let train = try Program(["train", training, "--output", folder.file("run"), "--threads", "1"])
        #expect(train.status == 0, "\(train.errors)")
    }

    @Test func withoutOtherClassesThereAreNoParts() throws {
        var annotations = try Dataset(contentsOf: Self.samples + "/annotations.json")
        annotations.categories = annotations.categories.filter { $0.name == "monkey face" }
        #expect(annotations.categories.count == 1)
        let path = folder.file("one.json")
        try annotations.write(to: path)
        let run = try evaluate(path, "--class-rows", "3")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("bbox, 8 images, 1 classes, protocol closed"))
        #expect(!run.output.contains("novel"))
        #expect(run.errors.contains("annotations have classes that the file does not have"))
    }

    @Test func missingPicturesAreNamedBeforeAnyWork() throws {
        var annotations = try Dataset(contentsOf: Self.samples + "/annotations.json")
        annotations.images.append(ImageRecord(id: 999, width: 256, height: 256, fileName: "gone.jpg"))
        let path = folder.file("more.json")
        try annotations.write(to: path)
        let run = try evaluate(path, "--results", folder.file("results.json"))
        #expect(run.status == 65)
        #expect(run.errors.contains("gone.jpg: does not exist, but the annotations name it"))
        #expect(!run.errors.contains("pictures: 1/"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("results.json")))
    }

    /// The scenes in a folder of their own, with three classes.
    private func scenes(_ change: (inout Dataset) throws -> Void = { _ in }) throws -> [String] {
        var data = try Dataset(contentsOf: Self.samples + "/annotations.json")
        for row in 0..<data.images.count {
            let name = data.images[row].fileName
            try folder.write(
                Data(contentsOf: URL(filePath: "\(Self.samples)/\(name)")), "pictures/\(name)")
        }
        let used = Set(data.annotations.categoryIDs)
        data.categories = data.categories.filter { used.contains($0.id) }
        try change(&data)
        try data.write(to: folder.file("a.json"))
        return [
            "evaluate", "--model", Self.root + "/Models/emoji-detector", "--annotations",
            folder.file("a.json"),
            "--images", folder.file("pictures"), "--templates", "single", "--threads", "1", "--json",
        ]
    }

    /// A picture that cannot be read is named; the others are measured and written.
    @Test("B45: a damaged picture costs nothing else") func aDamagedPictureCostsNothingElse() throws {
        let command = try scenes()
        let name = try #require(folder.namesOf("pictures").first)
        try folder.write(folder.bytes("pictures/" + name).prefix(900), "pictures/" + name)
        let run = try Program(command + ["--results", folder.file("r.json")])
        #expect(run.status == 1)
        #expect(run.errors.contains("skipped: ") && run.errors.contains(name))
        #expect(run.errors.contains("1 of 8 pictures could not be used"))
        let reports = try objects(run.output)
        #expect(try reports.count == 2 && stats(reports[0])[1] > 0.8)
        #expect(folder.bytes("r.json").count > 100)
    }

    /// The scenes again and again, as pictures of their own.
    private func manyScenes(_ times: Int) throws -> [String] {
        try scenes { data in
            let (images, annotations) = (data.images, data.annotations)
            for time in 1..<times {
                for row in 0..<images.count {
                    var image = images[row]
                    image.id += Int64(1000 * time)
                    data.images.append(image)
                }
                for row in 0..<annotations.count {
                    var annotation = annotations[row]
                    annotation.id += Int64(100_000 * time)
                    annotation.imageID += Int64(1000 * time)
                    data.annotations.append(annotation)
                }
            }
        }
    }

    /// Whatever ends it, what was found stays, and the figures are those of an evaluation that nothing has ended.
    @Test("B12: an interrupted evaluation", arguments: [SIGINT, SIGTERM, SIGHUP, SIGKILL])
    func anInterruptedEvaluationGoesOn(_ number: Int32) throws {
        let command = try manyScenes(4)
        let whole = try Program(command + ["--results", folder.file("whole.json")])
        #expect(whole.status == 0, "\(whole.errors)")
        let more = command + ["--results", folder.file("r.json")]
        let process = try Program.started(more)
        func lines() -> Int { folder.bytes("r.json.progress").count { $0 == 0x0A } }
        while process.isRunning, lines() < 4 { usleep(1000) }
        kill(process.processIdentifier, number)
        process.waitUntilExit()
        if number != SIGKILL {
            #expect(process.terminationReason == .exit && process.terminationStatus == 1)
        }
        #expect(lines() >= 4 && lines() < 33 && !folder.names.contains("r.json"))
        let refused = try Program(more)
        #expect(
            refused.status == 65
                && refused.errors.contains("r.json.progress: is the record of an interrupted"),
            "\(refused.errors)")
        let other = try Program(more + ["--resume", "--score-threshold", "0.3"])
        #expect(other.status == 65 && other.errors.contains("choice of thresholds"), "\(other.errors)")
        let rest = try Program(more + ["--resume"])
        #expect(rest.status == 0 && rest.errors.contains("of 32 are done; continuing"), "\(rest.errors)")
        #expect(rest.output == whole.output && folder.bytes("r.json") == folder.bytes("whole.json"))
        #expect(!folder.names.contains("r.json.progress"))
    }

    @Test("B12: an interrupted evaluation says what is kept") func anInterruptionIsExplained() throws {
        // So many that they are not done before a busy machine lets the signal be sent.
        let command = try manyScenes(200)
        for (more, text) in [
            ([], "nothing is kept: with --results"),
            (["--results", folder.file("r.json")], "with --resume goes on"),
        ] {
            // The first progress is that of the first picture.
            let words = (command + more).map { "'\($0)'" }.joined(separator: " ")
            let run = try Program(
                shell:
                    "\"$fvlm\" \(words) 2> errors & while kill -0 $! && ! grep -q 'pictures' errors; do sleep 0.01; done; kill -TERM $!; wait $!; echo $?; cat errors",
                in: folder.path)
            #expect(
                run.output.hasPrefix("1\n") && run.output.contains("interrupted after ")
                    && run.output.contains("of 1600 pictures") && run.output.contains(text), "\(run.output)")
        }
        #expect(try Program(["evaluate", "--resume"] + command.dropFirst()).errors.contains("--results"))
    }

    /// What `evaluate` leaves out of a data set, its suite leaves out, and says so in its results.
    @Test("A09: a suite with a broken annotation") func aSuiteWithABrokenAnnotation() throws {
        let command = try scenes()
        let text = String(decoding: folder.bytes("a.json"), as: UTF8.self)
        let box = try #require(text.firstMatch(of: /"bbox": ?\[/))
        let broken = text.replacingCharacters(in: box.range, with: box.0 + "\"x\",")
        try folder.write(broken, "a.json")
        try folder.write(broken, "suite/one/test/_annotations.coco.json")
        for name in folder.namesOf("pictures") {
            try folder.write(folder.bytes("pictures/" + name), "suite/one/test/" + name)
        }
        let single = try Program(command)
        func suite() throws -> (Program, [String: Any]) {
            let run = try Program([
                "evaluate", "--model", Self.root + "/Models/emoji-detector", "--suite", folder.file("suite"),
                "--templates", "single", "--threads", "1", "--json", "--results", folder.file("results"),
            ])
            let sets = try objects(run.output).first?["sets"] as? [[String: Any]]
            return (run, sets?.first ?? [:])
        }
        for _ in 0..<2 {
            let (run, row) = try suite()
            #expect(
                run.status == 1 && run.errors.contains("one: 1 annotation cannot be read"), "\(run.errors)")
            #expect(row["images"] as? Int == 7 && (row["left_out"] as? [Int])?.count == 1)
            #expect((row["notes"] as? [String])?.first?.hasPrefix("1 annotation cannot be read") == true)
            let figures = try stats(objects(single.output)[0])
            #expect(abs((row["AP"] as? Double ?? -1) - figures[0]) < 1e-3, "\(single.errors)")
        }
    }

    /// Results that cannot be written are an error at the end, after the figures.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"))) func resultsWithoutRoom() throws
    {
        let run = try Program(scenes() + ["--results", "/dev/full"])
        #expect(run.status == 1 && run.errors.contains("No space left on device"), "\(run.errors)")
        #expect(try objects(run.output).count == 2)
    }

    /// Boxes alone are a valid ground truth.
    @Test("B14: annotations without masks") func annotationsWithoutMasks() throws {
        let whole = try Program(scenes())
        let boxes = try Program(
            scenes { data in
                var table = AnnotationTable()
                for row in 0..<data.annotations.count {
                    var annotation = data.annotations[row]
                    annotation.segmentation = nil
                    table.append(annotation)
                }
                data.annotations = table
            } + ["--batch-size", "3"])
        #expect(boxes.status == 0, "\(boxes.errors)")
        #expect(boxes.errors.contains("the annotations have no masks: only boxes are measured"))
        let reports = try objects(boxes.output)
        #expect(reports.compactMap { $0["type"] as? String } == ["bbox"])
        #expect(try stats(reports[0]) == stats(objects(whole.output)[0]))
    }

    @Test func aReportIsWrittenBesideTheFigures() throws {
        let run = try evaluate(Self.samples + "/annotations.json", "--report", folder.file("report"))
        #expect(run.status == 0, "\(run.errors)")
        let page = String(decoding: folder.bytes("report/index.html"), as: UTF8.self)
        #expect(page.contains("protocol split-novel") && page.contains("000010.jpg"))
        #expect(run.output.contains("protocol split-novel"))
        #expect(page.contains("const hasMasks = true;"))
        #expect(folder.namesOf("report/thumbnails").count == 8)
        let again = try evaluate(Self.samples + "/annotations.json", "--report", folder.file("report"))
        #expect(again.status != 0 && again.errors.contains("not empty"), "\(again.errors)")
    }

    /// Two data sets in the layouts of RF100-VL and ODinW, one of them broken.
    @Test func aSuiteIsOneTableAndIsResumed() throws {
        let manager = FileManager.default
        for (place, name) in [
            ("scenes/test", "_annotations.coco.json"),
            ("deep/er/valid", "annotations_without_background.json"),
        ] {
            try manager.createDirectory(
                atPath: folder.file("suite/\(place)"), withIntermediateDirectories: true)
            try manager.copyItem(
                atPath: Self.samples + "/annotations.json", toPath: folder.file("suite/\(place)/\(name)"))
        }
        for name in try manager.contentsOfDirectory(atPath: Self.samples) where name.hasSuffix(".jpg") {
            try manager.createSymbolicLink(
                atPath: folder.file("suite/scenes/test/\(name)"),
                withDestinationPath: "\(Self.samples)/\(name)")
        }
        func run(_ more: String...) throws -> Program {
            try Program(
                [
                    "evaluate", "--model", Self.root + "/Models/emoji-detector", "--suite",
                    folder.file("suite"),
                    "--templates", "single", "--threads", "1", "--results", folder.file("results"), "--json",
                ] + more)
        }
        let first = try run()
        // The second set has no pictures.
        #expect(first.status == 1 && first.errors.contains("deep/er: not evaluated"), "\(first.errors)")
        let summary = try #require(objects(first.output).first)
        let sets = try #require(summary["sets"] as? [[String: Any]])
        #expect(sets.count == 1 && sets[0]["name"] as? String == "scenes")
        #expect((sets[0]["AP50"] as? Double ?? 0) > 0.8)
        #expect((summary["median"] as? [String: Double])?["AP50"] == sets[0]["AP50"] as? Double)
        let second = try run()
        #expect(
            second.errors.contains("scenes: detections of an earlier run") && second.output == first.output)
        let other = try run("--score-threshold", "0.5")
        #expect(other.status == 65 && other.errors.contains("another score threshold"), "\(other.errors)")
        let unused = try run("--class-rows", "3")
        #expect(unused.status == 64 && unused.errors.contains("--suite has none"), "\(unused.errors)")
    }

    /// Results of a suite: two sets whose names differ by a slash, annotations that are changed, a circle of links, a folder of
    /// somebody else.
    @Test func resultsOfASuiteAreThoseOfItsSets() throws {
        let manager = FileManager.default
        let whole = try Dataset(contentsOf: Self.samples + "/annotations.json")
        func write(_ place: String, _ row: Int) throws {
            var data = Dataset()
            data.categories = whole.categories
            data.images.append(whole.images[row])
            for annotation in 0..<whole.annotations.count
            where whole.annotations.imageIDs[annotation] == whole.images[row].id {
                data.annotations.append(whole.annotations[annotation])
            }
            try folder.write("", "suite/\(place)/x")
            try data.write(to: folder.file("suite/\(place)/annotations.json"))
            let name = whole.images[row].fileName
            if !manager.fileExists(atPath: folder.file("suite/\(place)/\(name)")) {
                try manager.createSymbolicLink(
                    atPath: folder.file("suite/\(place)/\(name)"),
                    withDestinationPath: "\(Self.samples)/\(name)")
            }
        }
        try write("a/b", 0)
        try write("a-b", 1)
        try manager.createSymbolicLink(atPath: folder.file("suite/circle"), withDestinationPath: ".")
        func run(_ results: String) throws -> (Program, [String: Double]) {
            let run = try Program([
                "evaluate", "--model", Self.root + "/Models/emoji-detector", "--suite", folder.file("suite"),
                "--templates", "single", "--threads", "1", "--results", folder.file(results), "--json",
            ])
            let sets = try objects(run.output).first?["sets"] as? [[String: Any]] ?? []
            return (
                run,
                Dictionary(
                    sets.map { ($0["name"] as? String ?? "", $0["AP"] as? Double ?? -1) },
                    uniquingKeysWith: { first, _ in first })
            )
        }
        let (first, figures) = try run("results")
        #expect(first.status == 0 && Set(figures.keys) == ["a/b", "a-b"], "\(first.errors)")
        #expect(try run("results").1 == figures)
        // Other objects under the name of a set.
        try write("a-b", 0)
        try manager.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: 60)],
            ofItemAtPath: folder.file("suite/a-b/annotations.json"))
        let (again, changed) = try run("results")
        #expect(again.errors.contains("a/b: detections of an earlier run"), "\(again.errors)")
        #expect(again.errors.contains("is newer than the detections"), "\(again.errors)")
        #expect(changed["a-b"] == figures["a/b"] && changed["a/b"] == figures["a/b"])
        try folder.write("mine", "other/a-b.json")
        let refused = try run("other").0
        #expect(refused.status == 65 && refused.errors.contains("other: is not empty"), "\(refused.errors)")
        #expect(folder.bytes("other/a-b.json") == Array("mine".utf8))
        #expect(try run("suite").0.status == 64)
    }
}
