import COCO
import FVLM
import Foundation
import Support
import Torch
import WeightFiles

/// The settings of a training: the file that `fvlm train` takes.
///
/// ```yaml
/// preset: published-small
/// detector: {clip: Models/emoji-clip}
/// data: {annotations: train.json, images: train, batchSize: 4}
/// optimizer: {learningRate: 0.0005}
/// run: {steps: 1000}
/// ```
public struct TrainingConfiguration: Codable, Sendable, Hashable {
    /// The training and validation data.
    public struct Data: Codable, Sendable, Hashable {
        /// Kinds of augmentation.
        public enum Variation: String, Codable, Sendable, CaseIterable {
            /// Only the resizing to the detector's input.
            case none
            /// Mirroring left to right.
            case flip
            /// Mirroring and large-scale jitter with crops.
            case jitter
            /// Mirroring and a size drawn from `sizes`.
            case resize
        }
        /// Published divisions into base and novel classes.
        public enum Split: String, Codable, Sendable, CaseIterable {
            /// COCO: 48 base classes.
            case ovd48x17 = "ovd48-17"
            /// LVIS v1: the common and frequent classes.
            case lvisBaseRare = "lvis-base-rare"
            /// The same.
            case lvis

            /// The classes of the split.
            var classes: OpenVocabularySplit {
                switch self {
                case .ovd48x17: .coco48x17
                case .lvisBaseRare, .lvis: .lvisBaseRare
                }
            }
        }
        /// The annotation file in the COCO form.
        public var annotations = ""
        /// The folder of its pictures.
        public var images = ""
        /// Annotations to evaluate on; null: none.
        public var validationAnnotations: String?
        /// The folder of their pictures.
        public var validationImages: String?
        /// The published split whose base classes are trained on; null: all classes.
        public var split: Split?
        /// The classes that are trained on; null: those of the split.
        public var classes: [String]?
        /// Whether images without objects are trained on.
        public var keepsEmptyImages = true
        /// Images of a batch.
        public var batchSize = 4
        /// Threads that prepare pictures.
        public var workers = 2
        /// How pictures are augmented.
        public var variation = Variation.jitter
        /// The least and the greatest scale of the jitter.
        public var jitter = [0.1, 2.0]
        /// The sizes that `resize` draws from, in pixels of the side that the detector's `input.fitting` sets.
        public var sizes: [Int]?
        /// The strengths of colour jitter.
        public var colors = ColorJitter()
        /// In how many variations a picture occurs, epoch after epoch in turn; null: a new one in every epoch. A cache
        /// needs a number.
        public var views: Int?
        /// The folder of a cache of frozen features that `fvlm cache` made; null: the trunk computes them.
        public var cache: String?
        /// Whether masks are learned; otherwise a detector of boxes is trained.
        public var masks = true
        /// What to do with pictures and outlines that cannot be used.
        public var faults = DataFaults.Policy.exclude
        /// The largest share of the pictures, and of the annotations, that may be left out.
        public var faultLimit = 0.2
    }

    /// How names become embeddings.
    public struct Texts: Codable, Sendable, Hashable {
        /// A vocabulary file made before; null: made of the classes' names.
        public var vocabulary: String?
        /// `single`, `imagenet-80`, or a file of templates.
        public var templates = "imagenet-80"
        /// The phrase of the background.
        public var background = "background"
    }

    /// How weights are optimised.
    public struct Optimization: Codable, Sendable, Hashable {
        /// Optimisers.
        public enum Kind: String, Codable, Sendable, CaseIterable {
            case sgd
            case adamw
        }
        /// Schedules of the learning rate after the warm-up.
        public enum Schedule: String, Codable, Sendable, CaseIterable {
            case constant
            case cosine
            case steps
        }
        /// The optimiser.
        public var kind = Kind.adamw
        /// The learning rate.
        public var learningRate = 1e-4
        /// SGD's momentum.
        public var momentum = 0.9
        /// The weight decay; norms and temperature have none.
        public var weightDecay = 1e-4
        /// The maximum norm of all gradients together; null: no clipping.
        public var clipNorm: Double?
        /// Steps of the linear warm-up of the learning rate.
        public var warmupSteps = 100
        /// The first factor of the warm-up, as a share of the learning rate.
        public var warmupFactor = 0.01
        /// The schedule after the warm-up.
        public var schedule = Schedule.cosine
        /// The share of the learning rate that the cosine ends at.
        public var minimumRatio = 0.1
        /// Where `steps` lowers the learning rate, as shares of the run.
        public var milestones = [0.8, 0.9, 0.95]
        /// The factor that `steps` applies at each milestone.
        public var decayFactor = 0.1
        /// The decay of the moving average of weights; null: no average.
        public var averageDecay: Double?
        /// Parameters with weight decay or a learning rate of their own.
        public var grouping = ParameterGrouping()
    }

    /// Length, precision, reports and checkpoints.
    public struct Run: Codable, Sendable, Hashable {
        /// Element types to compute in.
        public enum Precision: String, Codable, Sendable, CaseIterable {
            case float32
            case bfloat16

            /// The element type of matrix products and convolutions in the forward pass; nil: that of the weights.
            var autocast: DType? { self == .bfloat16 ? .bfloat16 : nil }
        }
        /// Optimiser steps in all.
        public var steps = 1000
        /// Batches whose gradients are accumulated for one step.
        public var accumulation = 1
        /// The seed of everything random.
        public var seed: UInt64 = 0
        /// Whether every run gives the same bits; slower.
        public var isDeterministic = false
        /// The element type of matrix products and convolutions.
        public var precision = Precision.float32
        /// Steps between reports.
        public var reportInterval = 20
        /// Steps between evaluations; null: only at the end.
        public var evaluationInterval: Int?
        /// Steps between checkpoints; null: as `checkpointMinutes` says.
        public var checkpointInterval: Int?
        /// Minutes between checkpoints; null: as `checkpointInterval` says.
        public var checkpointMinutes: Double? = 15
        /// Checkpoints that are kept, the latest.
        public var keepsLast = 3
        /// Initial weights: a detector's, or detectron2's; null: random.
        public var initialWeights: String?
    }

    /// The preset of detector settings to which those of the file are applied.
    public var preset = "published"
    /// The detector.
    public var detector = DetectorConfiguration()
    /// The training and validation data.
    public var data = Data()
    /// How names become embeddings.
    public var texts = Texts()
    /// How weights are optimised.
    public var optimizer = Optimization()
    /// Length, precision, reports and checkpoints.
    public var run = Run()

    /// The defaults, which name no data.
    public init() {}

    /// The defaults with single settings, which may name another preset; no data need be named.
    /// - Throws: `ConfigurationError`.
    public init(defaultsWith settings: [String]) throws {
        self = try Self.laid("", settings)
    }

    /// The configuration of a YAML text.
    /// - Parameters:
    ///   - settings: Single settings that replace those of the text, such as `run.steps=100`.
    ///   - origin: What messages call the text.
    ///   - folder: Where relative paths in the text start; nil: they stay as they are. Those of `settings` start from the
    ///     working folder.
    ///   - note: Receives what was read in an older form than it is written today.
    /// - Throws: `ConfigurationError` for unknown keys (with the nearest known one) and values out of range.
    public init(
        yaml text: String, settings: [String] = [], origin: String = "", pathsFrom folder: String? = nil,
        note: (String) -> Void = { _ in }
    ) throws {
        do {
            self = try Self.laid(text, settings, origin: origin, pathsFrom: folder, note: note)
            try validate()
        } catch var error as ConfigurationError {
            error.origin = origin
            throw error
        }
    }

    private static func laid(
        _ text: String, _ settings: [String], origin: String = "", pathsFrom folder: String? = nil,
        note: (String) -> Void = { _ in }
    ) throws -> TrainingConfiguration {
        func laid(over defaults: TrainingConfiguration) throws -> ConfigurationOverlay<Self> {
            var overlay = try ConfigurationOverlay(defaults)
            try overlay.apply(yaml: text, origin: origin, pathsFrom: folder)
            try overlay.apply(settings: settings)
            return overlay
        }
        // Twice: the preset decides the defaults of the other settings.
        var defaults = TrainingConfiguration()
        let preset = try laid(over: defaults).value(origin: origin).preset
        defaults.detector = try DetectorConfiguration(preset: preset)
        let overlay = try laid(over: defaults)
        overlay.notes.forEach(note)
        return try overlay.value(origin: origin)
    }

    /// The configuration of a YAML file; relative paths in it start from its folder.
    /// - Throws: `ConfigurationError` with the path.
    public init(contentsOf path: String, settings: [String] = [], note: (String) -> Void = { _ in }) throws {
        try self.init(
            yaml: ConfigurationError.text(of: path), settings: settings, origin: path,
            pathsFrom: URL(filePath: path).deletingLastPathComponent().path, note: note)
    }

    /// All settings as YAML text.
    /// - Parameter withComments: Whether each setting is preceded by what it does.
    /// - Throws: `ConfigurationError`.
    public func yaml(withComments: Bool = false) throws -> String {
        let texts = Self.settingTexts.merging(DetectorConfiguration.settingTexts) { own, _ in own }
        return try ConfigurationOverlay.text(of: self, documentation: withComments ? texts : nil)
    }
}

// Which settings are paths, and what files written before have for null.

extension TrainingConfiguration.Data: SettingsDescription {
    package static let pathSettings: [String: PathSetting] = [
        "annotations": .path, "images": .path, "validationAnnotations": .path, "validationImages": .path,
        "cache": .path,
    ]
    package static let formerNulls: [String: Set<String>] = [
        "classes": ["[]"], "sizes": ["[]"], "views": ["0"],
    ]
}

extension TrainingConfiguration.Texts: SettingsDescription {
    package static let pathSettings: [String: PathSetting] = ["vocabulary": .path, "templates": .pathOrName]
}

extension TrainingConfiguration.Optimization: SettingsDescription {
    package static let formerNulls: [String: Set<String>] = [
        "clipNorm": ["0", "0.0", "0.0e+0", "0e+0"], "averageDecay": ["0", "0.0", "0.0e+0", "0e+0"],
    ]
}

extension TrainingConfiguration.Run: SettingsDescription {
    package static let pathSettings: [String: PathSetting] = ["initialWeights": .path]
    package static let formerNulls: [String: Set<String>] = [
        "evaluationInterval": ["0"], "checkpointInterval": ["0"], "checkpointMinutes": ["0"],
    ]
}

// What is built of the settings.

extension TrainingConfiguration {
    /// The factor of the learning rate, step by step.
    /// - Throws: `TorchError` for factors out of range.
    func learningRateSchedule() throws -> LearningRateSchedule {
        let decay: LearningRateSchedule.Decay =
            switch optimizer.schedule {
            case .constant: .constant
            case .cosine: .cosine(totalSteps: run.steps, minimumRatio: optimizer.minimumRatio)
            case .steps:
                // Rounded: 0.29 of 100 is a little less than 29 in binary.
                .steps(
                    at: optimizer.milestones.map { Int(($0 * Double(run.steps)).rounded()) },
                    factor: optimizer.decayFactor)
            }
        let warmup =
            optimizer.warmupSteps > 0
            ? LearningRateSchedule.Warmup(steps: optimizer.warmupSteps, startFactor: optimizer.warmupFactor)
            : nil
        return try LearningRateSchedule(warmup: warmup, decay: decay)
    }

    /// The optimiser of a network's trainable parameters.
    /// - Throws: ``TrainingError`` when nothing is to be trained; `TorchError`.
    func makeOptimizer(of parameters: ParameterStore) throws -> any Optimizer {
        let groups = try optimizer.grouping.groups(
            of: parameters, learningRate: optimizer.learningRate, weightDecay: optimizer.weightDecay)
        switch optimizer.kind {
        case .sgd:
            return try SGD(
                groups, learningRate: optimizer.learningRate, momentum: optimizer.momentum,
                weightDecay: optimizer.weightDecay)
        case .adamw:
            return try AdamW(
                groups, learningRate: optimizer.learningRate, weightDecay: optimizer.weightDecay)
        }
    }
}
