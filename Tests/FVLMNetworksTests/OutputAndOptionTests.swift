import FixtureSupport
import Foundation
import Imaging
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

    @Test func aFileIsNoFolderOfDrawings() throws {
        let run = try run(
            [
                "detect", folder.file("a"), "--classes-file", folder.file("names.txt"), "--output",
                folder.file("names.txt"),
            ]
                + detect)
        #expect(run.status == 1)
        #expect(run.errors.contains("names.txt: is a file, not a folder"))
    }

    @Test func outputsOverInputs() throws {
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

    /// `--article` acts on the classes of detect; beside a vocabulary, which has its prompts, options of prompts are refused.
    @Test func articles() throws {
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
    @Test func synonymsBehindTabs() throws {
        try folder.write("pig nose\tsnout\n", "classes.txt")
        let run = try run(
            ["detect", folder.file("a"), "--json", "--classes-file", folder.file("classes.txt")] + detect)
        #expect(run.output.contains("\"label\":\"pig nose\""), "\(run.errors)")
        #expect(!run.output.contains("snout"))
    }

    @Test(arguments: ["nan", "2", "-0.1", "inf"]) func thresholdsOutOfRange(_ value: String) throws {
        let run = try run(
            ["detect", folder.file("a"), "--model", "m", "--classes", "dog", "--score-threshold=\(value)"])
        #expect(
            run.status == 64 && run.errors.contains("--score-threshold must be from 0 to 1"), "\(run.errors)")
    }
}
