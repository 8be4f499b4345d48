import FVLM
import Support
import Foundation

/// Everything that a training run is told: the file that `fvlm train` takes.
///
/// ```yaml
/// preset: published-small
/// detector: {clip: Models/emoji-clip}
/// data: {annotations: train.json, images: train, batchSize: 4}
/// optimizer: {learningRate: 0.0005}
/// run: {steps: 1000}
/// ```
public struct TrainingConfiguration: Codable, Sendable, Hashable {
    /// What is trained on.
    public struct Data: Codable, Sendable, Hashable {
        /// Ways of varying pictures.
        public enum Variation: String, Codable, Sendable, CaseIterable {
            /// None but the resizing to the detector's input.
            case none
            /// Mirroring left to right.
            case flip
            /// Mirroring and large-scale jitter with crops.
            case jitter
            /// Mirroring and a size drawn from `sizes`.
            case resize
        }
        /// The annotation file in the COCO form.
        public var annotations = ""
        /// The folder of its pictures.
        public var images = ""
        /// Annotations to evaluate on; empty: none.
        public var validationAnnotations = ""
        /// The folder of their pictures.
        public var validationImages = ""
        /// The split whose base classes are trained on: `ovd48-17`, `lvis`; empty: all classes.
        public var split = ""
        /// The classes that are trained on; empty: those of the split.
        public var classes: [String] = []
        /// Whether images without objects take part.
        public var keepsEmptyImages = true
        /// Images of a batch.
        public var batchSize = 4
        /// Threads that prepare pictures.
        public var workers = 2
        /// How pictures are varied.
        public var variation = Variation.jitter
        /// The least and the greatest scale of the jitter.
        public var jitter = [0.1, 2.0]
        /// The sizes that `resize` draws from, in pixels of the side that the detector's `input.fitting` is about.
        public var sizes: [Int] = []
        /// How strongly colours are varied.
        public var colors = Colors()
        /// In how many variations a picture occurs, epoch after epoch in turn; 0: a new one in every epoch. Needed for
        /// a cache.
        public var views = 0
        /// The folder of a cache of frozen features that `fvlm cache` made; empty: the trunk computes them.
        public var cache = ""
    }

    /// How strongly colours are varied: 0 not at all.
    public struct Colors: Codable, Sendable, Hashable {
        /// Up to 1: colours are multiplied by a number from 1 - this to 1 + this.
        public var brightness = 0.0
        /// Up to 1: likewise distances from the picture's mean grey.
        public var contrast = 0.0
        /// Up to 1: likewise distances from each pixel's grey.
        public var saturation = 0.0
        /// Up to 0.5: the parts of a full turn about the grey axis.
        public var hue = 0.0
    }

    /// How names become embeddings.
    public struct Texts: Codable, Sendable, Hashable {
        /// A vocabulary file made before; empty: made of the classes' names.
        public var vocabulary = ""
        /// `single`, `imagenet-80`, or a file of templates.
        public var templates = "imagenet-80"
        /// The phrase of the background.
        public var background = "background"
    }

    /// How weights are moved.
    public struct Optimization: Codable, Sendable, Hashable {
        /// Optimisers.
        public enum Kind: String, Codable, Sendable, CaseIterable {
            case sgd
            case adamw
        }
        /// Courses of the learning rate after its rise.
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
        /// The greatest length of all gradients together; 0: no bound.
        public var clipNorm = 0.0
        /// Steps in which the learning rate rises.
        public var warmupSteps = 100
        /// What it rises from, as a share.
        public var warmupFactor = 0.01
        /// Its course afterwards.
        public var schedule = Schedule.cosine
        /// What the cosine ends at, as a share.
        public var minimumRatio = 0.1
        /// Where `steps` falls, as shares of the run.
        public var milestones = [0.8, 0.9, 0.95]
        /// What it is multiplied by there.
        public var decayFactor = 0.1
        /// The share of the old moving average of weights that a step keeps; 0: none is kept.
        public var averageDecay = 0.0
    }

    /// How long, how exactly, how often.
    public struct Run: Codable, Sendable, Hashable {
        /// Optimiser steps in all.
        public var steps = 1000
        /// Batches for one step.
        public var accumulation = 1
        /// What everything random follows from.
        public var seed: UInt64 = 0
        /// Whether every run gives the same bits.
        public var isDeterministic = false
        /// `float32` or `bfloat16`, for matrix products and convolutions.
        public var precision = "float32"
        /// Steps between reports.
        public var reportInterval = 20
        /// Steps between evaluations; 0: at the end.
        public var evaluationInterval = 0
        /// Steps between checkpoints; 0: at the end.
        public var checkpointInterval = 0
        /// Checkpoints that are kept, the latest.
        public var keepsLast = 3
        /// Weights to begin with: a detector's, or detectron2's; empty: random.
        public var initialWeights = ""
    }

    /// The detector's settings that the others are upon.
    public var preset = "published"
    /// The detector.
    public var detector = DetectorConfiguration()
    /// What is trained on.
    public var data = Data()
    /// How names become embeddings.
    public var texts = Texts()
    /// How weights are moved.
    public var optimizer = Optimization()
    /// How long, how exactly, how often.
    public var run = Run()

    /// The defaults, which name no data.
    public init() {}

    /// The configuration of a YAML text.
    /// - Parameters:
    ///   - settings: Single settings upon it, such as `run.steps=100`.
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
            self = try ConfigurationError.wrapping {
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
            try validate()
        } catch var error as ConfigurationError {
            error.origin = origin
            throw error
        }
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
        try ConfigurationError.wrapping {
            let texts = Self.settingTexts.merging(DetectorConfiguration.settingTexts) { own, _ in own }
            return try ConfigurationOverlay.text(of: self, documentation: withComments ? texts : nil)
        }
    }

    private func validate() throws {
        try detector.validate()
        func require(_ isRight: Bool, _ key: String, _ reason: String) throws {
            guard isRight else { throw ConfigurationError(key: key, reason: reason) }
        }
        try require(
            !data.annotations.isEmpty, "data.annotations", "is missing: the annotation file to train on")
        try require(!data.images.isEmpty, "data.images", "is missing: the folder of the pictures")
        try require(
            data.validationAnnotations.isEmpty == data.validationImages.isEmpty, "data.validationImages",
            "goes together with data.validationAnnotations")
        try require(data.batchSize > 0, "data.batchSize", "must be above 0")
        try require((0...256).contains(data.workers), "data.workers", "must be from 0 to 256")
        try require(
            data.jitter.count == 2 && data.jitter[0] > 0 && data.jitter[0] <= data.jitter[1], "data.jitter",
            "must be two scales above 0, the smaller first")
        try require(
            data.sizes.allSatisfy { (1...16384).contains($0) }, "data.sizes", "must be from 1 to 16384")
        try require(
            data.variation != .resize || !data.sizes.isEmpty, "data.sizes",
            "is missing: the sizes that data.variation=resize draws from")
        let colors = data.colors
        try require(
            [colors.brightness, colors.contrast, colors.saturation].allSatisfy { (0...1).contains($0) },
            "data.colors", "brightness, contrast and saturation must be from 0 to 1")
        try require((0...0.5).contains(colors.hue), "data.colors.hue", "must be from 0 to 0.5")
        try require((0...10_000).contains(data.views), "data.views", "must be from 0 to 10,000")
        try require(
            data.cache.isEmpty || data.views > 0, "data.views",
            "must be the number of views that the cache was made with")
        try require(
            optimizer.learningRate > 0 && optimizer.learningRate.isFinite, "optimizer.learningRate",
            "must be above 0")
        try require(optimizer.clipNorm >= 0, "optimizer.clipNorm", "must not be negative")
        try require(
            (0..<1).contains(optimizer.averageDecay), "optimizer.averageDecay", "must be from 0 to below 1")
        try require(
            optimizer.milestones.allSatisfy { (0...1).contains($0) }, "optimizer.milestones",
            "must be shares of the run, from 0 to 1")
        try require(optimizer.warmupSteps >= 0, "optimizer.warmupSteps", "must not be negative")
        try require(run.steps > 0, "run.steps", "must be above 0")
        try require(run.accumulation > 0, "run.accumulation", "must be above 0")
        try require(run.reportInterval > 0, "run.reportInterval", "must be above 0")
        try require(run.evaluationInterval >= 0, "run.evaluationInterval", "must not be negative")
        try require(run.checkpointInterval >= 0, "run.checkpointInterval", "must not be negative")
        try require(run.keepsLast > 0, "run.keepsLast", "must be above 0")
        try require(
            ["float32", "bfloat16"].contains(run.precision), "run.precision", "must be float32 or bfloat16")
    }
}

// Which settings are paths.

extension TrainingConfiguration.Data: SettingsDescription {
    package static let pathSettings: [String: PathSetting] = [
        "annotations": .path, "images": .path, "validationAnnotations": .path, "validationImages": .path,
        "cache": .path,
    ]
}

extension TrainingConfiguration.Texts: SettingsDescription {
    package static let pathSettings: [String: PathSetting] = ["vocabulary": .path, "templates": .pathOrName]
}

extension TrainingConfiguration.Run: SettingsDescription {
    package static let pathSettings: [String: PathSetting] = ["initialWeights": .path]
}
