import ArgumentParser
import CLIP
import COCO
import FVLM
import Foundation
import Imaging
import Support
import Torch
import Training
import WeightFiles

/// Trains detectors on base categories and tests them on all categories.
struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Trains a detector on base categories only, and tests whether it finds novel ones by name.",
        discussion: """
            Writes the data set, the runs, report.html, results.md, results.json, curves and pictures into one folder. \
            Existing results are reused.

            Example: emoji-scenes benchmark --output runs/benchmark --seeds 1 2 3
            """)

    @Option(help: "The vision-language model.") var clip = "Models/emoji-clip"
    @Option(help: "The folder of drawings from Tools/setup-emoji.") var glyphs = ".emoji"
    @Option(help: "The folder to write.") var output: String
    @Option(parsing: .upToNextOption, help: "The seeds; one detector is trained per seed.") var seeds:
        [UInt64] = [1]
    @Option(help: "Steps of each training.") var steps = Self.standardSteps
    @Option(help: "Scenes per step.") var batch = 8
    @Option(help: "Scenes to train on.") var train = 32_000
    @Option(help: "Scenes to test on.") var test = 300
    @Option(help: "Scenes for choosing settings, and for ablations.") var ablations = 100
    @Option(help: "The side in pixels that scenes of 256 are resized to.") var size = 256
    @Option(help: "The highest learning rate.") var learningRate = 1e-3
    @Option(help: "Novel categories in training scenes: absent or unlabeled.")
    var novel = SceneSet.NovelObjects.absent
    @Option(
        help:
            "detectron2 (heads without norms) or published (its batch norms' statistics need several thousand steps)."
    )
    var family = DetectorConfiguration.Family.detectron2
    @Flag(help: "Compute products and convolutions in bfloat16: faster on some processors.")
    var bfloat16 = false
    @Option(help: "Threads per operator; 0 uses one per processor.") var threads = 0
    @Flag(help: "Compute only the main figures.") var quick = false

    /// The number of steps that trained the committed detector. Every scene is seen once: the class loss falls by a
    /// fifth each time scenes are repeated, without a comparable improvement of the detector.
    static let standardSteps = 4_000
    private static let dataSeed: UInt64 = 1

    mutating func run() throws {
        if threads > 0 { try Runtime.setThreadCount(threads) }
        let known = try CategoryList().known
        let data = output + "/data"
        try render(known, to: data)
        let clipModel = try CLIPModel.load(clip)
        let splits = Dictionary(known.map { ($0.name, $0.split) }, uniquingKeysWith: { first, _ in first })
        let vocabulary = try self.vocabulary(known, clipModel, .single)

        var tables: [BenchmarkTable] = []
        var main = BenchmarkTable(title: "Average precision", columns: DetectorTest.columns)
        var unseen = BenchmarkTable(
            title: "Average precision on drawings of a vendor never trained on",
            columns: DetectorTest.columns)
        var first: Detector?
        var plots: [Evaluation.Plot] = []
        for seed in seeds {
            let folder = try trained(seed, known, data, clipModel)
            let detector = try Detector.load(folder)
            first = first ?? detector
            for name in ["test", "test-unseen"] {
                let test = try DetectorTest(name, in: data, vocabulary: vocabulary, splits: splits)
                let (values, curves) = try test.evaluate(detector, options: options(detector))
                if name == "test" {
                    main.add("seed \(seed)", values)
                    if plots.isEmpty { plots = curves }
                } else {
                    unseen.add("seed \(seed)", values)
                }
            }
        }
        for table in [main, unseen] {
            var table = table
            if seeds.count > 1 {
                let (mean, spread) = BenchmarkTable.meanAndSpread(table.rows)
                table.add("mean", mean)
                table.add("spread", spread)
            }
            tables.append(table)
        }
        if let first, !quick {
            tables += try ablationTables(first, known, clipModel, vocabulary, splits, data)
        }
        var pictures: Data?
        if let first {
            let test = try DetectorTest("test", in: data, vocabulary: vocabulary, splits: splits, limit: 12)
            try test.pictures(of: first, count: 12).write(to: output + "/pictures.png")
            pictures = Data(try FileBytes(contentsOf: output + "/pictures.png").array)
        }
        try write(BenchmarkReport(tables: tables, plots: plots, pictures: pictures))
        print("\(output)/report.html, results.md, results.json, pictures.png")
    }

    // MARK: Data and training

    private func render(_ known: [EmojiCategory], to data: String) throws {
        let parts: [(set: SceneSet, styles: [GlyphStyle])] = [
            (SceneSet(name: "train", count: train, novelObjects: novel), GlyphStyle.seen),
            (SceneSet(name: "val", count: ablations, novelObjects: .labeled), GlyphStyle.seen),
            (SceneSet(name: "test", count: test, novelObjects: .labeled), GlyphStyle.seen),
            (SceneSet(name: "test-unseen", count: test, novelObjects: .labeled), [GlyphStyle.unseen]),
        ]
        for part in parts where FileStatus("\(data)/\(part.set.name).json") == nil {
            let glyphSet = try GlyphSet(GlyphFolder(path: glyphs), categories: known, styles: part.styles)
            try part.set.render(glyphs: glyphSet, side: 256, seed: Self.dataSeed, folder: data)
            print("rendered \(part.set.name)")
        }
    }

    /// Returns the folder of a detector, training it if it does not exist.
    private func trained(
        _ seed: UInt64, _ known: [EmojiCategory], _ data: String, _ clipModel: CLIPModel
    ) throws -> String {
        let folder = "\(output)/seed\(seed)"
        let model = folder + "/model"
        if FileStatus(model + "/detector.yaml") != nil { return model }
        var configuration = TrainingConfiguration()
        configuration.preset = "published-small"
        configuration.detector = try DetectorConfiguration(preset: "published-small")
        configuration.detector.clip = URL(filePath: clip).path
        configuration.detector.family = family
        configuration.detector.input.size = size
        configuration.detector.network.anchorSizes = [16, 32, 64, 128, 256]
        // Cosines are divided by the temperature used in pretraining.
        configuration.detector.scoring.vlmTemperature = try 1 / clipModel.logitScale.value.exp().item()
        // Chosen on validation scenes.
        configuration.detector.scoring.baseWeight = 0.6
        configuration.detector.scoring.novelWeight = 0.9
        configuration.detector.scoring.objectnessWeight = 0.1
        configuration.detector.scoring.suppressionThreshold = 0.4
        configuration.detector.scoring.maskThreshold = 0.4
        configuration.detector.scoring.vlmRegions = .refined
        configuration.detector.scoring.vlmScales = [0.75, 1.06, 1.5, 2.12, 3]
        configuration.detector.scoring.vlmScalesPerRegion = 3
        configuration.detector.scoring.vlmObjectSize = 60
        configuration.detector.scoring.vlmDense = true
        configuration.detector.learning.backgroundWeight = 0.9
        // As wide as 12 MB of weights allow: after 250 steps the detector alone is twice as good as with 384.
        configuration.detector.network.hidden = 768
        // Scenes have at most 9 objects, with several proposals each; many more regions would mostly teach background.
        configuration.detector.learning.regionsPerImage = 128
        configuration.detector.learning.foregroundFraction = 0.5
        configuration.detector.learning.masksPerImage = 16
        configuration.data.annotations = data + "/train.json"
        configuration.data.images = data + "/train"
        configuration.data.classes = known.filter { $0.split == .base }.map(\.name)
        configuration.data.batchSize = batch
        configuration.data.workers = 1
        // No flips: mirrored hands would point the wrong way.
        configuration.data.variation = .none
        configuration.texts.templates = "single"
        configuration.optimizer.learningRate = learningRate
        configuration.optimizer.weightDecay = 1e-4
        configuration.optimizer.clipNorm = 5
        configuration.optimizer.warmupSteps = 50
        configuration.optimizer.minimumRatio = 0.01
        configuration.run.steps = steps
        configuration.run.seed = seed
        configuration.run.precision = bfloat16 ? .bfloat16 : .float32
        configuration.run.reportInterval = 20
        configuration.run.checkpointInterval = 100
        configuration.run.keepsLast = 1
        let run = try TrainingRun(configuration, folder: folder)
        try run.start(resumes: FileStatus(folder + "/checkpoints") != nil) { event in
            if case .progress(let progress) = event {
                print(
                    String(
                        format: "seed %d step %d/%d loss %.3f, %.1f images/s, %.0f s left", Int(seed),
                        progress.step,
                        progress.totalSteps, progress.loss, progress.imagesPerSecond,
                        progress.remainingSeconds))
                fflush(nil)
            }
        }
        try Self.compact(model)
        return model
    }

    /// Rewrites a detector's weights in float16, half the size, without a measurable loss of AP.
    static func compact(_ folder: String) throws {
        let path = FVLM.ModelFolder(folder).weights
        let tensors = try Safetensors(contentsOf: path).tensors().map { stored in
            let tensor = try Tensor(stored)
            // Statistics and the temperature need a range or precision that float16 lacks.
            let isExact = stored.name.hasSuffix("running_var") || stored.name.contains("temperature")
            guard try tensor.dtype == .float32, !isExact else {
                return try tensor.clone().stored(named: stored.name)
            }
            return try tensor.to(.float16).stored(named: stored.name)
        }
        try Safetensors.write(tensors, metadata: ["format": "fvlm-detector"], to: path)
    }

    // MARK: Testing

    private func options(_ detector: Detector) -> ScoringOptions {
        var options = detector.configuration.scoring
        options.scoreThreshold = 0.01
        return options
    }

    private func vocabulary(_ known: [EmojiCategory], _ clip: CLIPModel, _ templates: PromptTemplates) throws
        -> Vocabulary
    {
        try Vocabulary(
            encoding: known.map { Vocabulary.Class($0.name, split: $0.split == .base ? .base : .novel) },
            templates: templates, with: clip, tokenizer: clip.tokenizer())
    }

    private func ablationTables(
        _ detector: Detector, _ known: [EmojiCategory], _ clip: CLIPModel, _ vocabulary: Vocabulary,
        _ splits: [String: EmojiCategory.Split], _ data: String
    ) throws -> [BenchmarkTable] {
        let columns = ["base AP50", "novel AP50", "all AP50", "base AP", "novel AP", "all AP"]
        let test = try DetectorTest(
            "test", in: data, vocabulary: vocabulary, splits: splits, limit: ablations)
        let val = try DetectorTest("val", in: data, vocabulary: vocabulary, splits: splits, limit: ablations)
        func options(_ base: Double? = nil, _ novel: Double? = nil) -> ScoringOptions {
            var options = self.options(detector)
            options.includesMasks = false
            if let base, let novel { (options.baseWeight, options.novelWeight) = (base, novel) }
            return options
        }
        var scores = BenchmarkTable(title: "Scores (\(ablations) test scenes, boxes)", columns: columns)
        scores.add("fused", try test.figures(of: detector, options: options()))
        scores.add("detector alone", try test.figures(of: detector, options: options(0, 0)))
        scores.add("VLM alone", try test.figures(of: detector, options: options(1, 1)))
        var background = options()
        background.backgroundWeight = 0.35
        scores.add("fused, the background too", try test.figures(of: detector, options: background))
        let own = try PromptTemplates(name: "captions", CaptionBook.templates)
        for (name, templates) in [
            ("fused, the captions' sentences", own), ("fused, ImageNet's 80 sentences", .imageNet),
        ] {
            let words = try self.vocabulary(known, clip, templates)
            let test = try DetectorTest("test", in: data, vocabulary: words, splits: splits, limit: ablations)
            scores.add(name, try test.figures(of: detector, options: options()))
        }
        func changed(_ change: (inout DetectorConfiguration) -> Void) throws -> Detector {
            var configuration = detector.configuration
            change(&configuration)
            return try Detector(configuration: configuration, clip: clip, network: detector.network)
        }
        let oneSize = try changed { configuration in
            configuration.scoring.vlmScales = [1]
            configuration.scoring.vlmScalesPerRegion = 1
        }
        let oneLook = try changed { $0.scoring.vlmScalesPerRegion = 1 }
        let published = try changed { configuration in
            configuration.scoring.vlmScales = [1]
            configuration.scoring.vlmScalesPerRegion = 1
            configuration.scoring.vlmDense = false
        }
        let coarse = try changed { $0.scoring.vlmDense = false }
        let cropping = try changed { configuration in
            configuration.scoring.scorer = .crop
            configuration.scoring.vlmDense = false
            configuration.scoring.vlmScales = [1]
            configuration.scoring.vlmScalesPerRegion = 1
        }
        var plain = options()
        plain.objectnessWeight = 0
        scores.add("fused, without objectness", try test.figures(of: detector, options: plain))
        var proposals = options()
        proposals.vlmRegions = .proposals
        scores.add("fused, CLIP looks at proposals", try test.figures(of: detector, options: proposals))
        scores.add("fused, one look at each region", try test.figures(of: oneLook, options: options()))
        scores.add("fused, one size of the picture", try test.figures(of: oneSize, options: options()))
        scores.add("fused, C5 as it is", try test.figures(of: coarse, options: options()))
        scores.add(
            "fused, one size and C5 as it is", try test.figures(of: published, options: options()))
        let few = try DetectorTest(
            "test", in: data, vocabulary: vocabulary, splits: splits, limit: max(ablations / 5, 1))
        scores.add(
            "fused, attention pool (a fifth of the scenes)", try few.figures(of: detector, options: options())
        )
        scores.add("fused, crops (a fifth of the scenes)", try few.figures(of: cropping, options: options()))

        var grid = BenchmarkTable(
            title: "Weights of the VLM (\(ablations) validation scenes, boxes)", columns: columns)
        for base in [0.35, 0.5, 0.7] {
            for novel in [0.65, 0.8, 0.9] {
                grid.add(
                    "base \(base), novel \(novel)",
                    try val.figures(of: detector, options: options(base, novel)))
            }
        }
        var oracle = BenchmarkTable(
            title: "Classifying ground-truth boxes (VLM alone)", columns: DetectorTest.oracleColumns)
        for (name, detector) in [
            ("attention pool", detector), ("one look at each region", oneLook),
            ("one size of the picture", oneSize), ("C5 as it is", coarse),
            ("one size and C5 as it is", published), ("crops", cropping),
        ] {
            oracle.add(name, try test.oracle(detector.configuration, clip: clip))
        }
        var temperatures = BenchmarkTable(
            title: "Temperature of the VLM (\(ablations) validation scenes, boxes)", columns: columns)
        for factor in [0.5, 1, 1.5] {
            var options = options()
            options.vlmTemperature *= factor
            temperatures.add(
                NumberText.decimals(options.vlmTemperature, 4),
                try val.figures(of: detector, options: options))
        }
        var recall = BenchmarkTable(
            title: "Recall of proposals at an overlap of 0.5", columns: DetectorTest.recallColumns)
        recall.add("test", try test.proposalRecall(detector))
        return [scores, grid, temperatures, oracle, recall]
    }

    private func write(_ report: BenchmarkReport) throws {
        let markdown = report.tables.map(\.markdown).joined(separator: "\n")
        print(markdown)
        func write(_ text: String, _ name: String) throws {
            try AtomicFile.write(text, to: "\(output)/\(name)")
        }
        try write(markdown, "results.md")
        try write(JSONText.document(report.tables), "results.json")
        for plot in report.plots { try write(plot.svg, plot.fileName) }
        try write(report.html, "report.html")
    }
}

extension DetectorConfiguration.Family: ExpressibleByArgument {}
