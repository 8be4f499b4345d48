import Hub
import Imaging
import Torch
import WeightFiles

/// A CLIP: an image tower and a text tower that embed into one space.
///
/// All of it is frozen: no gradients for its weights and no moving statistics, whatever the store is switched to, until
/// ``ParameterStore/unfreeze(under:)`` is called.
public struct CLIPModel: Sendable {
    /// The architecture.
    public let configuration: CLIPConfiguration

    /// How the parameters are named.
    package let format: CheckpointFormat

    /// The parameters.
    package let store: ParameterStore

    /// The image tower.
    package let vision: VisionTower

    /// The text tower.
    package let text: TextTransformer

    /// The logarithm of the factor from cosines to logits, a float32 scalar.
    package let logitScale: Parameter

    /// What is added to logits, a float32 scalar, for models that were trained with one (SigLIP's loss).
    package let logitBias: Parameter?

    /// Where the weights were loaded from.
    package let checkpoint: CLIPCheckpoint?

    /// A network whose parameters have no values yet.
    /// - Parameters:
    ///   - dtype: float32, or bfloat16 for half the memory and, on processors that are faster with it, less time.
    ///   - format: How the parameters are named.
    /// - Throws: ``CLIPError`` when the sizes are impossible, `TorchError`.
    package init(
        _ configuration: CLIPConfiguration, dtype: DType = .float32, format: CheckpointFormat = .openAI
    ) throws {
        try self.init(configuration, dtype: dtype, format: format, hasLogitBias: false, checkpoint: nil)
    }

    /// The network of a checkpoint with its weights; nothing is copied where element type and alignment suit.
    /// - Throws: `WeightMismatch` that lists everything missing, unexpected or of a wrong shape; `WeightFileError`,
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
            throw CLIPError("CLIP", reason: "\(dtype) is not a type of floating-point numbers")
        }
        let store = ParameterStore(dtype: dtype)
        self.configuration = configuration
        self.format = format
        self.store = store
        self.checkpoint = checkpoint
        vision = try VisionTower(store.root, configuration.vision, format: format)
        text = try TextTransformer(store.root, configuration.text, format: format)
        // log(1 / 0.07), where training starts from.
        logitScale = try store.root.weight("logit_scale", [], .constant(2.659_26), dtype: .float32)
        logitBias = try hasLogitBias ? store.root.weight("logit_bias", [], .zeros, dtype: .float32) : nil
        try store.freeze()
    }

    /// The element type of the weights.
    public var dtype: DType { store.dtype }

    /// The device of the weights.
    /// - Throws: `TorchError` when they were not loaded.
    public var device: Device { get throws { try logitScale.value.device } }

    // MARK: Loading

    /// Settings of loading.
    public struct LoadingOptions: Sendable {
        /// The element type of the weights: float32 or bfloat16.
        public var dtype: DType

        /// Where the weights go.
        public var device: Device

        /// Overrides the activation, which weights alone do not tell.
        public var activation: Activation?

        /// The branch, tag or commit of a model that is given by name instead of by path.
        public var revision: String

        /// Where models that are given by name are looked for.
        public var cache: ModelCache

        /// By default float32 on the processor, the main branch, and the cache that the environment names.
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

    /// Loads a CLIP from disk; nothing is ever downloaded (see `ModelDownload`).
    ///
    /// Weights of the wanted element type stay in the mapped file and are read when they are used. What was chosen or
    /// passed over is in ``notes``.
    /// - Parameters:
    ///   - location: A snapshot folder of Hugging Face, a weight file, or the name of a model
    ///     (`openai/clip-vit-base-patch32`) in the Hugging Face cache.
    ///   - options: Precision, device, activation, revision, cache.
    /// - Throws: ``CLIPError``, `HubError`, `WeightFileError`, `WeightMismatch`, `TorchError`: what is wrong with which
    ///   file.
    public static func load(_ location: String, options: LoadingOptions = LoadingOptions()) throws
        -> CLIPModel
    {
        let path = try options.cache.path(of: location, revision: options.revision)
        return try load(CLIPCheckpoint(path, activation: options.activation), options: options)
    }

    /// Loads an opened checkpoint.
    /// - Throws: As the other method of this name.
    package static func load(
        _ checkpoint: CLIPCheckpoint, options: LoadingOptions = LoadingOptions()
    ) throws -> CLIPModel {
        let model = try CLIPModel(checkpoint, dtype: options.dtype)
        if options.device != .cpu { try model.store.convert(device: options.device) }
        return model
    }

    /// What loading chose or passed over and a user should know, a sentence each.
    public var notes: [String] { checkpoint?.notes ?? [] }

    /// The tokenizer that lies beside the loaded weights.
    /// - Throws: ``CLIPError`` when there is none, it does not suit the text tower, or the weights were not loaded from
    ///   files.
    public func tokenizer() throws -> Tokenizer {
        guard let checkpoint else {
            throw CLIPError("tokenizer", reason: "the weights were not loaded from files that it lies beside")
        }
        let tokenizer = try Tokenizer(
            contentsOf: checkpoint.folder, flavor: format == .huggingFace ? .huggingFace : nil)
        try check(tokenizer)
        return tokenizer
    }

    /// Refuses a tokenizer that was not made for the text tower.
    /// - Throws: ``CLIPError`` that names what does not fit.
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

    /// The preparation of pictures that the loaded weights were trained with: that of a `preprocessor_config.json` or an
    /// `open_clip_config.json` beside them, otherwise CLIP's at the trained size.
    /// - Throws: ``CLIPError``.
    public func preprocessor() throws -> ImagePreprocessor {
        try checkpoint?.preprocessor()
            ?? (format == .huggingFace
                ? .huggingFace(side: vision.imageSize) : .openAI(side: vision.imageSize))
    }
}

/// Tensors of which some are single numbers that a file may hold as [1]: torch and open_clip take either.
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
