import CLIP
import COCO
import Evaluation
import RegionDetection
import FVLM
import Foundation
import Torch
import WeightFiles

/// A training from a configuration to a detector's folder.
///
/// Writes into its folder: `config.yaml`, `metrics.jsonl`, `tensorboard/`, `checkpoints/`, `report.html`, and at the end
/// `model/`, a detector's folder.
public struct TrainingRun {
    /// What the run is told.
    public let configuration: TrainingConfiguration

    /// The run's folder.
    public let folder: String

    /// The detector in training.
    public let trainee: FVLMTrainee

    /// What is trained on.
    public let dataset: TrainingDataset

    /// The classes that are trained on, with their embeddings.
    public let vocabulary: Vocabulary

    /// What became of initial weights that do not fit as they are.
    public let notes: [String]

    /// Where examples come from: the data set, or a cache of the trunk's features of it.
    public let source: any ExampleSource

    let clip: CLIPModel
    private let evaluator: DetectorEvaluator?

    /// A run that is ready to start: everything is loaded and checked.
    /// - Throws: `ConfigurationError`, ``TrainingError``, `CLIPError`, `WeightMismatch` and other errors that say which
    ///   file or setting is wrong.
    public init(_ configuration: TrainingConfiguration, folder: String) throws {
        self.configuration = configuration
        self.folder = folder
        clip = try CLIPModel.load(configuration.detector.clip)
        let network = try DetectorNetwork(configuration.detector.architecture(for: clip.configuration))
        try network.store.initialize(seed: configuration.run.seed)
        notes =
            try clip.notes
            + Self.loadInitialWeights(
                configuration.run.initialWeights, into: network, seed: configuration.run.seed)
        try network.store.convert(format: .channelsLast)

        let data = configuration.data
        let annotations = try Dataset(path: data.annotations)
        var options = TrainingDataset.Options()
        options.classes =
            !data.classes.isEmpty ? .only(data.classes) : data.split.isEmpty ? .all : .split(data.split)
        options.keepsImagesWithoutObjects = data.keepsEmptyImages
        options.usesMasks = configuration.detector.network.masks
        dataset = try TrainingDataset(
            annotations, imagesIn: data.images, augmentation: Self.augmentation(configuration),
            options: options)
        try dataset.checkPictures()

        let trained = Set(dataset.classNames)
        let all = try Self.vocabulary(configuration, clip, annotations.categories.map(\.name), trained)
        vocabulary = try all.selecting(dataset.classNames)
        trainee = FVLMTrainee(
            model: FVLMModel(trunk: try configuration.detector.trunk(of: clip), network: network),
            texts: try vocabulary.matrix(for: clip.identity(), withBackground: true),
            sizeMultiple: configuration.detector.sizeMultiple(for: clip.configuration),
            frame: Self.frame(configuration))
        source =
            data.cache.isEmpty
            ? dataset
            : try Self.cached(dataset, configuration, clip: clip, levels: trainee.model.trunk.levelNames)

        guard !data.validationAnnotations.isEmpty else {
            evaluator = nil
            return
        }
        let truth = try Dataset(path: data.validationAnnotations)
        let splits =
            try data.split.isEmpty
            ? []
            : (OpenVocabularySplit(rawValue: data.split == "lvis" ? "lvis-base-rare" : data.split))?
                .parts(of: truth) ?? []
        // Of a split all of its classes are scored, trained on or not.
        let scored =
            splits.isEmpty
            ? dataset.classNames
            : truth.categories.filter { category in splits.contains { $0.categoryIDs.contains(category.id) } }
                .map(\.name)
        evaluator = try DetectorEvaluator(
            truth: truth, imagesIn: data.validationImages, vocabulary: all.selecting(scored), splits: splits)
        try evaluator?.checkPictures()
    }

    // MARK: Running

    /// Trains, or goes on with the training.
    /// - Parameters:
    ///   - resumes: Whether to go on from the last checkpoint in the folder; without one the training begins.
    ///   - notebook: A PyTorch program's training state to go on from where the folder holds no checkpoint, a file
    ///     `{"epoch", "model", "optimizer", "scheduler"}` under detectron2's names.
    ///   - stopRequest: Asks the training to end after a step.
    ///   - handle: Learns what happens.
    /// - Throws: ``NonFiniteLossError``, ``TrainingError``, and what examples and the network throw.
    @discardableResult
    public func start(
        resumes: Bool, from notebook: NotebookCheckpoint? = nil, stopRequest: StopRequest = StopRequest(),
        _ handle: (TrainingEvent) throws -> Void
    ) throws -> TrainingSummary {
        let run = configuration.run
        let checkpoints = CheckpointFolder(
            path: folder + "/checkpoints", retention: .init(last: run.keepsLast))
        let latest = try checkpoints.latest()
        if !resumes, let latest {
            throw TrainingError(
                folder,
                "holds a run already (\(latest.folder)): add --resume to go on with it, or choose another folder"
            )
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let text = try configuration.yaml()
        try Disk.write(Array(text.utf8), to: folder + "/config.yaml")
        try Generator.standard().seed(run.seed)
        let trainer = try Trainer(
            trainee, source: source, optimizer: optimizer(), options: options(),
            loader: .init(
                batchSize: configuration.data.batchSize, seed: run.seed,
                workerCount: configuration.data.workers,
                viewCount: configuration.data.views > 0 ? configuration.data.views : nil),
            checkpoints: checkpoints, configuration: text, stopRequest: stopRequest,
            evaluate: try evaluation())
        if let latest {
            try trainer.resume(from: latest)
        } else if let notebook {
            try trainer.resume(from: notebook, naming: Self.notebookKeys)
        }
        let log = try RunLog(folder: folder, title: "Training", resumedStep: latest.map { _ in trainer.step })
        let summary = try trainer.run { event in
            try log.record(event)
            try handle(event)
        }
        guard summary.isComplete else { return summary }
        func write() throws {
            try ModelFolder(folder + "/model").write(
                configuration.detector, network: trainee.model.network, vocabulary: vocabulary)
        }
        if let average = trainer.average { try average.applied(write) } else { try write() }
        return summary
    }

    private func evaluation() throws -> ((Int) throws -> EvaluationReport)? {
        guard let evaluator else { return nil }
        let detector = try Detector(
            configuration: configuration.detector, clip: clip, network: trainee.model.network)
        var options = configuration.detector.options
        // Average precision counts on the whole list, not on what one would show.
        options.scoreThreshold = min(options.scoreThreshold, 0.01)
        return { _ in try evaluator.report(evaluator.detections(of: detector, options: options)) }
    }

    private func optimizer() throws -> any Optimizer {
        let settings = configuration.optimizer
        let groups = try ParameterGrouping().groups(
            of: trainee.parameters, learningRate: settings.learningRate, weightDecay: settings.weightDecay)
        switch settings.kind {
        case .sgd:
            return try SGD(
                groups, learningRate: settings.learningRate, momentum: settings.momentum,
                weightDecay: settings.weightDecay)
        case .adamw:
            return try AdamW(
                groups, learningRate: settings.learningRate, weightDecay: settings.weightDecay)
        }
    }

    private func options() throws -> TrainerOptions {
        let (run, settings) = (configuration.run, configuration.optimizer)
        let decay: LearningRateSchedule.Decay =
            switch settings.schedule {
            case .constant: .constant
            case .cosine: .cosine(totalSteps: run.steps, minimumRatio: settings.minimumRatio)
            case .steps:
                // Rounded: 0.29 of 100 is a little less than 29 in binary.
                .steps(
                    at: settings.milestones.map { Int(($0 * Double(run.steps)).rounded()) },
                    factor: settings.decayFactor)
            }
        let warmup =
            settings.warmupSteps > 0
            ? LearningRateSchedule.Warmup(steps: settings.warmupSteps, startFactor: settings.warmupFactor)
            : nil
        return TrainerOptions(
            steps: run.steps, accumulation: run.accumulation,
            clipping: settings.clipNorm > 0 ? .norm(settings.clipNorm) : nil,
            schedule: try LearningRateSchedule(warmup: warmup, decay: decay),
            autocast: autocast,
            averageDecay: settings.averageDecay > 0 ? settings.averageDecay : nil, seed: run.seed,
            isDeterministic: run.isDeterministic, reportInterval: run.reportInterval,
            evaluationInterval: run.evaluationInterval > 0 ? run.evaluationInterval : nil,
            checkpointInterval: run.checkpointInterval > 0 ? run.checkpointInterval : nil,
            bestMetric: evaluator == nil ? nil : "bbox/AP")
    }

    // MARK: Parts

    static func augmentation(_ configuration: TrainingConfiguration) -> Augmentation {
        let (input, data) = (configuration.detector.input, configuration.data)
        func fitted(_ sizes: [Int]) -> Augmentation.Resizing {
            switch input.fitting {
            case .square, .longestSide: .longestSide(choices: sizes)
            case .shortestSide: .shortestSide(choices: sizes, longestSide: input.longestSide)
            }
        }
        let resizing: Augmentation.Resizing =
            switch data.variation {
            case .none, .flip:
                input.fitting == .shortestSide ? fitted([input.size]) : .square(side: input.size)
            case .resize: fitted(data.sizes)
            case .jitter:
                .largeScaleJitter(
                    side: input.size, minimumScale: data.jitter[0], maximumScale: data.jitter[1])
            }
        let colors = ColorJitter(
            brightness: data.colors.brightness, contrast: data.colors.contrast,
            saturation: data.colors.saturation, hue: data.colors.hue)
        return Augmentation(
            resizing: resizing, flipProbability: data.variation == .none ? 0 : 0.5,
            colorJitter: colors == ColorJitter() ? nil : colors)
    }

    private static func vocabulary(
        _ configuration: TrainingConfiguration, _ clip: CLIPModel, _ names: [String], _ trained: Set<String>
    ) throws -> Vocabulary {
        if !configuration.texts.vocabulary.isEmpty {
            return try Vocabulary(contentsOf: configuration.texts.vocabulary)
        }
        return try Vocabulary(
            encoding: names.map { Vocabulary.Class($0, split: trained.contains($0) ? .base : .novel) },
            templates: PromptTemplates(named: configuration.texts.templates),
            background: configuration.texts.background, with: clip, tokenizer: clip.tokenizer())
    }

    /// What a parameter may be called in a notebook's file: detectron2's name, but for the projection, which the notebook
    /// put beside the box predictor.
    private static func notebookKeys(_ name: String) -> [String] {
        [Detectron2Checkpoint.key(for: name)] + (name.hasPrefix("projection.") ? ["roi_heads." + name] : [])
    }

    /// Returns what became of weights that do not fit.
    private static func loadInitialWeights(_ path: String, into network: DetectorNetwork, seed: UInt64) throws
        -> [String]
    {
        guard !path.isEmpty else { return [] }
        let weights = try WeightFile.open(path)
        if weights.keys.contains(where: { $0.hasPrefix("fpn.") }) {
            try network.store.load(weights)
            return []
        }
        let root = network.store.root
        var scopes: [Detectron2Checkpoint.Part: ParameterScope] = [
            .pyramid: root / "fpn", .proposals: root / "rpn_head", .boxHead: root / "box_head",
            .boxRegression: root,
        ]
        if network.architecture.maskHead != nil { scopes[.maskHead] = root / "mask_head" }
        let report = try Detectron2Checkpoint(weights).load(
            scopes, classSpecific: .average, otherShapes: .reinitialize, seed: seed)
        return ["\(path): \(report)"]
    }
}

extension Vocabulary {
    /// The classes of these names, in this order.
    /// - Throws: `CLIPError` that lists the names that are not there.
    func selecting(_ names: [String]) throws -> Vocabulary {
        let places = Dictionary(
            classes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        let missing = names.filter { places[$0] == nil }
        guard missing.isEmpty else {
            throw CLIPError(
                "vocabulary",
                reason:
                    "lacks \(missing.count) classes of the data: \(missing.prefix(8).joined(separator: ", "))"
            )
        }
        let rows = names.compactMap { places[$0] }
        return try Vocabulary(
            classes: rows.map { classes[$0] }, templates: templates, article: article,
            embeddings: embeddings.indexSelected(0, Tensor(rows)), background: background, clip: clip)
    }
}
