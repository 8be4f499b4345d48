import CLIP
import COCO
import FixtureSupport
import Foundation
import Imaging
import Testing

/// Lists and files come through a pipe, as of a shell's process substitution, to every command that takes them.
@Suite struct PipedInputTests {
    private let folder: TemporaryFolder
    private let clip = ["--model", SmallDetector.clip]
    private let detector: [String]

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
        try Image(width: 48, height: 32, filledWith: .white).write(to: folder.write("", "photos/a.png"))
        detector = [
            "--model", folder.file("model"), "--set", "input.size=64", "--set", "scoring.limit=3",
            "--score-threshold", "0",
        ]
    }

    /// The command gives the same with its file and with a pipe of the same contents.
    private func compare(_ text: String, _ command: [String], output: String? = nil) throws {
        let file = try folder.write(text, "list")
        func run(_ path: String, _ input: String?) throws -> (Program, [UInt8]) {
            let arguments = command.map { $0 == "FILE" ? path : $0 }
            if let output { try? FileManager.default.removeItem(atPath: folder.file(output)) }
            let run = try Program(arguments, input: input)
            return (run, output.map { folder.bytes($0) } ?? [])
        }
        let (named, written) = try run(file, nil)
        #expect(named.status == 0, "\(command): \(named.errors)")
        #expect(output == nil || !written.isEmpty)
        let (piped, again) = try run("/dev/stdin", text)
        #expect(piped.status == 0, "\(command): \(piped.errors)")
        #expect(piped.output == named.output && again == written, "\(command)")
    }

    @Test("A21: classes") func classes() throws {
        let names = "dog\ncat\tkitten\n"
        try compare(
            names, ["detect", folder.file("photos"), "--classes-file", "FILE", "--json"] + detector)
        try compare(
            names, ["embed", "image", folder.file("photos"), "--classes-file", "FILE", "--json"] + clip)
        try compare(
            names,
            [
                "vocabulary", "build", "--classes-file", "FILE", "--templates", "single", "--output",
                folder.file("v.safetensors"),
            ] + clip, output: "v.safetensors")
        try compare(
            "dog\n",
            [
                "vocabulary", "build", "--classes", "dog, cat", "--novel-file", "FILE", "--templates",
                "single",
                "--output", folder.file("v.safetensors"),
            ] + clip, output: "v.safetensors")
    }

    @Test func templates() throws {
        let templates = "a photo of a {}.\na drawing of a {}.\n"
        try compare(
            templates,
            ["detect", folder.file("photos"), "--classes", "dog", "--templates", "FILE", "--json"] + detector)
        try compare(
            templates,
            [
                "embed", "image", folder.file("photos"), "--classes", "dog, cat", "--templates", "FILE",
                "--json",
            ]
                + clip)
        try compare(
            templates,
            [
                "vocabulary", "build", "--classes", "dog", "--templates", "FILE", "--output",
                folder.file("v.safetensors"),
            ] + clip, output: "v.safetensors")
    }

    @Test func texts() throws {
        try compare("a\nb\n", ["embed", "text", "--file", "FILE", "--json"] + clip)
    }

    @Test func annotationsOfAnEvaluation() throws {
        var data = Dataset()
        data.categories = [COCO.Category(id: 1, name: "dog")]
        data.images.append(ImageRecord(id: 1, width: 48, height: 32, fileName: "a.png"))
        data.annotations.append(
            AnnotationRecord(
                id: 1, imageID: 1, categoryID: 1, box: .init(x: 4, y: 4, width: 20, height: 20), area: 400,
                segmentation: .polygons([[4, 4, 24, 4, 24, 24, 4, 24]])))
        let text = String(decoding: try data.json(), as: UTF8.self)
        let command = ["evaluate", "--images", folder.file("photos"), "--json"] + detector
        try compare(text, command + ["--annotations", "FILE", "--templates", "single"])
        let file = try folder.write(text, "truth.json")
        try compare("a photo of a {}.\n", command + ["--annotations", file, "--templates", "FILE"])
    }

    /// A configuration may come through a pipe too, and so may its annotations and templates.
    @Test func trainings() throws {
        let training = try SmallTraining(in: folder, steps: 1)
        var text = String(decoding: folder.bytes("train.yaml"), as: UTF8.self)
        text = text.replacing("train.json", with: folder.file("train.json"))
            .replacing("images: train,", with: "images: \(folder.file("train")),")
        let annotations = String(decoding: folder.bytes("train.json"), as: UTF8.self)
        for (name, input, arguments) in [
            ("configuration", text, ["/dev/stdin"]),
            ("annotations", annotations, [training.configuration, "--set", "data.annotations=/dev/stdin"]),
            ("templates", "a {}.\n", [training.configuration, "--set", "texts.templates=/dev/stdin"]),
        ] {
            let run = try Program(
                ["train"] + arguments + ["--output", folder.file(name), "--threads", "1"], input: input)
            #expect(run.status == 0, "\(name): \(run.errors)")
            #expect(!folder.bytes("\(name)/model/detector.safetensors").isEmpty)
        }
        let caching = try Program(
            ["cache", "/dev/stdin", "--views", "1", "--output", folder.file("features"), "--threads", "1"],
            input: text)
        #expect(caching.status == 0, "\(caching.errors)")
    }
}
