import FixtureSupport
import Foundation
import Testing

/// Paths of a training, in its file and on the command line, and values that are none.
@Suite struct TrainingPathTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        _ = try SmallTraining(in: folder, steps: 1)
        for name in ["train.yaml", "train.json", "train"] {
            try folder.write("", "settings/x")
            try FileManager.default.moveItem(
                atPath: folder.file(name), toPath: folder.file("settings/\(name)"))
        }
        try folder.write("", "here/x")
    }

    private func train(_ configuration: String, _ settings: String...) throws -> Program {
        try Program(
            ["train", configuration, "--output", "../run", "--threads", "1"]
                + settings.flatMap { ["--set", $0] }, in: folder.file("here"))
    }

    /// A CLIP that is named as seen from the shell's folder is found by the detector from any folder.
    @Test("B27: a CLIP of the shells folder") func aCLIPOfTheShellsFolder() throws {
        try FileManager.default.copyItem(
            atPath: URL(filePath: SmallDetector.clip).deletingLastPathComponent().path,
            toPath: folder.file("here/clip"))
        let run = try train("../settings/train.yaml", "detector.clip=clip/model.pt")
        #expect(run.status == 0, "\(run.errors)")
        let yaml = String(decoding: folder.bytes("run/model/detector.yaml"), as: UTF8.self)
        #expect(yaml.contains("clip: ../../here/clip/model.pt"), "\(yaml)")
        let detect = try Program(
            [
                "detect", "settings/train/0.png", "--model", "run/model", "--set", "input.size=64", "--json",
                "--threads", "1",
            ], in: folder.path)
        #expect(detect.status == 0, "\(detect.errors)")
    }

    /// Relative paths of the file, those of templates too, start from its folder.
    @Test("B28: templates beside the configuration") func templatesBesideTheConfiguration() throws {
        let text = String(decoding: folder.bytes("settings/train.yaml"), as: UTF8.self)
        try folder.write(text.replacing("templates: single", with: "templates: t.txt"), "settings/t.yaml")
        try folder.write("a picture of {}.\n", "settings/t.txt")
        try folder.write("not {} this one.\n", "here/t.txt")
        let run = try train("../settings/t.yaml")
        #expect(run.status == 0, "\(run.errors)")
        let shown = try Program(
            ["vocabulary", "show", folder.file("run/model/vocabulary.safetensors")])
        #expect(shown.output.contains("templates   1, first \"a picture of {}.\""), "\(shown.output)")
    }

    /// What is typed is about the shell's folder, although a file of that name lies beside the configuration too.
    @Test("B29: annotations of the shells folder") func annotationsOfTheShellsFolder() throws {
        let text = String(decoding: folder.bytes("settings/train.json"), as: UTF8.self)
        try folder.write(text.replacing("\"bus\"", with: "\"smiley\""), "here/train.json")
        let run = try train(
            "../settings/train.yaml", "data.annotations=train.json", "data.images=../settings/train")
        #expect(run.status == 0, "\(run.errors)")
        let shown = try Program(
            ["vocabulary", "show", folder.file("run/model/vocabulary.safetensors")])
        #expect(shown.output.contains("smiley") && !shown.output.contains("bus"), "\(shown.output)")
    }

    /// The values that a setting may have are listed.
    @Test("B33: values that are none") func valuesThatAreNone() throws {
        for (setting, line) in [
            ("optimizer.kind=adam", "sgd, adamw"), ("data.variation=crop", "none, flip, resize, jitter"),
            ("data.faults=skip", "exclude, refuse"), ("optimizer.schedule=linear", "constant, cosine, steps"),
        ] {
            let run = try train("../settings/train.yaml", setting)
            let key = String(setting.prefix { $0 != "=" })
            #expect(run.status == 65 && run.errors.contains(key), "\(run.errors)")
            for value in line.components(separatedBy: ", ") {
                #expect(run.errors.contains(value), "\(run.errors)")
            }
            #expect(!run.errors.contains("Cannot initialize"))
        }
        #expect(!folder.names.contains("run"))
    }
}
