import CLIP
import COCO
import Evaluation
import RegionDetection
import FVLM
import Foundation
import Support
import Torch
import WeightFiles

/// A training run, from a configuration to a detector's folder.
///
/// ```swift
/// let configuration = try TrainingConfiguration(contentsOf: "config.yaml")
/// let run = try TrainingRun(configuration, folder: "runs/first")
/// let summary = try run.start(resumes: true) { event in
///     if case .progress(let progress) = event { print(progress.step, progress.loss) }
/// }
/// print(summary.step, summary.isComplete)
/// ```
///
/// Writes into its folder: `config.yaml`, `metrics.jsonl`, `tensorboard/`, `checkpoints/`, `report.html`, and at the
/// end `model/`, a detector's folder.
public struct TrainingRun {
    /// The settings.
    public let configuration: TrainingConfiguration

    /// The run's folder.
    public let folder: String

    /// The frozen image tower.
    let trunk: any Trunk

    /// The trained part of the detector.
    package let network: DetectorNetwork

    /// The device of the networks.
    package let device: Device

    /// How images are padded to a batch.
    let padding: ImageBatch.Padding

    /// The training set.
    let dataset: TrainingDataset

    /// The classes that are trained, with their embeddings.
    public let vocabulary: Vocabulary

    /// Notes about the data and the initial weights, for the user.
    public let notes: [String]

    /// The source of examples: the data set, or a cache of the trunk's features of it.
    let source: any ExampleSource

    let clip: CLIPModel
    /// The embeddings of the training classes, [K, E], row 0 the background.
    let texts: Tensor
    private let validation: ValidationSet?
    private let evaluator: DetectorEvaluator?

    /// Creates a run that is ready to start: everything is loaded and validated, and pictures and outlines are checked.
    /// - Throws: `ConfigurationError`, ``TrainingError``, `CLIPError`, `WeightMismatch` and other errors naming the
    ///   file or setting at fault.
    public init(_ configuration: TrainingConfiguration, folder: String) throws {
        var configuration = configuration
        var notes = [try configuration.presetNote()].compactMap { $0 }
        let device = try configuration.run.device.resolved { notes.append($0) }
        let clip = try Self.loadCLIP(configuration.detector.clip, on: device)
        let annotations = try Dataset(tolerating: configuration.data.annotations)
        var dataset = try Self.dataset(annotations, configuration)
        dataset.sendsBytes = device.copiesAsynchronously
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
        try network.store.convert(device: device.isProcessor ? nil : device, format: .channelsLast)

        let known = try Self.vocabulary(configuration, clip, annotations, dataset)
        let vocabulary = try known.selecting(dataset.classNames)
        self.network = network
        self.device = device
        trunk = try configuration.detector.trunk(of: clip)
        texts = try vocabulary.matrix(for: clip.identity(), withBackground: true).to(device: device)
        padding = ImageBatch.Padding(
            multiple: configuration.detector.sizeMultiple(for: clip.configuration),
            frame: Self.frame(configuration))
        let levels = trunk.levelNames
        source =
            try configuration.data.cache.map {
                try Self.cached(dataset, in: $0, configuration, clip: clip, levels: levels)
            } ?? dataset
        notes += (source as? CachedDataset).map { [$0.note] } ?? []
        validation = try ValidationSet(configuration, trainedOn: dataset.classNames)
        evaluator = try validation.map {
            try DetectorEvaluator(
                truth: $0.truth, imagesIn: $0.folder,
                vocabulary: known.selecting($0.classNames), splits: $0.splits)
        }
        try evaluator?.check(masks: validation?.includesMasks ?? false)
        notes += validation?.notes ?? []
        self.notes = notes
        self.configuration = configuration
        self.folder = folder
        self.clip = clip
        self.dataset = dataset
        self.vocabulary = vocabulary
    }

    // MARK: Running

    /// Trains, or resumes the training.
    /// - Parameters:
    ///   - resumes: Whether to resume from the last checkpoint in the folder; without one, training starts at step 0.
    ///   - state: A PyTorch program's training state to continue if the folder contains no checkpoint, a file
    ///     `{"epoch", "model", "optimizer", "scheduler"}` with detectron2's names.
    ///   - storage: Whether the detector's folder refers to the CLIP or contains a copy of it.
    ///   - group: The processes that train together; all call this with the same configuration, the same data, and a folder
    ///     that all see. Process 0 alone writes into it.
    ///   - stopRequest: Asks the training to stop after a step.
    ///   - handle: Called with every event; of several processes in each.
    /// - Throws: ``NonFiniteLossError``, ``TrainingError``, and the errors of examples and the network.
    @discardableResult
    public func start(
        resumes: Bool, from state: PyTorchTrainingState? = nil,
        clip storage: ModelFolder.CLIPStorage = .reference, group: ProcessGroup? = nil,
        stopRequest: StopRequest = StopRequest(),
        _ handle: (TrainingEvent) throws -> Void
    ) throws -> TrainingSummary {
        guard group == nil || device.isProcessor else {
            throw TrainingError(
                "run.device",
                "is \(device.kind.rawValue), and several processes train on processors only: set it to cpu, or start one process"
            )
        }
        do {
            let lock = group.map({ $0.rank == 0 }) ?? true ? try FolderLock(making: folder) : nil
            defer { withExtendedLifetime(lock) {} }
            return try train(
                resumes: resumes, from: state, clip: storage, group: group, stopRequest: stopRequest, handle)
        } catch {
            if !(error is ProcessGroupError) { group?.leave(error.oneLine) }
            throw error
        }
    }

    private func train(
        resumes: Bool, from state: PyTorchTrainingState?, clip storage: ModelFolder.CLIPStorage,
        group: ProcessGroup?, stopRequest: StopRequest,
        _ handle: (TrainingEvent) throws -> Void
    ) throws -> TrainingSummary {
        let run = configuration.run
        let checkpoints = CheckpointFolder(
            path: folder + "/checkpoints", retention: .init(last: run.keepsLast))
        let latest = try checkpoints.latest()
        if !resumes, let latest {
            throw TrainingError(
                folder,
                "already contains a run (\(latest.folder)): add --resume to continue it, or choose another folder"
            )
        }
        let writes = group.map { $0.rank == 0 } ?? true
        if latest == nil, writes { try checkFolder() }
        try Generator.standard().seed(run.seed)
        try prepareDevice()
        let trainer = try Trainer(
            network.store, source: source, optimizer: configuration.makeOptimizer(of: network.store),
            configuration: configuration, checkpoints: checkpoints, identity: identity(),
            stopRequest: stopRequest, bestMetric: evaluator == nil ? nil : "bbox/AP", group: group,
            evaluate: evaluation()
        ) {
            try network.losses(of: $0, trunk: trunk, texts: texts, padding: padding, generator: $1).terms
        }
        trainer.isMeasuredExactly = StageProfile.current != nil
        if let latest {
            let changes = try configuration.changes(since: latest.configuration, in: folder)
            try trainer.resume(from: latest)
            trainer.notes += changes
        } else if let state {
            try trainer.resume(from: state, naming: Self.pyTorchKeys)
        }
        guard writes else { return try trainer.run(handle) }
        // Written once nothing can be rejected any more.
        try AtomicFile.write(configuration.yaml(), to: folder + "/config.yaml")
        let log = try RunLog(folder: folder, title: "Training", resumedStep: latest.map { _ in trainer.step })
        let summary = try trainer.run { event in
            try log.record(event)
            try handle(event)
        }
        guard summary.isComplete else { return summary }
        func write() throws {
            try ModelFolder(folder + "/model").write(
                configuration.detector, network: network, vocabulary: vocabulary, clip: storage)
        }
        if let average = trainer.average { try average.applied(write) } else { try write() }
        if let failure = summary.evaluationFailure {
            throw TrainingError(
                "evaluation", "failed: \(failure). The detector was written: \(folder)/model")
        }
        return summary
    }

    /// Refuses to begin a training over files that are not of one that was begun here.
    private func checkFolder() throws {
        let record = Path.join(folder, "config.yaml")
        if FileStatus(record) != nil, FileStatus(Path.join(folder, "metrics.jsonl")) == nil {
            throw TrainingError(
                record,
                "is there already and belongs to no training in this folder, which would replace it: choose another folder"
            )
        }
        let model = Path.join(folder, "model")
        if FileStatus(ModelFolder(model).configuration) != nil {
            throw TrainingError(
                model,
                "holds a detector already, and there is no checkpoint to resume: choose another folder")
        }
    }

    /// Applies the run's settings to the device.
    private func prepareDevice() throws {
        let run = configuration.run
        guard !device.isProcessor else { return }
        try Generator.standard(for: device).seed(run.seed)
        Runtime.setTensorFloat32(run.allowsTensorFloat32)
        let isFixed =
            configuration.detector.input.fitting == .square && configuration.data.variation != .resize
        Runtime.setConvolutionTuning(run.tunesConvolutions ?? (isFixed && !run.isDeterministic))
    }

    /// Digests of everything that must be unchanged when the training is resumed, independent of the files' locations.
    private func identity() throws -> [String: String] {
        var identity = [
            "the CLIP's weights": try clip.store.digest(),
            "the classes": try vocabulary.digest(includesEmbeddings: false),
        ]
        // Embeddings that one GPU makes differ in their last bits from those of another, and from the CPU's.
        if device.isProcessor || configuration.texts.vocabulary != nil {
            identity["the classes' embeddings"] = try vocabulary.digest()
        }
        return identity
    }

    private func evaluation() throws -> Trainer.Evaluate? {
        guard let evaluator, let validation else { return nil }
        let detector = try Detector(
            configuration: configuration.detector, clip: clip, network: network)
        var options = configuration.detector.scoring
        // Average precision depends on the whole list, not only on what would be shown.
        options.scoreThreshold = min(options.scoreThreshold, 0.01)
        options.includesMasks = validation.includesMasks
        return { _, progress in
            // A profile of the training only covers its steps.
            try StageProfile.$current.withValue(nil) {
                try evaluator.report(
                    evaluator.detections(of: detector, options: options, progress: progress))
            }
        }
    }

    /// The possible names of a parameter in such a file: detectron2's name; for the projection also a name next to the
    /// box predictor.
    private static func pyTorchKeys(_ name: String) -> [String] {
        [Detectron2Checkpoint.key(for: name)] + (name.hasPrefix("projection.") ? ["roi_heads." + name] : [])
    }
}
