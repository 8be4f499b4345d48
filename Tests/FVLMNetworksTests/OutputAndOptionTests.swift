import COCO
import FixtureSupport
import Foundation
import Imaging
import Support
import Testing

@testable import FVLMNetworks

/// What a command may write, and options that would have no effect.
@Suite struct OutputAndOptionTests {
    private let folder: TemporaryFolder
    private let detect: [String]

    init() throws {
        folder = try TemporaryFolder()
        try SmallDetector.write(to: folder.file("model"))
        for name in ["a/x.png", "b/x.png"] {
            try Image(width: 48, height: 32, filledWith: .white).write(to: folder.write("", name))
        }
        try folder.write("dog\n", "names.txt")
        detect = [
            "--model", folder.file("model"), "--templates", "single", "--score-threshold", "0", "--threads",
            "1",
            "--set", "input.size=64", "--set", "scoring.limit=3",
        ]
    }

    private func run(_ arguments: [String]) throws -> Program { try Program(arguments) }

    @Test("A22: a file is no folder of drawings") func aFileIsNoFolderOfDrawings() throws {
        let run = try run(
            [
                "detect", folder.file("a"), "--classes-file", folder.file("names.txt"), "--output",
                folder.file("names.txt"),
            ]
                + detect)
        #expect(run.status == 1)
        #expect(run.errors.contains("names.txt: is a file, not a folder"))
    }

    @Test("A01: outputs over inputs") func outputsOverInputs() throws {
        let (names, clip) = (folder.file("names.txt"), SmallDetector.clip)
        for arguments in [
            [
                "embed", "image", folder.file("a/x.png"), "--model", clip, "--output",
                folder.file("a/../a/x.png"),
            ],
            ["embed", "text", "--file", names, "--model", clip, "--output", names],
            ["vocabulary", "build", "--classes-file", names, "--model", clip, "--output", names],
            ["vocabulary", "merge", names, "--output", names],
            [
                "evaluate", "--annotations", names, "--images", folder.file("a"), "--model",
                folder.file("model"),
                "--results", names,
            ],
            ["detect", folder.file("a"), "--classes-file", names, "--results", names] + detect,
        ] {
            let run = try run(arguments)
            #expect(
                run.status == 64 && run.errors.contains("choose another output"), "\(arguments) \(run.errors)"
            )
        }
        #expect(folder.bytes("names.txt") == Array("dog\n".utf8))
    }

    /// Into the folder of a model that is read nothing is written, by any path, and none of a model's files is replaced.
    @Test func outputsInModels() throws {
        let files = FileManager.default
        try files.copyItem(
            atPath: URL(filePath: SmallDetector.clip).deletingLastPathComponent().path,
            toPath: folder.file("clip"))
        try files.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "clip")
        try files.createSymbolicLink(
            atPath: folder.file("weights.safetensors"), withDestinationPath: "clip/model.safetensors")
        let (names, photos, clip) = (folder.file("names.txt"), folder.file("a"), folder.file("clip"))
        let (model, weights) = (folder.file("model"), "detector.safetensors")
        let before = try files.subpathsOfDirectory(atPath: folder.path).sorted()
        var commands: [[String]] = []
        for output in ["clip/new.safetensors", "link/merges.txt", "weights.safetensors", "clip/a/b", "clip"] {
            let out = ["--model", clip, "--output", folder.file(output)]
            commands += [
                ["embed", "text", "dog"] + out, ["embed", "image", photos] + out,
                ["vocabulary", "build", "--classes", "dog"] + out,
                ["vocabulary", "import", "rows.npy", "--classes", "dog"] + out,
            ]
        }
        for output in ["model/\(weights)", "model/r.json", "model"] {
            commands += [
                ["detect", photos, "--classes-file", names, "--results", folder.file(output)] + detect,
                [
                    "evaluate", "--annotations", names, "--images", photos, "--model", model, "--results",
                    folder.file(output),
                ],
                ["convert", "detectron2", "--model", model, "--output", folder.file(output) + ".pth"],
            ]
        }
        commands.removeLast()
        for output in ["model", "model/drawn", "./model/../model"] {
            commands.append(["detect", photos, "--classes", "dog", "--output", folder.file(output)] + detect)
        }
        // The weights alone are named: what lies beside them belongs to them.
        commands += ["merges.txt", "model.safetensors"].map {
            [
                "embed", "text", "dog", "--model", folder.file("clip/model.safetensors"), "--output",
                folder.file("clip/\($0)"),
            ]
        }
        for command in commands {
            let run = try run(command)
            #expect(
                run.status == 64 && run.errors.contains("choose another output"), "\(command) \(run.errors)")
        }
        #expect(try files.subpathsOfDirectory(atPath: folder.path).sorted() == before)
        // Beside the weights there is room for what a model does not have.
        let beside = try run([
            "embed", "text", "dog", "--model", folder.file("clip/model.pt"), "--output",
            folder.file("clip/new.safetensors"),
        ])
        #expect(beside.status == 0, "\(beside.errors)")
    }

    /// A training and a cache write over nothing that they read, nor over a file that no training has made.
    @Test func foldersOfTrainings() throws {
        let training = try SmallTraining(in: folder, steps: 1)
        for name in ["own/config.yaml", "other/model/detector.yaml"] { try folder.write("a: b\n", name) }
        let text = String(decoding: folder.bytes("train.yaml"), as: UTF8.self)
            .replacing(
                "annotations: train.json, images: train",
                with:
                    "annotations: \(folder.file("train.json")), images: \(folder.file("train"))")
        try folder.write(text, "mine/config.yaml")
        let weights = folder.file("model/detector.safetensors")
        for (command, status, reason) in [
            (
                ["train", training.configuration, "--output", folder.file("train")], 64,
                "choose another output"
            ),
            (
                ["cache", training.configuration, "--views", "1", "--output", folder.file("./train")], 64,
                "choose another"
            ),
            (
                ["train", folder.file("mine/config.yaml"), "--output", folder.file("mine")], 64,
                "choose another output"
            ),
            (
                [
                    "train", training.configuration, "--output", folder.path, "--set",
                    "run.initialWeights=\(weights)",
                ],
                64, "choose another output"
            ),
            (
                ["train", training.configuration, "--output", folder.file("own")], 65,
                "belongs to no training"
            ),
            (
                ["train", training.configuration, "--output", folder.file("other")], 65,
                "holds a detector already"
            ),
            (
                [
                    "convert", "official", "none.ckpt", "--clip", SmallDetector.clip, "--output",
                    folder.file("model"),
                ],
                1, "holds a detector already"
            ),
        ] {
            let run = try run(command)
            #expect(run.status == Int32(status) && run.errors.contains(reason), "\(command) \(run.errors)")
        }
        #expect(folder.bytes("own/config.yaml") == Array("a: b\n".utf8))
        #expect(folder.bytes("mine/config.yaml") == Array(text.utf8))
        #expect(folder.namesOf("train").count == 6 && folder.namesOf("other") == ["model"])
    }

    /// Results of an evaluation replace no picture.
    @Test("A01: results over a picture") func resultsOverAPicture() throws {
        var data = Dataset()
        data.categories = [COCO.Category(id: 1, name: "dog")]
        data.images.append(ImageRecord(id: 1, width: 48, height: 32, fileName: "x.png"))
        try data.write(to: folder.file("a.json"))
        let before = folder.bytes("a/x.png")
        let run = try run([
            "evaluate", "--annotations", folder.file("a.json"), "--images", folder.file("a"), "--model",
            folder.file("model"), "--results", folder.file("b/../a/x.png"),
        ])
        #expect(run.status == 64 && run.errors.contains("choose another output"), "\(run.errors)")
        #expect(folder.bytes("a/x.png") == before)
    }

    /// Two runs do not write into one folder, or one file of results: the second is refused by name.
    @Test func oneRunAtATime() throws {
        let (drawn, results) = (try folder.write("", "drawn/x"), folder.file("r.jsonl"))
        let lock = try FolderLock(folder: folder.file("drawn"))
        defer { withExtendedLifetime(lock) {} }
        let command = ["detect", folder.file("a"), "--classes", "dog"] + detect
        let drawing = try run(command + ["--output", folder.file("drawn")])
        #expect(drawing.status == 1, "\(drawing.errors)")
        #expect(drawing.errors.contains("drawn: is in use by another run (process \(getpid()))"))
        #expect(drawing.output.isEmpty && folder.namesOf("drawn") == [".running", Path.name(drawn)])
        let official = try run([
            "convert", "official", "none.ckpt", "--clip", SmallDetector.clip, "--output",
            folder.file("drawn"),
        ])
        #expect(official.status == 1 && official.errors.contains("is in use by another run"))

        let record = open(try folder.write("", "r.jsonl.progress"), O_RDWR)
        defer { close(record) }
        #expect(flock(record, LOCK_EX | LOCK_NB) == 0)
        try folder.write("", "r.jsonl")
        let second = try run(command + ["--results", results, "--resume"])
        #expect(second.status != 0 && second.errors.contains("r.jsonl: is being written by another process"))
    }

    /// A run that is refused leaves no folder behind, one that has drawn leaves no lock.
    @Test func whatALockLeavesBehind() throws {
        let refused = try run([
            "detect", folder.file("a"), "--classes", "dog", "--model", folder.file("none"), "--output",
            folder.file("drawn"),
        ])
        #expect(refused.status != 0 && !folder.names.contains("drawn"))
        let drawing = try run(
            ["detect", folder.file("a"), "--classes", "dog", "--output", folder.file("drawn")] + detect)
        #expect(drawing.status == 0 && folder.namesOf("drawn") == ["x.png"], "\(drawing.errors)")
    }

    /// `--article` acts on the classes of detect; beside a vocabulary, which has its prompts, options of prompts are refused.
    @Test("B19: articles") func articles() throws {
        let common = ["detect", folder.file("a"), "--json", "--classes", "apple, orange"] + detect
        let plain = try run(common + ["--article", "as-written"])
        let english = try run(common + ["--article", "english"])
        #expect(plain.status == 0 && english.status == 0 && plain.output != english.output)
        #expect(try run(common).output == plain.output)
        for option in [["--article", "english"], ["--templates", "single"]] {
            let run = try run(
                ["detect", folder.file("a"), "--model", folder.file("model"), "--vocabulary", "v"] + option)
            #expect(run.status == 64 && run.errors.contains("\(option[0]) applies to names"), "\(run.errors)")
        }
    }

    /// Names of a list are read alike by detect and by vocabulary build: synonyms stand behind tabs.
    @Test("B20: synonyms behind tabs") func synonymsBehindTabs() throws {
        try folder.write("pig nose\tsnout\n", "classes.txt")
        let run = try run(
            ["detect", folder.file("a"), "--json", "--classes-file", folder.file("classes.txt")] + detect)
        #expect(run.output.contains("\"label\":\"pig nose\""), "\(run.errors)")
        #expect(!run.output.contains("snout"))
    }

    @Test("B42: thresholds out of range", arguments: ["nan", "2", "-0.1", "inf"]) func thresholdsOutOfRange(
        _ value: String
    ) throws {
        let run = try run(
            ["detect", folder.file("a"), "--model", "m", "--classes", "dog", "--score-threshold=\(value)"])
        #expect(
            run.status == 64 && run.errors.contains("--score-threshold must be from 0 to 1"), "\(run.errors)")
    }
}
