import CLIP
import COCO
import Evaluation
import RegionDetection
import FVLM
import Foundation
import Support
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
    private let validation: ValidationSet?
    private let evaluator: DetectorEvaluator?

    /// A run that is ready to start: everything is loaded and checked, pictures and outlines are looked over.
    /// - Throws: `ConfigurationError`, ``TrainingError``, `CLIPError`, `WeightMismatch` and other errors that say which
    ///   file or setting is wrong.
    public init(_ configuration: TrainingConfiguration, folder: String) throws {
        var configuration = configuration
        var notes = [try configuration.presetNote()].compactMap { $0 }
        let clip = try Self.loadCLIP(configuration.detector.clip)
        let annotations = try Dataset(path: configuration.data.annotations)
        let dataset = try Self.dataset(annotations, configuration)
        notes += Self.chooseMasks(for: dataset, &configuration)
        notes += dataset.summary.exclusions
        let lookedOver = try dataset.lookOver(decodes: configuration.data.cache == nil)
        notes += dataset.faults.news() + [lookedOver].compactMap { $0 }

        let network = try DetectorNetwork(configuration.detector, for: clip.configuration)
        try network.store.initialize(seed: configuration.run.seed)
        notes +=
            try clip.notes
            + Self.loadInitialWeights(
                configuration.run.initialWeights, into: network, seed: configuration.run.seed)
        try network.store.convert(format: .channelsLast)

        let known = try Self.vocabulary(configuration, clip, annotations, dataset)
        let vocabulary = try known.selecting(dataset.classNames)
        trainee = FVLMTrainee(
            trunk: try configuration.detector.trunk(of: clip), network: network,
            texts: try vocabulary.matrix(for: clip.identity(), withBackground: true),
            sizeMultiple: configuration.detector.sizeMultiple(for: clip.configuration),
            frame: Self.frame(configuration))
        let levels = trainee.trunk.levelNames
        source =
            try configuration.data.cache.map {
                try Self.cached(dataset, in: $0, configuration, clip: clip, levels: levels)
            } ?? dataset
        validation = try ValidationSet(configuration, trainedOn: dataset.classNames)
        evaluator = try validation.map {
            try DetectorEvaluator(
                truth: $0.truth, imagesIn: $0.folder,
                vocabulary: known.selecting($0.classNames), splits: $0.splits)
        }
        notes += validation?.notes ?? []
        self.notes = notes
        self.configuration = configuration
        self.folder = folder
        self.clip = clip
        self.dataset = dataset
        self.vocabulary = vocabulary
    }

    // MARK: Loading

    private static func loadCLIP(_ path: String) throws -> CLIPModel {
        do { return try CLIPModel.load(path) } catch {
            guard !FileManager.default.fileExists(atPath: path) else { throw error }
            throw TrainingError(
                "detector.clip",
                "there is no CLIP '\(path)': set it to the folder or file of a CLIP, or to the name of one in the "
                    + "Hugging Face cache")
        }
    }

    private static func dataset(_ annotations: Dataset, _ configuration: TrainingConfiguration) throws
        -> TrainingDataset
    {
        let data = configuration.data
        var options = TrainingDataset.Options()
        options.classes = data.classes.map { .only($0) } ?? data.split.map { .split($0.classes) } ?? .all
        options.keepsImagesWithoutObjects = data.keepsEmptyImages
        options.usesMasks = configuration.detector.network.masks && data.masks
        return try TrainingDataset(
            annotations, imagesIn: data.images, augmentation: augmentation(configuration), options: options,
            faults: DataFaults(data.faults, limit: data.faultLimit))
    }

    /// Leaves out the mask head where there is no mask to learn from.
    /// - Returns: What is to be said about it.
    private static func chooseMasks(
        for dataset: TrainingDataset, _ configuration: inout TrainingConfiguration
    )
        -> [String]
    {
        guard configuration.detector.network.masks else { return [] }
        let (masks, objects) = (dataset.summary.masks, dataset.summary.objects)
        guard configuration.data.masks, masks > 0 else {
            configuration.detector.network.masks = false
            return configuration.data.masks
                ? ["no object has a mask: a detector of boxes is trained, without a mask head"] : []
        }
        guard masks < objects else { return [] }
        return ["\(objects - masks) of \(objects) objects have no mask: they train boxes and classes alone"]
    }

    // MARK: Running

    /// Trains, or goes on with the training.
    /// - Parameters:
    ///   - resumes: Whether to go on from the last checkpoint in the folder; without one the training begins.
    ///   - state: A PyTorch program's training state to continue where the folder holds no checkpoint, a file
    ///     `{"epoch", "model", "optimizer", "scheduler"}` under detectron2's names.
    ///   - stopRequest: Asks the training to end after a step.
    ///   - handle: Learns what happens.
    /// - Throws: ``NonFiniteLossError``, ``TrainingError``, and what examples and the network throw.
    @discardableResult
    public func start(
        resumes: Bool, from state: PyTorchTrainingState? = nil, stopRequest: StopRequest = StopRequest(),
        _ handle: (TrainingEvent) throws -> Void
    ) throws -> TrainingSummary {
        let isNew = !FileManager.default.fileExists(atPath: folder)
        do {
            try Folder.make(folder)
            let lock = try FolderLock(folder: folder)
            defer { withExtendedLifetime(lock) {} }
            return try train(resumes: resumes, from: state, stopRequest: stopRequest, handle)
        } catch {
            // A refusal leaves nothing behind.
            if isNew { rmdir(folder) }
            throw error
        }
    }

    private func train(
        resumes: Bool, from state: PyTorchTrainingState?, stopRequest: StopRequest,
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
        let text = try configuration.yaml()
        try Generator.standard().seed(run.seed)
        let trainer = try Trainer(
            trainee, source: source, optimizer: optimizer(), options: options(),
            loader: .init(
                batchSize: configuration.data.batchSize, seed: run.seed,
                workerCount: configuration.data.workers,
                viewCount: configuration.data.views),
            checkpoints: checkpoints, configuration: text, identity: identity(), stopRequest: stopRequest,
            evaluate: try evaluation())
        if let latest {
            let changes = try configuration.changes(since: latest.configuration, in: folder)
            try trainer.resume(from: latest)
            trainer.notes += changes
        } else if let state {
            try trainer.resume(from: state, naming: Self.pyTorchKeys)
        }
        // Written when nothing can be refused any more.
        try AtomicFile.write(text, to: folder + "/config.yaml")
        let log = try RunLog(folder: folder, title: "Training", resumedStep: latest.map { _ in trainer.step })
        let summary = try trainer.run { event in
            try log.record(event)
            try handle(event)
        }
        guard summary.isComplete else { return summary }
        func write() throws {
            try ModelFolder(folder + "/model").write(
                configuration.detector, network: trainee.network, vocabulary: vocabulary)
        }
        if let average = trainer.average { try average.applied(write) } else { try write() }
        if let failure = summary.evaluationFailure {
            throw TrainingError(
                "evaluation", "failed: \(failure). The detector is written: \(folder)/model")
        }
        return summary
    }

    /// What must be the same when the training is resumed, wherever the files lie then.
    private func identity() throws -> [String: String] {
        ["the CLIP's weights": try clip.store.digest(), "the classes' embeddings": try vocabulary.digest()]
    }

    private func evaluation() throws -> Trainer.Evaluate? {
        guard let evaluator, let validation else { return nil }
        let detector = try Detector(
            configuration: configuration.detector, clip: clip, network: trainee.network)
        var options = configuration.detector.scoring
        // Average precision counts on the whole list, not on what one would show.
        options.scoreThreshold = min(options.scoreThreshold, 0.01)
        options.includesMasks = validation.includesMasks
        return { _, progress in
            try evaluator.report(
                evaluator.detections(of: detector, options: options, progress: progress))
        }
    }

    private func optimizer() throws -> any Optimizer {
        let settings = configuration.optimizer
        let groups = try settings.grouping.groups(
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
            clipNorm: settings.clipNorm,
            schedule: try LearningRateSchedule(warmup: warmup, decay: decay),
            autocast: autocast,
            averageDecay: settings.averageDecay, seed: run.seed,
            isDeterministic: run.isDeterministic, reportInterval: run.reportInterval,
            evaluationInterval: run.evaluationInterval, checkpointInterval: run.checkpointInterval,
            checkpointSeconds: run.checkpointMinutes.map { $0 * 60 },
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
            case .resize: fitted(data.sizes ?? [])
            case .jitter:
                .largeScaleJitter(
                    side: input.size, minimumScale: data.jitter[0], maximumScale: data.jitter[1])
            }
        return Augmentation(
            resizing: resizing, flipProbability: data.variation == .none ? 0 : 0.5,
            colorJitter: data.colors == ColorJitter() ? nil : data.colors)
    }

    /// The classes of the annotations, or of the vocabulary that the configuration names, with their embeddings.
    private static func vocabulary(
        _ configuration: TrainingConfiguration, _ clip: CLIPModel, _ annotations: Dataset,
        _ dataset: TrainingDataset
    ) throws -> Vocabulary {
        let trained = Set(dataset.classNames.map(ClassNames.key))
        func split(_ name: String) -> Vocabulary.Class.Split {
            trained.contains(ClassNames.key(name)) ? .base : .novel
        }
        if let path = configuration.texts.vocabulary {
            let given = try Vocabulary(contentsOf: path)
            // What is trained on is base where the file does not say it.
            return try Vocabulary(
                classes: given.classes.map {
                    Vocabulary.Class($0.name, synonyms: $0.synonyms, split: $0.split ?? split($0.name))
                }, templates: given.templates, article: given.article, embeddings: given.embeddings,
                background: given.background, clip: given.clip)
        }
        let names = try dataset.vocabularyNames(annotations.categories)
        return try Vocabulary(
            encoding: names.map { Vocabulary.Class($0, split: split($0)) },
            templates: PromptTemplates(named: configuration.texts.templates),
            background: configuration.texts.background, with: clip, tokenizer: clip.tokenizer())
    }

    /// What a parameter may be called in such a file: detectron2's name; for the projection also a name beside the box
    /// predictor.
    private static func pyTorchKeys(_ name: String) -> [String] {
        [Detectron2Checkpoint.key(for: name)] + (name.hasPrefix("projection.") ? ["roi_heads." + name] : [])
    }

    /// Returns what became of weights that do not fit.
    private static func loadInitialWeights(_ path: String?, into network: DetectorNetwork, seed: UInt64)
        throws
        -> [String]
    {
        guard let path else { return [] }
        let weights = try WeightFile.open(path)
        if let own = try UnwrappedWeights(weights, knownBy: ["fpn."]) {
            try network.store.load(own)
            return [own.note].compactMap(\.self)
        }
        let root = network.store.root
        var scopes: [Detectron2Checkpoint.Part: ParameterScope] = [
            .pyramid: root / "fpn", .proposals: root / "rpn_head", .boxHead: root / "box_head",
            .boxRegression: root,
        ]
        if network.architecture.maskHead != nil { scopes[.maskHead] = root / "mask_head" }
        let checkpoint = try Detectron2Checkpoint(weights)
        let report = try checkpoint.load(
            scopes, classSpecific: .average, otherShapes: .reinitialize, seed: seed)
        return [checkpoint.note].compactMap(\.self) + ["\(path): \(report)"]
    }
}

extension ClassNames {
    /// What is equal for names that are the same to the text tower.
    static func key(_ name: String) -> String { readable(name).lowercased() }
}

extension Vocabulary {
    /// The classes of these names, in this order and under these names. Names are the same that the text tower takes for
    /// the same, such as `red_apple` and `red apple`.
    /// - Throws: `CLIPError` that lists the names that are not there.
    func selecting(_ names: [String]) throws -> Vocabulary {
        let places = Dictionary(
            classes.enumerated().map { (ClassNames.key($1.name), $0) },
            uniquingKeysWith: { first, _ in first })
        let missing = names.filter { places[ClassNames.key($0)] == nil }
        guard missing.isEmpty else {
            throw CLIPError(
                "vocabulary",
                reason:
                    "lacks \(missing.count) classes of the data: \(missing.prefix(8).joined(separator: ", "))"
            )
        }
        let rows = names.compactMap { places[ClassNames.key($0)] }
        return try Vocabulary(
            classes: zip(names, rows).map { name, row in
                Vocabulary.Class(name, synonyms: classes[row].synonyms, split: classes[row].split)
            }, templates: templates, article: article, embeddings: embeddings.indexSelected(0, Tensor(rows)),
            background: background, clip: clip)
    }
}
