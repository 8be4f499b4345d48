import COCO
import FVLM
import Foundation
import Support
import Torch
import WeightFiles

/// The settings of a training: the file passed to `fvlm train`.
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
            /// Only resizes to the detector's input.
            case none
            /// Mirrors horizontally.
            case flip
            /// Mirrors and applies large-scale jitter with crops.
            case jitter
            /// Mirrors and resizes to a size drawn from `sizes`.
            case resize
        }
        /// Published splits into base and novel classes.
        public enum Split: String, Codable, Sendable, CaseIterable {
            /// COCO: 48 base classes.
            case ovd48x17 = "ovd48-17"
            /// LVIS v1: the common and frequent classes.
            case lvisBaseRare = "lvis-base-rare"
            /// The same split under a shorter name.
            case lvis

            /// The classes of the split.
            var classes: OpenVocabularySplit {
                switch self {
                case .ovd48x17: .coco48x17
                case .lvisBaseRare, .lvis: .lvisBaseRare
                }
            }
        }
        /// The annotation file, in COCO format.
        public var annotations = ""
        /// The folder of its pictures.
        public var images = ""
        /// The annotation file to evaluate on; null: none.
        public var validationAnnotations: String?
        /// The folder of their pictures.
        public var validationImages: String?
        /// The published split whose base classes are trained; null: all classes.
        public var split: Split?
        /// The classes to train; null: those of the split.
        public var classes: [String]?
        /// Whether images without objects are used.
        public var keepsEmptyImages = true
        /// Images per batch, of all processes together.
        public var batchSize = 4
        /// Threads that prepare pictures.
        public var workers = 2
        /// How pictures are augmented.
        public var variation = Variation.jitter
        /// The minimum and maximum scale of the jitter.
        public var jitter = [0.1, 2.0]
        /// The sizes that `resize` draws from, in pixels of the side set by the detector's `input.fitting`.
        public var sizes: [Int]?
        /// The strengths of color jitter.
        public var colors = ColorJitter()
        /// The number of variations of each picture, used in turn epoch after epoch; null: a new one in every epoch. A
        /// cache requires a number.
        public var views: Int?
        /// The folder of a feature cache created by `fvlm cache`; null: the trunk computes the features.
        public var cache: String?
        /// Whether masks are learned; otherwise a detector of boxes only is trained.
        public var masks = true
        /// How pictures and outlines that cannot be used are treated.
        public var faults = DataFaults.Policy.exclude
        /// The maximum fraction of pictures, and of annotations, that may be skipped.
        public var faultLimit = 0.2
    }

    /// How class names are embedded.
    public struct Texts: Codable, Sendable, Hashable {
        /// An existing vocabulary file; null: made from the class names.
        public var vocabulary: String?
        /// `single`, `imagenet-80`, or a file of templates.
        public var templates = "imagenet-80"
        /// The phrase of the background.
        public var background = "background"
    }

    /// How weights are optimized.
    public struct Optimization: Codable, Sendable, Hashable {
        /// Optimizers.
        public enum Kind: String, Codable, Sendable, CaseIterable {
            /// Stochastic gradient descent with momentum.
            case sgd
            /// Adam with decoupled weight decay.
            case adamw
        }
        /// Schedules of the learning rate after the warm-up.
        public enum Schedule: String, Codable, Sendable, CaseIterable {
            /// The rate stays.
            case constant
            /// The rate falls along half a cosine to its last value.
            case cosine
            /// The rate is multiplied by a factor at given steps.
            case steps
        }
        /// The optimizer.
        public var kind = Kind.adamw
        /// The learning rate.
        public var learningRate = 1e-4
        /// SGD's momentum.
        public var momentum = 0.9
        /// The weight decay; norms and temperature are exempt.
        public var weightDecay = 1e-4
        /// The maximum norm of all gradients together; null: no clipping.
        public var clipNorm: Double?
        /// Steps of the linear warm-up of the learning rate.
        public var warmupSteps = 100
        /// The first factor of the warm-up, relative to the learning rate.
        public var warmupFactor = 0.01
        /// The schedule after the warm-up.
        public var schedule = Schedule.cosine
        /// The final value of the cosine, relative to the learning rate.
        public var minimumRatio = 0.1
        /// When `steps` lowers the learning rate, as fractions of the run.
        public var milestones = [0.8, 0.9, 0.95]
        /// The factor that `steps` applies at each milestone.
        public var decayFactor = 0.1
        /// The decay of the moving average of weights; null: no average.
        public var averageDecay: Double?
        /// Parameters with their own weight decay or learning rate.
        public var grouping = ParameterGrouping()
    }

    /// Length, precision, reports and checkpoints.
    public struct Run: Codable, Sendable, Hashable {
        /// Element types for computation.
        public enum Precision: String, Codable, Sendable, CaseIterable {
            /// 32 bits everywhere.
            case float32
            /// Autocast to 16 bits with the exponents of `float32`; losses and weights stay `float32`.
            case bfloat16
            /// With losses that are scaled up against underflow, for GPUs without `bfloat16`.
            case float16

            /// The element type of matrix products and convolutions in the forward pass; nil: that of the weights.
            var autocast: DType? {
                switch self {
                case .float32: nil
                case .bfloat16: .bfloat16
                case .float16: .float16
                }
            }
        }
        /// The device of the networks: `auto` (a working GPU, otherwise the CPU), `cpu`, `cuda`, `cuda:N` or `mps`.
        public var device = DeviceChoice.automatic
        /// The total number of optimizer steps.
        public var steps = 1000
        /// The number of batches whose gradients are accumulated per step.
        public var accumulation = 1
        /// The seed of all random numbers.
        public var seed: UInt64 = 0
        /// Whether runs are bit-reproducible; slower.
        public var isDeterministic = false
        /// The element type of matrix products and convolutions.
        public var precision = Precision.float32
        /// Whether NVIDIA's GPUs may compute `float32` with ten bits of mantissa (TF32): several times faster.
        public var allowsTensorFloat32 = true
        /// Whether cuDNN looks for the fastest algorithm of every new shape; null: where all pictures have one size and
        /// the run need not be deterministic.
        public var tunesConvolutions: Bool?
        /// Steps between reports.
        public var reportInterval = 20
        /// Steps between evaluations; null: only at the end.
        public var evaluationInterval: Int?
        /// Steps between checkpoints; null: see `checkpointMinutes`.
        public var checkpointInterval: Int?
        /// Minutes between checkpoints; null: see `checkpointInterval`.
        public var checkpointMinutes: Double? = 15
        /// The number of latest checkpoints to keep.
        public var keepsLast = 3
        /// Seconds that the processes of one training wait for each other before they give up.
        public var processLimit = 300.0
        /// Initial weights: a detector's, detectron2's or mmdet's; null: random.
        public var initialWeights: String?
    }

    /// The preset of detector settings to which those of the file are applied.
    public var preset = "published"
    /// The detector.
    public var detector = DetectorConfiguration()
    /// The training and validation data.
    public var data = Data()
    /// How class names are embedded.
    public var texts = Texts()
    /// How weights are optimized.
    public var optimizer = Optimization()
    /// Length, precision, reports and checkpoints.
    public var run = Run()

    /// Creates the defaults, which specify no data.
    public init() {}

    /// Creates the defaults with individual settings replaced, which may include another preset; no data need be
    /// specified.
    /// - Throws: `ConfigurationError`.
    public init(defaultsWith settings: [String]) throws {
        self = try Self.laid("", settings)
    }

    /// Creates a configuration from YAML text.
    /// - Parameters:
    ///   - text: The YAML text.
    ///   - settings: Individual settings that override the text's, such as `run.steps=100`.
    ///   - origin: The name of the text in messages.
    ///   - folder: The base of relative paths in the text; nil leaves them unchanged. Those in `settings` are relative
    ///     to the working folder.
    ///   - note: Called with a note about every setting read from an older format.
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
        // Decoded twice: the preset determines the defaults of the other settings.
        var defaults = TrainingConfiguration()
        let preset = try laid(over: defaults).value(origin: origin).preset
        defaults.detector = try DetectorConfiguration(preset: preset)
        let overlay = try laid(over: defaults)
        overlay.notes.forEach(note)
        return try overlay.value(origin: origin)
    }

    /// Creates a configuration from a YAML file; relative paths in it are resolved against its folder.
    /// - Throws: `ConfigurationError` with the path.
    public init(contentsOf path: String, settings: [String] = [], note: (String) -> Void = { _ in }) throws {
        try self.init(
            yaml: ConfigurationError.text(of: path), settings: settings, origin: path,
            pathsFrom: Path.parent(path), note: note)
    }

    /// All settings as YAML text.
    /// - Parameter withComments: Whether each setting is preceded by its description.
    /// - Throws: `ConfigurationError`.
    public func yaml(withComments: Bool = false) throws -> String {
        let texts = Self.settingTexts.merging(DetectorConfiguration.settingTexts) { own, _ in own }
        return try ConfigurationOverlay.text(of: self, documentation: withComments ? texts : nil)
    }
}

// Settings that are paths, and values that older files use for null.

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

// Objects built from the settings.

extension TrainingConfiguration {
    /// The learning-rate schedule.
    /// - Throws: `TorchError` for factors out of range.
    func learningRateSchedule() throws -> LearningRateSchedule {
        let decay: LearningRateSchedule.Decay =
            switch optimizer.schedule {
            case .constant: .constant
            case .cosine: .cosine(totalSteps: run.steps, minimumRatio: optimizer.minimumRatio)
            case .steps:
                // Rounded: 0.29 of 100 is slightly less than 29 in binary.
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

    /// Creates the optimizer of a network's trainable parameters.
    /// - Throws: ``TrainingError`` if nothing is trainable; `TorchError`.
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
