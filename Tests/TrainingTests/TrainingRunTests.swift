import Evaluation
import FVLM
import FixtureSupport
import Foundation
import RegionDetection
import Support
import Testing
import Torch
import TorchFixtures
import TrainingFixtures
import WeightFiles

@testable import Training

/// What a configuration says is done, and what a run leaves behind.
@Suite struct TrainingRunTests {
    private let run: SmallRun
    private var folder: TemporaryFolder { run.folder }

    init() throws { run = try SmallRun() }

    @Test func variationsAreSettings() throws {
        func augmentation(_ settings: String...) throws -> Augmentation {
            try TrainingRun.augmentation(run.configuration("openai-rn", settings))
        }
        #expect(try augmentation("data.variation=none") == Augmentation(resizing: .square(side: 96)))
        #expect(
            try augmentation("data.variation=flip", "detector.input.fitting=shortestSide")
                == Augmentation(
                    resizing: .shortestSide(choices: [96], longestSide: 1333), flipProbability: 0.5))
        #expect(
            try augmentation()
                == Augmentation(
                    resizing: .largeScaleJitter(side: 96, minimumScale: 0.5, maximumScale: 1.5),
                    flipProbability: 0.5))
        #expect(
            try augmentation("data.variation=resize", "data.sizes=[64, 96]", "data.colors.hue=0.1")
                == Augmentation(
                    resizing: .longestSide(choices: [64, 96]), flipProbability: 0.5,
                    colorJitter: ColorJitter(hue: 0.1)))
        for (setting, reason) in [
            ("data.variation=resize", "data.sizes: is missing"), ("data.sizes=[0]", "data.sizes: must be"),
            ("data.colors.brightness=2", "data.colors: brightness"),
            ("data.colors.hue=0.6", "data.colors.hue"),
        ] { #expect(message { _ = try augmentation(setting) }.contains(reason)) }
    }

    /// A training that would end at a missing picture hours later does not begin.
    @Test func missingPicturesAreFoundAtTheStart() throws {
        let data = folder.file("train.json")
        let path = folder.file("run")
        func refusal(_ settings: String...) -> String {
            message {
                try TrainingRun(run.configuration("openai-rn", settings), folder: path).start(resumes: false)
                {
                    _ in
                }
            }
        }
        let other = folder.file("other")
        #expect(
            refusal("data.images=\(other)").contains("\(other): the folder of the pictures cannot be opened"))
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: false)
        #expect(refusal("data.images=\(other)").contains("\(other)/0.png: is not there, nor are 5 other"))
        #expect(
            refusal("data.validationAnnotations=\(data)", "data.validationImages=\(other)")
                .contains("\(other)/0.png: is not there"))
        try FileManager.default.removeItem(atPath: folder.file("4.png"))
        #expect(refusal().contains("4.png: is not there, and the annotations name it"))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    /// Colors that are varied change pixels and losses, not where objects are.
    @Test func colorsReachTheNetwork() throws {
        func example(_ settings: String...) throws -> TrainingExample {
            let training = try TrainingRun(
                run.configuration("openai-rn", settings), folder: folder.file("none"))
            var random = RandomStream(3)
            return try training.dataset.example(at: 5, view: 0, random: &random)
        }
        let (plain, colored) = (
            try example(),
            try example("data.colors={brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1}")
        )
        #expect(plain.pixels.shape == colored.pixels.shape)
        #expect(try (plain.pixels - colored.pixels).abs().max().item() > 0.05)
        #expect(try plain.boxes.tensor.isEqual(to: colored.boxes.tensor))
    }

    /// Figures, curves, pictures and classes of a real detector reach every log.
    @Test func everythingOfARunIsShown() throws {
        let data = folder.file("train.json")
        var reports: [EvaluationReport] = []
        let training = try TrainingRun(
            run.configuration(
                "openai-rn",
                [
                    "data.validationAnnotations=\(data)", "data.validationImages=\(folder.path)",
                    "run.steps=6", "run.evaluationInterval=2", "run.checkpointInterval=1", "run.keepsLast=2",
                    "optimizer.averageDecay=0.9", "detector.scoring.scoreThreshold=0",
                ]), folder: folder.file("run"))
        try training.start(resumes: false) { event in
            if case .evaluated(_, let report) = event { reports.append(report) }
        }
        #expect(reports.count == 3)
        let report = try #require(reports.last)
        #expect(report.curves.map(\.name) == ["bbox/IoU50", "segm/IoU50"])
        for curve in report.curves {
            #expect(curve.objectCount == 6)
            let found = (curve.truePositives.first ?? 0) + (curve.falsePositives.first ?? 0)
            #expect(found > 6 && curve.recall.allSatisfy { (0...1).contains($0) })
        }
        #expect(report.classes.map(\.name) == ["dog", "bus"] && report.pictures.count == 6)
        #expect(report.metrics.map(\.name).prefix(3) == ["bbox/AP", "bbox/AP50", "bbox/AP75"])

        let page = String(decoding: folder.bytes("run/report.html"), as: UTF8.self)
        for part in [
            "Losses", "Precision over recall", "<td>dog</td>", "data:image/png;base64,", "Figures by step",
        ] { #expect(page.contains(part), "\(part)") }
        let events = try FileManager.default.contentsOfDirectory(atPath: folder.file("run/tensorboard"))
        let bytes = folder.bytes("run/tensorboard/\(try #require(events.first))")
        for tag in ["precision_recall/bbox/IoU50", "predictions/5.png", "evaluation/segm/AP", "train/loss"] {
            #expect(Data(bytes).range(of: Data(tag.utf8)) != nil, "\(tag)")
        }
        let lines = String(decoding: folder.bytes("run/metrics.jsonl"), as: UTF8.self).split(separator: "\n")
        #expect(lines.count { $0.contains("\"event\":\"evaluation\"") } == 3)
        #expect(lines.count { $0.contains("\"event\":\"progress\"") } == 6)

        // The last two are kept, and the best by AP of boxes.
        let checkpoints = CheckpointFolder(path: folder.file("run/checkpoints"))
        let best = try #require(try checkpoints.best())
        #expect(try Set(checkpoints.steps()) == Set([5, 6, best.state.step]))
        #expect(best.state.metric == reports.compactMap { $0["bbox/AP"] }.max())
        #expect(try !Detector.load(folder.file("run/model")).configuration.clip.isEmpty)
    }

    /// `schedule: steps` of a training's file is PyTorch's `MultiStepLR`, step by step, in the optimizer's rates.
    @Test func theStepsOfAScheduleReachTheOptimizer() throws {
        let fixture = try Fixtures.case("torch", "schedules")
        let entry = try fixture.parameters["schedules"]["steps"]
        let milestones = try entry["at"].ints.map { "\(Double($0) / 10)" }.joined(separator: ", ")
        let training = try TrainingRun(
            run.configuration(
                "hf-vit",
                [
                    "run.steps=10", "optimizer.schedule=steps", "optimizer.milestones=[\(milestones)]",
                    "optimizer.decayFactor=\(entry["factor"].double)", "optimizer.warmupSteps=0",
                    "optimizer.learningRate=0.0005",
                ]), folder: folder.file("steps"))
        var rates: [Double] = []
        try training.start(resumes: false) { event in
            if case .progress(let progress) = event { rates.append(progress.learningRate) }
        }
        let recorded = try fixture.tensor("out.steps").doubles()
        #expect(rates.count == 10 && Set(rates).count == 4)
        for (rate, factor) in zip(rates, recorded) { #expect(abs(rate - 0.0005 * factor) < 1e-12) }
    }

    /// What the published notebook saves, `{"epoch", "model", "optimizer", "scheduler"}` under detectron2's names, is where a
    /// training begins.
    @Test func aTrainingStateOfPyTorchIsABeginning() throws {
        let first = try TrainingRun(run.configuration("hf-vit"), folder: folder.file("none"))
        let path = folder.file("training.pth")
        try PyTorchTrainingFile.write(
            epoch: 3,
            model: first.network.store.stored().map {
                var tensor = $0
                tensor.name = Detectron2Checkpoint.key(for: $0.name)
                return tensor
            }, optimizer: [], parameters: [], learningRate: 0.1, scheduleSteps: 3, to: path)
        let plain = try TrainingRun(run.configuration("hf-vit", ["run.seed=6"]), folder: folder.file("none"))
        let second = try TrainingRun(
            run.configuration("hf-vit", ["run.seed=6", "run.initialWeights=\(path)"]),
            folder: folder.file("none"))
        #expect(second.notes.first?.contains("training.pth") == true)
        var taken = 0
        for parameter in first.network.store.parameters where parameter.name.hasSuffix("weight") {
            let (got, other) = (
                try #require(second.network.store[parameter.name]).value,
                try #require(plain.network.store[parameter.name]).value
            )
            if try parameter.value.isEqual(to: got) {
                taken += 1
            } else {
                #expect(try other.isEqual(to: got), "\(parameter.name) has other values than either")
            }
        }
        #expect(taken > 15)
    }
}
