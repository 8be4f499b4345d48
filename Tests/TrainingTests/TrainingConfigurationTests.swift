import FVLM
import FixtureSupport
import Foundation
import Testing
import TrainingFixtures

@testable import Training

/// What a file of settings says is what is done.
@Suite struct TrainingConfigurationTests {
    private let run: SmallRun
    private var folder: TemporaryFolder { run.folder }

    init() throws { run = try SmallRun() }

    @Test(
        "B32: values out of range name their key",
        arguments: [
            "optimizer.minimumRatio=-3", "optimizer.warmupFactor=-2", "optimizer.decayFactor=-1",
            "optimizer.momentum=7", "optimizer.momentum=1", "optimizer.weightDecay=-0.1",
            "optimizer.learningRate=-1", "optimizer.learningRate=.nan", "optimizer.learningRate=.inf",
            "optimizer.clipNorm=-1", "optimizer.clipNorm=.nan", "optimizer.warmupSteps=-1",
            "optimizer.milestones=[0.9, 0.5]", "optimizer.milestones=[1.5]", "optimizer.averageDecay=1",
            "optimizer.decayFactor=0", "data.batchSize=0", "data.workers=-1", "data.jitter=[2, 1]",
            "data.jitter=[0.1, .inf]", "data.faultLimit=2", "data.faultLimit=.nan", "data.views=-1",
            "data.colors.hue=0.6", "run.steps=0", "run.accumulation=0", "run.reportInterval=0",
            "run.evaluationInterval=-1", "run.checkpointInterval=-1", "run.checkpointMinutes=-1",
            "run.checkpointMinutes=.nan", "run.keepsLast=0", "run.precision=half",
            "detector.scoring.baseWeight=2", "detector.learning.backgroundWeight=-1",
        ])
    func valuesOutOfRangeNameTheirKey(_ setting: String) throws {
        let key = String(setting.prefix { $0 != "=" })
        #expect(message { _ = try run.configuration("hf-vit", [setting]) }.contains(key))
    }

    /// In a file paths start from its folder, what is typed starts from where it is typed.
    @Test func pathsStartWhereTheyAreWritten() throws {
        for place in ["settings/a.json", "settings/pictures/0.png", "settings/t.txt"] {
            try folder.write("{}", place)
        }
        let file = try folder.write(
            "data: {annotations: a.json, images: pictures}\ntexts: {templates: t.txt}\n", "settings/a.yaml")
        let configuration = try TrainingConfiguration(contentsOf: file)
        #expect(configuration.data.annotations == folder.file("settings/a.json"))
        #expect(configuration.data.images == folder.file("settings/pictures"))
        #expect(configuration.texts.templates == folder.file("settings/t.txt"))
        // The tests' own folder has a manifest, and the file's folder has one, too.
        try folder.write("", "settings/Package.swift")
        let here = FileManager.default.currentDirectoryPath
        guard FileManager.default.fileExists(atPath: here + "/Package.swift") else { return }
        let typed = try TrainingConfiguration(
            contentsOf: file, settings: ["data.annotations=Package.swift"])
        #expect(typed.data.annotations == here + "/Package.swift")
    }

    @Test("B30: a preset without effect is noted") func aPresetWithoutEffectIsNoted() throws {
        func note(_ text: String, _ settings: [String] = []) throws -> String? {
            try TrainingConfiguration(
                yaml: text + "data: {annotations: a, images: b}\n", settings: settings
            ).presetNote()
        }
        let all = try TrainingConfiguration().yaml()
            .replacing("preset: published", with: "preset: published-small")
        let text = try TrainingConfiguration(
            yaml: all, settings: ["data.annotations=a", "data.images=b"]
        ).presetNote()
        #expect(text?.hasPrefix("preset published-small has no effect") == true, "\(text ?? "")")
        #expect(text?.contains("detector.input.size 1024 for 320") == true, "\(text ?? "")")
        #expect(try note("preset: published-small\n") == nil)
        #expect(try note("preset: published-small\ndetector: {input: {size: 64}}\n") == nil)
        #expect(try note("preset: published\n") == nil)
        let printed = try TrainingConfiguration(defaultsWith: ["preset=published-small"])
        #expect(printed.detector.input.size == 320)
    }

    @Test("B34: a CLIP that is not there is named by its key") func aCLIPThatIsNotThereIsNamedByItsKey()
        throws
    {
        let text = message {
            _ = try TrainingRun(
                run.configuration("hf-vit", ["detector.clip=gone/clip"]), folder: folder.file("run"))
        }
        #expect(text.hasPrefix("detector.clip: there is no CLIP 'gone/clip'"), "\(text)")
        #expect(!text.contains("--download"))
    }

    /// The model works from any folder.
    @Test func theModelNamesItsCLIPByAPathThatHolds() throws {
        let training = try TrainingRun(
            run.configuration("hf-vit", ["run.steps=1"]), folder: folder.file("run"))
        try training.start(resumes: false) { _ in }
        let yaml = String(decoding: folder.bytes("run/config.yaml"), as: UTF8.self)
        #expect(yaml.contains("clip: /") || yaml.contains("clip: '/"))
        #expect(try Detector.load(folder.file("run/model")).configuration.clip.hasPrefix("/"))
    }
}
