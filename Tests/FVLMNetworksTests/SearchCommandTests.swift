import CLIP
import FixtureSupport
import Foundation
import Imaging
import Testing

import FVLMCommand

@testable import FVLMNetworks

/// `fvlm vocabulary examples`, `fvlm index` and `fvlm search`, as a user types them.
@Suite struct SearchCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
        for number in 0..<5 {
            var image = try Image(width: 64, height: 40 + number, filledWith: .white)
            for x in 0..<30 {
                for y in 0..<20 {
                    image[x + 4 * number, y] = Color(
                        red: UInt8(number * 50), green: UInt8(x * 8), blue: UInt8(y * 12))
                }
            }
            try image.write(to: folder.write("", "pictures/\(number).png"))
        }
    }

    private let small = ["--set", "input.size=64", "--threads", "1"]

    private var model: [String] { ["--model", folder.file("model")] + small }

    private func lines(_ output: String) throws -> [[String: Any]] {
        try output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    private func examples(_ more: [String], _ output: String = "mug.safetensors") -> [String] {
        ["vocabulary", "examples"] + model + ["--output", folder.file(output)] + more
    }

    private var picture: String { folder.file("pictures/0.png") }

    /// Shown, kept, merged, and used by detection.
    @Test func classesOfBoxes() throws {
        let made = try Program(
            examples([
                "--image", picture, "--box", "0,0,30,20", "--box", "5,2,20,10@2", "--negative",
                "40,20,20,15", "--name", "mug", "--templates", "single", "--json",
            ]))
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.errors.contains("1 class of 3 boxes in 1 pictures"))
        let classes = try #require(try lines(made.output)[0]["classes"] as? [[String: Any]])
        let shown = try #require((classes[0]["examples"] as? [String: Any])?["shown"] as? [[String: Any]])
        #expect(
            shown.map { $0["box"] as? [Double] } == [[0, 0, 30, 20], [5, 2, 20, 10], [40, 20, 20, 15]])
        #expect(shown.map { $0["weight"] as? Double } == [1, 2, 1])
        #expect(shown.map { $0["isNegative"] as? Bool } == [false, false, true])
        let text = try Program(["vocabulary", "show", folder.file("mug.safetensors")])
        #expect(text.output.contains("2 boxes in 1 picture, 1 negatives x 0.5"))

        let words = try Program(
            [
                "vocabulary", "build", "--model", SmallDetector.clip, "--classes", "cat, mug", "--templates",
                "single", "--threads", "1", "--output", folder.file("words.safetensors"),
            ])
        #expect(words.status == 0, "\(words.errors)")
        let mixed = try Program(
            examples(
                [
                    "--image", picture, "--box", "0,0,30,20", "--name", "mug", "--mix", "0.5", "--vocabulary",
                    folder.file("words.safetensors"), "--keep", "--ordinary", folder.file("pictures"),
                ], "both.safetensors"))
        #expect(mixed.status == 0, "\(mixed.errors)")
        #expect(mixed.errors.contains("1 pictures beside 5 ordinary ones, 1 of words"), "\(mixed.errors)")
        let described = try Program(["vocabulary", "show", folder.file("both.safetensors")])
        #expect(described.output.contains("1 boxes in 1 picture, beside 5 ordinary pictures, words x 0.5"))
        let all = try Vocabulary(contentsOf: folder.file("both.safetensors"))
        #expect(all.names == ["cat", "mug"] && all.classes[1].examples?.mix == 0.5)
        #expect(all.classes[0].examples == nil && all.detectorEmbeddings != nil)

        let found = try Program(
            ["detect", picture, "--vocabulary", folder.file("both.safetensors"), "--score-threshold", "0"]
                + ["--json"] + model)
        #expect(found.status == 0, "\(found.errors)")
        let labels = try #require(try lines(found.output)[0]["detections"] as? [[String: Any]])
        #expect(Set(labels.compactMap { $0["label"] as? String }) == ["cat", "mug"])
    }

    @Test func boxesOfAnnotations() throws {
        try folder.write(
            """
            {"images": [{"id": 1, "file_name": "0.png", "width": 64, "height": 40},
                        {"id": 2, "file_name": "1.png", "width": 64, "height": 41}],
             "categories": [{"id": 7, "name": "mug"}, {"id": 9, "name": "cup"}],
             "annotations": [
               {"id": 1, "image_id": 1, "category_id": 7, "bbox": [0, 0, 30, 20], "area": 600, "iscrowd": 0},
               {"id": 2, "image_id": 2, "category_id": 9, "bbox": [4, 0, 30, 20], "area": 600, "iscrowd": 0}]}
            """, "few.json")
        let made = try Program(
            examples([
                "--annotations", folder.file("few.json"), "--images", folder.file("pictures"), "--contrast",
                "mug=cup", "--templates", "single",
            ]))
        #expect(made.status == 0, "\(made.errors)")
        let vocabulary = try Vocabulary(contentsOf: folder.file("mug.safetensors"))
        #expect(vocabulary.names == ["mug", "cup"])
        #expect(vocabulary.classes[0].examples?.shown.map(\.isNegative) == [false, true])
        #expect(vocabulary.classes[1].examples?.shown.map(\.isNegative) == [false])
        let wrong = try Program(
            examples([
                "--annotations", folder.file("few.json"), "--images", folder.file("pictures"), "--contrast",
                "mug=kettle",
            ]))
        #expect(wrong.status == 65 || wrong.status == 1)
        #expect(wrong.errors.contains("'kettle'"))
    }

    @Test(arguments: [
        (["--image", "a.png", "--box", "1,2,3"], "--box"), (["--image", "a.png", "--name", "x"], "--box"),
        (["--image", "a.png", "--box", "1,2,0,4", "--name", "x"], "--box"),
        (["--image", "a.png", "--box", "1,2,3,4", "--name", "x", "--mix", "2"], "from 0 to 1"),
        (["--image", "a.png", "--box", "1,2,3,4", "--name", "x", "--images", "b"], "--annotations"),
        (
            [
                "--image", "a.png", "--image", "b.png", "--box", "1,2,3,4", "--box", "1,2,3,4", "--box",
                "1,2,3,4", "--name", "x",
            ], "3 boxes for 2 pictures"
        ),
    ])
    func mistypedExamples(_ arguments: [String], _ part: String) throws {
        let run = try Program(examples(arguments))
        #expect(run.status == 64 && run.errors.contains(part), "\(run.errors)")
        #expect(!folder.names.contains("mug.safetensors"))
    }

    /// Adds only what is new, and finds what detection finds.
    @Test func anIndexIsSearched() throws {
        let index = folder.file("index")
        let add = ["index", folder.file("pictures"), "--output", index, "--regions", "0", "--json"] + model
        let first = try Program(
            ["index", picture, folder.file("pictures/1.png"), "--output", index, "--regions", "0"] + model)
        #expect(first.status == 0 && first.output.contains("2 pictures, 2 of them new"), "\(first.errors)")
        let second = try Program(add)
        #expect(second.errors.contains("already contains 2 of the 5 pictures"))
        let summary = try lines(second.output)[0]
        #expect(summary["pictures"] as? Int == 5 && summary["added"] as? Int == 3)

        let search =
            [
                "search", index, "--words", "cat, dog", "--templates", "single", "--json", "--top", "1000",
            ] + small
        let found = try Program(search + ["--masks", "--sheet", folder.file("found.html")])
        #expect(found.status == 0, "\(found.errors)")
        #expect(found.errors.contains("of 5 pictures searched in"))
        let hits = try lines(found.output)
        let fresh = try Program(
            [
                "detect", folder.file("pictures"), "--classes", "cat, dog", "--templates", "single", "--json",
                "--score-threshold", "0", "--set", "scoring.limit=10000",
            ] + model)
        let scores = try lines(fresh.output).flatMap {
            try #require($0["detections"] as? [[String: Any]]).compactMap { $0["score"] as? Double }
        }.sorted(by: >)
        #expect(hits.count == scores.count && hits.count > 10)
        for (hit, score) in zip(hits, scores) {
            #expect(abs(try #require(hit["score"] as? Double) - score) < 1e-3)
            #expect((hit["segmentation"] as? [String: Any])?["counts"] is String)
        }
        let page = String(decoding: folder.bytes("found.html"), as: UTF8.self)
        #expect(page.contains("<h2>cat (") && page.components(separatedBy: "<img").count == hits.count + 1)

        // Another detector's index.
        try SmallDetector.write(to: folder.file("other"), seed: 2)
        let other = try Program(search + ["--model", folder.file("other")])
        #expect(other.status != 0 && other.errors.contains("another detector"))
        let added = try Program(
            ["index", folder.file("pictures"), "--output", index, "--regions", "0"] + small
                + ["--model", folder.file("other")])
        #expect(added.status != 0 && added.errors.contains("another detector"))
        let nothing = try Program(["search", folder.file("pictures"), "--words", "cat"])
        #expect(nothing.status != 0 && nothing.errors.contains("no index.json"))
    }

    /// Killed between two files of the index, the run goes on where it was.
    @Test func aKilledIndexGoesOn() throws {
        let add =
            ["index", folder.file("pictures"), "--output", folder.file("index"), "--pictures-per-file", "1"]
            + model
        let process = try Program.started(add)
        while process.isRunning,
            !FileManager.default.fileExists(atPath: folder.file("index/shard-000001.safetensors"))
        { usleep(500) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let run = try Program(add)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("5 pictures"))
        if process.terminationReason == .uncaughtSignal { #expect(run.errors.contains("already contains")) }
        let again = try Program(add)
        #expect(again.output.contains("5 pictures, 0 of them new"))
    }
}
