import Hub
import Imaging
import Torch
import WeightFiles

/// A CLIP: an image tower and a text tower that embed into one space.
///
/// The whole model is frozen: its weights have no gradients and its statistics do not move, whatever the mode of the
/// store, until `ParameterStore.unfreeze(under:)` is called.
public struct CLIPModel: Sendable {
    /// The architecture.
    public let configuration: CLIPConfiguration

    /// The naming of the parameters.
    package let format: CheckpointFormat

    /// The parameters.
    package let store: ParameterStore

    /// The image tower.
    package let vision: VisionTower

    /// The text tower.
    package let text: TextTransformer

    /// The logarithm of the logit scale, which multiplies the cosines, a float32 scalar.
    package let logitScale: Parameter

    /// The bias added to logits, a float32 scalar, for models trained with one (SigLIP's loss).
    package let logitBias: Parameter?

    /// The checkpoint that the weights were loaded from.
    package let checkpoint: CLIPCheckpoint?

    /// Creates a network whose parameters have no values yet.
    /// - Parameters:
    ///   - dtype: float32, or bfloat16 for half the memory and, on processors that run it faster, less time.
    ///   - format: The naming of the parameters.
    /// - Throws: ``CLIPError`` for impossible sizes, `TorchError`.
    package init(
        _ configuration: CLIPConfiguration, dtype: DType = .float32, format: CheckpointFormat = .openAI
    ) throws {
        try self.init(configuration, dtype: dtype, format: format, hasLogitBias: false, checkpoint: nil)
    }

    /// Creates the network of a checkpoint with its weights; nothing is copied if element type and alignment match.
    /// - Throws: `WeightMismatch` listing everything missing, unexpected or of the wrong shape; `WeightFileError`,
    ///   `TorchError`.
    init(_ checkpoint: CLIPCheckpoint, dtype: DType) throws {
        try self.init(
            checkpoint.configuration, dtype: dtype, format: checkpoint.format,
            hasLogitBias: checkpoint.weights.keys.contains("logit_bias"), checkpoint: checkpoint)
        let scalars = store.parameters.filter { $0.shape.isEmpty }.map(\.name)
        try store.loadFrozen(
            ScalarSource(base: checkpoint.weights, scalars: Set(scalars)),
            ignoring: checkpoint.isIgnored)
    }

    private init(
        _ configuration: CLIPConfiguration, dtype: DType, format: CheckpointFormat, hasLogitBias: Bool,
        checkpoint: CLIPCheckpoint?
    ) throws {
        try configuration.validate()
        guard dtype.isFloatingPoint else {
            throw CLIPError("CLIP", reason: "\(dtype) is not a floating-point type")
        }
        let store = ParameterStore(dtype: dtype)
        self.configuration = configuration
        self.format = format
        self.store = store
        self.checkpoint = checkpoint
        vision = try VisionTower(store.root, configuration.vision, format: format)
        text = try TextTransformer(store.root, configuration.text, format: format)
        // log(1 / 0.07), the initial value in training.
        logitScale = try store.root.weight("logit_scale", [], .constant(2.659_26), dtype: .float32)
        logitBias = try hasLogitBias ? store.root.weight("logit_bias", [], .zeros, dtype: .float32) : nil
        try store.freeze()
    }

    /// The element type of the weights.
    public var dtype: DType { store.dtype }

    /// The device of the weights.
    /// - Throws: `TorchError` if no weights are loaded.
    public var device: Device { get throws { try logitScale.value.device } }

    // MARK: Loading

    /// Options for loading a model.
    public struct LoadingOptions: Sendable {
        /// The element type of the weights: float32 or bfloat16.
        public var dtype: DType

        /// The device for the weights.
        public var device: Device

        /// Overrides the activation, which weights alone do not reveal.
        public var activation: Activation?

        /// The branch, tag or commit of a model given by name instead of by path.
        public var revision: String

        /// The cache that is searched for models given by name.
        public var cache: ModelCache

        /// Creates options; by default float32 on the CPU, the main branch, and the cache set in the environment.
        public init(
            dtype: DType = .float32, device: Device = .cpu, activation: Activation? = nil,
            revision: String = "main", cache: ModelCache = ModelCache()
        ) {
            self.dtype = dtype
            self.device = device
            self.activation = activation
            self.revision = revision
            self.cache = cache
        }
    }

    /// Loads a CLIP from disk; never downloads anything (see `ModelDownload`).
    ///
    /// Weights of the requested element type stay in the mapped file and are read on use. Choices and omissions are
    /// listed in ``notes``.
    /// - Parameters:
    ///   - location: A Hugging Face snapshot folder, a weight file, or the name of a model
    ///     (`openai/clip-vit-base-patch32`) in the Hugging Face cache.
    ///   - options: Precision, device, activation, revision, cache.
    /// - Throws: ``CLIPError``, `HubError`, `WeightFileError`, `WeightMismatch`, `TorchError`, naming the file and what
    ///   is wrong with it.
    public static func load(_ location: String, options: LoadingOptions = LoadingOptions()) throws
        -> CLIPModel
    {
        let path = try options.cache.path(of: location, revision: options.revision)
        return try load(CLIPCheckpoint(path, activation: options.activation), options: options)
    }

    /// Loads an opened checkpoint.
    /// - Throws: The errors of ``load(_:options:)``.
    package static func load(
        _ checkpoint: CLIPCheckpoint, options: LoadingOptions = LoadingOptions()
    ) throws -> CLIPModel {
        let device = try options.device.checked()
        let model = try CLIPModel(checkpoint, dtype: options.dtype)
        if !device.isProcessor { try model.store.convert(device: device) }
        return model
    }

    /// Choices and omissions of loading that a user should know about, one sentence each.
    public var notes: [String] { checkpoint?.notes ?? [] }

    /// The tokenizer next to the loaded weights.
    /// - Throws: ``CLIPError`` if there is none, it does not fit the text tower, or the weights were not loaded from
    ///   files.
    public func tokenizer() throws -> Tokenizer {
        guard let checkpoint else {
            throw CLIPError(
                "tokenizer", reason: "the weights were not loaded from files, so there is none next to them")
        }
        let tokenizer = try Tokenizer(
            contentsOf: checkpoint.folder, flavor: format == .huggingFace ? .huggingFace : nil)
        try check(tokenizer)
        return tokenizer
    }

    /// Rejects a tokenizer made for a different text tower.
    /// - Throws: ``CLIPError`` stating the mismatch.
    public func check(_ tokenizer: Tokenizer) throws {
        guard tokenizer.vocabularyCount <= text.configuration.vocabularySize else {
            throw CLIPError(
                "tokenizer",
                reason: "has \(tokenizer.vocabularyCount) tokens, the text tower "
                    + "\(text.configuration.vocabularySize): it belongs to another model")
        }
        if case .id(let end) = text.configuration.endToken, end != tokenizer.endToken {
            throw CLIPError(
                "tokenizer",
                reason: "ends texts with the id \(tokenizer.endToken), the configuration looks for \(end) "
                    + "(eos_token_id)")
        }
    }

    /// The preprocessing that the loaded weights were trained with: from a `preprocessor_config.json` or an
    /// `open_clip_config.json` next to them, otherwise CLIP's at the trained size.
    /// - Throws: ``CLIPError``.
    public func preprocessor() throws -> ImagePreprocessor {
        try checkpoint?.preprocessor()
            ?? (format == .huggingFace
                ? .huggingFace(side: vision.imageSize) : .openAI(side: vision.imageSize))
    }
}

/// Tensors some of which are scalars that a file may store as [1]; torch and open_clip accept both.
private struct ScalarSource: WeightSource {
    let base: any WeightSource
    let scalars: Set<String>

    var origin: String { base.origin }
    var keys: [String] { base.keys }

    func tensor(named name: String) throws -> StoredTensor {
        let tensor = try base.tensor(named: name)
        guard scalars.contains(name), tensor.count == 1, !tensor.shape.isEmpty else { return tensor }
        return try StoredTensor(
            name: tensor.name, dtype: tensor.dtype, shape: [], storage: tensor.storage,
            storageOffset: tensor.storageOffset)
    }
}
