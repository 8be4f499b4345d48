import CLIP
import FixtureSupport
import Foundation
import Imaging
import Testing

import FVLMCommand

@testable import FVLMNetworks

/// `fvlm detect` over many pictures, as a user types it.
@Suite struct DetectCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
    }

    /// Pictures that differ, named so that their order is that of their numbers.
    private func pictures(_ count: Int) throws {
        for number in 0..<count {
            var image = try Image(width: 48, height: 32 + number % 3, filledWith: .white)
            for x in 0..<30 {
                for y in 0..<20 {
                    image[x, y] = Color(
                        red: UInt8(number * 5 % 256), green: UInt8(x * 8), blue: UInt8(y * 12))
                }
            }
            try image.write(to: folder.write("", "pictures/street\(100 + number).png"))
        }
    }

    private func arguments(_ more: [String]) -> [String] {
        [
            "detect", folder.file("pictures"), "--model", folder.file("model"), "--classes", "dog, cat",
            "--score-threshold", "0", "--set", "input.size=64", "--set", "scoring.limit=3", "--threads",
            "1",
        ] + more
    }

    private func lines(_ name: String) -> [Substring] {
        String(decoding: folder.bytes(name), as: UTF8.self).split(separator: "\n")
    }

    /// Runs the command and kills it when so many pictures are written down.
    private func killed(_ arguments: [String], after count: Int, record: String) throws {
        let process = try Program.started(arguments)
        while process.isRunning, lines(record).count <= count { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
    }

    /// Killed again and again, wherever it is, the run ends with the file that it would have ended with.
    @Test(arguments: ["json", "coco"]) func aKilledRunGoesOn(_ format: String) throws {
        try pictures(24)
        let whole = try Program(
            arguments(["--results", folder.file("whole"), "--format", format, "--masks"]))
        #expect(whole.status == 0, "\(whole.errors)")
        #expect(whole.output.contains("72 objects in 24 pictures"))

        let more = [
            "--results", folder.file("killed"), "--format", format, "--masks", "--resume",
        ]
        for count in [3, 9, 15] {
            try killed(arguments(more), after: count, record: "killed.progress")
            // A COCO results file is whole or absent.
            #expect(folder.names.contains("killed") == (format == "json"))
        }
        let last = try Program(arguments(more))
        #expect(last.status == 0)
        let note = try #require(last.errors.firstMatch(of: /contains (\d+) of the 24 pictures/))
        #expect(try #require(Int(note.1)) >= 15)
        #expect(folder.bytes("killed") == folder.bytes("whole"))
        #expect(!folder.names.contains("killed.partial"))
        if format == "coco" {
            let entries = try #require(
                try JSONSerialization.jsonObject(with: Data(folder.bytes("whole"))) as? [[String: Any]])
            #expect(entries.compactMap { $0["image_id"] as? Int } == (1...24).flatMap { [$0, $0, $0] })
        }
    }

    /// A crash in the midst of a line leaves the line's picture to be made again.
    /// A name with no room for `.partial` and `.progress` is a name like any other.
    @Test("A19: results with long names", arguments: ["json", "coco"])
    func resultsWithLongNames(_ format: String) throws {
        try pictures(2)
        let name = String(repeating: "r", count: 250)
        let more = ["--results", folder.file(name), "--format", format]
        let run = try Program(arguments(more))
        #expect(run.status == 0, "\(run.errors)")
        let whole = folder.bytes(name)
        let other = try Program(arguments(more))
        #expect(!whole.isEmpty && other.status == 65)
        let again = try Program(arguments(more + ["--resume"]))
        #expect(again.status == 0 && folder.bytes(name) == whole, "\(again.errors)")
    }

    @Test(arguments: [
        ("", "is a folder; the path of a file is needed"), ("/dev/stdout", "is no ordinary file"),
    ])
    func resultsThatAreNoFile(_ path: String, _ reason: String) throws {
        try pictures(1)
        let run = try Program(
            arguments(["--format", "coco", "--results", path.isEmpty ? folder.file("model") + "/.." : path]))
        #expect(run.status == 1 && run.errors.contains(reason), "\(run.errors)")
    }

    @Test func halfWrittenLinesAreRepaired() throws {
        try pictures(4)
        let command = arguments(["--results", folder.file("found.jsonl"), "--resume"])
        #expect(try Program(command).errors.contains("none of the 4 pictures"))
        let (results, record) = (folder.bytes("found.jsonl"), folder.bytes("found.jsonl.progress"))
        for (cut, cutRecord) in [(0, 7), (40, 0), (40, 7), (results.count - 3, 0)] {
            try folder.write(results.dropLast(cut), "found.jsonl")
            try folder.write(record.dropLast(cutRecord), "found.jsonl.progress")
            #expect(try Program(command).status == 0)
            #expect(folder.bytes("found.jsonl") == results)
            #expect(folder.bytes("found.jsonl.progress") == record)
        }
        // Nothing is left to do.
        let again = try Program(command)
        #expect(again.status == 0 && again.errors.contains("4 of the 4 pictures"))
        #expect(folder.bytes("found.jsonl") == results)
    }

    /// Pictures are known again by the file, however their folder is spelled.
    @Test("B41: pictures under another name are known") func picturesUnderAnotherNameAreKnown() throws {
        try pictures(3)
        var command = arguments(["--results", folder.file("found.jsonl"), "--resume"])
        #expect(try Program(command).status == 0)
        let found = folder.bytes("found.jsonl")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: folder.file("pictures"))
        for spelling in ["./pictures", "pictures/../pictures/", "link"] {
            command[1] = folder.file(spelling)
            let run = try Program(command)
            #expect(run.status == 0 && run.errors.contains("3 of the 3 pictures"), "\(run.errors)")
            #expect(folder.bytes("found.jsonl") == found)
        }
        // A copy is another picture.
        try folder.write(folder.bytes("pictures/street100.png"), "copies/street100.png")
        command[1] = folder.file("copies")
        #expect(try Program(command).errors.contains("none of the 1 pictures yet"))
    }

    @Test func anotherRunsFileIsRefused() throws {
        try pictures(2)
        let path = folder.file("found.jsonl")
        #expect(try Program(arguments(["--results", path])).status == 0)
        let found = folder.bytes("found.jsonl")
        for (more, reason) in [
            ([], "already exists: add --resume"),
            (["--resume", "--set", "scoring.limit=4"], "a different choice of thresholds"),
            (["--resume", "--masks"], "a different choice of masks"),
            (["--resume", "--format", "coco"], "a different form of the results"),
            (["--resume", "--precision", "bfloat16"], "a different precision"),
        ] {
            let run = try Program(arguments(["--results", path] + more))
            #expect(run.status == 65 && run.errors.contains(reason), "\(run.errors)")
        }
        var other = arguments(["--results", path, "--resume"])
        other[other.firstIndex(of: "dog, cat") ?? 0] = "dog, mouse"
        let run = try Program(other)
        #expect(run.status == 65 && run.errors.contains("a different list of classes"), "\(run.errors)")
        #expect(folder.bytes("found.jsonl") == found)
        try FileManager.default.removeItem(atPath: path + ".progress")
        #expect(
            try Program(arguments(["--results", path, "--resume"])).errors.contains(
                "cannot be resumed"))
    }

    /// What is broken is said, everything else is found, and a later run needs only what was broken.
    @Test func aBrokenPictureIsLeftOut() throws {
        try pictures(3)
        let whole = folder.bytes("pictures/street101.png")
        try folder.write(whole.prefix(60), "pictures/street101.png")
        let run = try Program(arguments(["--json"]))
        #expect(run.status == 1 && run.errors.contains("street101.png"))
        #expect(run.errors.contains("1 of 3 pictures were skipped"))
        #expect(run.output.split(separator: "\n").count == 2)

        let command = arguments(["--results", folder.file("found.jsonl"), "--resume"])
        #expect(try Program(command).status == 1)
        try folder.write(whole, "pictures/street101.png")
        let repaired = try Program(command)
        #expect(repaired.status == 0 && repaired.errors.contains("2 of the 3 pictures"))
        #expect(lines("found.jsonl").count == 3)

        try folder.write(whole.prefix(60), "pictures/street101.png")
        #expect(try Program(arguments(["--json", "--fail-fast"])).status == 65)
        // Nothing but a broken picture is an error like any other.
        var single = arguments([])
        single[1] = folder.file("pictures/street101.png")
        #expect(try Program(single).status == 65)
    }

    /// Pictures that were drawn keep their names when others of the same name come later.
    @Test func drawingsOfAResumedRun() throws {
        try pictures(1)
        let command = arguments([
            "--results", folder.file("found.jsonl"), "--resume", "--output", folder.file("drawn"),
        ])
        #expect(try Program(command).status == 0)
        try folder.write(folder.bytes("pictures/street100.png"), "others/street100.png")
        var more = command
        more.insert(folder.file("others"), at: 2)
        #expect(try Program(more).status == 0)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.file("drawn")).sorted() == [
                "street100-2.png", "street100.png",
            ])
    }

    /// A COCO results file has the data set's category ids where the vocabulary has them; otherwise a note says that
    /// classes are numbered.
    @Test func categoryIDs() throws {
        try pictures(2)
        let clip = try CLIPModel.load(SmallDetector.clip)
        let built = try Vocabulary(
            encoding: [.init("dog"), .init("cat")], templates: .single, with: clip,
            tokenizer: clip.tokenizer())
        for (ids, expected, reason) in [
            ([18, 90], [18, 90], nil), ([nil, nil], [1, 2], "2 of the 2 classes have no category id"),
            ([18, nil], [1, 2], "1 of the 2 classes has no category id"),
            ([7, 7], [1, 2], "\"dog\" and \"cat\" share the category id 7"),
        ] as [([Int64?], [Int], String?)] {
            let vocabulary = try Vocabulary(
                classes: zip(built.names, ids).map { .init($0, categoryID: $1) },
                templates: built.templates, embeddings: built.embeddings, background: built.background,
                clip: built.clip)
            try vocabulary.write(to: folder.file("ids.safetensors"))
            var command = arguments(["--format", "coco"])
            let place = try #require(command.firstIndex(of: "--classes"))
            command.replaceSubrange(
                place...(place + 1), with: ["--vocabulary", folder.file("ids.safetensors")])
            let run = try Program(command)
            #expect(run.status == 0, "\(run.errors)")
            let entries = try #require(
                try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
            #expect(entries.count == 6)
            for entry in entries {
                let name = try #require(entry["category_name"] as? String)
                #expect(entry["category_id"] as? Int == expected[name == "dog" ? 0 : 1])
            }
            let notes = run.errors.components(separatedBy: "category ids in the results").count - 1
            #expect(notes == (reason == nil ? 0 : 1))
            if let reason { #expect(run.errors.contains(reason)) }
        }
    }

    /// Ids of categories go from an annotation file or a list into a vocabulary, and from the detector's own vocabulary to
    /// classes that are named.
    @Test func categoryIDsOfClasses() throws {
        try pictures(1)
        let annotations =
            #"{"images": [], "categories": [{"id": 1, "name": "dog"}, {"id": 18, "name": "dog"}, "#
            + #"{"id": 17, "name": "cat"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 18, "bbox": [0, 0, 1, 1]}]}"#
        let list = #"[{"id": 18, "name": "dog"}, {"id": 17, "name": "cat", "supercategory": "animal"}]"#
        let output = folder.file("model/../v.safetensors")
        for (text, ids) in [
            (annotations, [18, 17]), (list, [18, 17]), ("\u{FEFF}\n" + list, [18, 17]),
            ("dog\tid=18\thound\r\ncat\tid=17\r\n", [18, 17]), ("dog\ncat\n", [nil, nil]),
            ("[dog]\ncat\n", [nil, nil]),
        ] as [(String, [Int64?])] {
            let file = try folder.write(text, "classes")
            let run = try Program([
                "vocabulary", "build", "--classes-file", file, "--templates", "single", "--model",
                SmallDetector.clip, "--output", output,
            ])
            #expect(run.status == 0, "\(text): \(run.errors)")
            let classes = try Vocabulary(contentsOf: output).classes
            #expect(classes.map(\.categoryID) == ids && classes[1].name == "cat")
            #expect(classes[0].synonyms == (text.contains("hound") ? ["hound"] : []))
        }
        for text in ["dog\tid=x\n", "dog\tid=1\tid=2\n", #"[{"name": "dog"}]"#, #"{"images": 3}"#] {
            let run = try Program([
                "vocabulary", "build", "--classes-file", folder.write(text, "classes"), "--model",
                SmallDetector.clip, "--output", output,
            ])
            #expect(run.status == 65 && run.errors.contains("classes"), "\(run.errors)")
        }

        try FileManager.default.moveItem(atPath: output, toPath: folder.file("plain.safetensors"))
        let built = try Program([
            "vocabulary", "build", "--classes-file", folder.write(list, "classes"), "--templates", "single",
            "--model", SmallDetector.clip, "--output", folder.file("model/vocabulary.safetensors"),
        ])
        #expect(built.status == 0, "\(built.errors)")
        for (wanted, ids, isNoted) in [
            (["--classes", "Dog"], [18], false), (["--classes", "cat, dog"], [17, 18], false),
            (["--classes", "dog, zebra"], [1, 2], true), ([], [17, 18], false),
            (["--vocabulary", folder.file("plain.safetensors")], [1, 2], true),
        ] as [([String], [Int], Bool)] {
            let run = try Program(
                [
                    "detect", folder.file("pictures"), "--model", folder.file("model"), "--score-threshold",
                    "0",
                    "--set", "input.size=64", "--threads", "1", "--format", "coco",
                ] + wanted)
            #expect(run.status == 0, "\(run.errors)")
            let found = run.output.matches(of: /"category_id":(\d+)/).compactMap { Int($0.1) }
            #expect(Set(found).isSubset(of: ids) && !found.isEmpty, "\(wanted) \(Set(found))")
            #expect(run.errors.contains("category ids in the results") == isNoted, "\(run.errors)")
        }
    }

    /// A table is shown row by row; without CLIP's scores it has no column of them.
    @Test func tables() throws {
        try pictures(2)
        let plain = try Program(arguments([])).output.split(separator: "\n")
        #expect(plain.count == 7 && plain[0].hasSuffix("CLIP"))
        #expect(Set(plain.map(\.count)).count == 1, "columns are aligned")
        let bare = try Program(arguments(["--set", "scoring.scorer=none"])).output.split(separator: "\n")
        #expect(bare.count == 7 && bare[0].hasSuffix("detector"))
        #expect(bare[1].split(separator: " ").count == plain[1].split(separator: " ").count - 1)
        let empty = try Program(arguments(["--score-threshold", "1"])).output
        #expect(empty.contains("nothing found"))
    }

    @Test(arguments: [
        (["--resume"], "--resume requires --results"),
        (["--results", "x", "--format", "table"], "--results requires"),
        (["--json", "--format", "coco"], "are mutually exclusive"),
        (["--batch-size", "0"], "--batch-size must be"),
        (["--batch-size", "9223372036854775807"], "--batch-size must be from 1 to 65536"),
    ]) func wrongUseIsRefused(_ more: [String], _ reason: String) throws {
        let run = try Program(["detect", "a.png", "--model", "m"] + more)
        #expect(run.status == 64 && run.errors.contains(reason), "\(run.errors)")
    }

    @Test func aFolderThatIsNotThere() throws {
        try pictures(1)
        let run = try Program(arguments(["--results", folder.file("nowhere/found.jsonl")]))
        #expect(run.status == 1 && run.errors.contains("nowhere/found.jsonl"), "\(run.errors)")
    }

    @Test func idsOfPictures() {
        var ids = PictureIDs(files: ["b.png", "2.png", "x/2.png", "000139.jpg", "c.png"], taken: [3])
        #expect(
            ["b.png", "2.png", "x/2.png", "000139.jpg", "c.png"].map { ids.id(of: $0) } == [
                1, 2, 4, 139, 5,
            ])
    }
}
