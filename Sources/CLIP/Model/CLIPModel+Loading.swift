import Foundation
import Torch
import WeightFiles

extension CLIPModel {
    /// What loading a CLIP can be told.
    public struct LoadingOptions: Sendable {
        /// The element type of the weights: float32 or bfloat16.
        public var dtype: DType

        /// Where the weights go.
        public var device: Device

        /// Overrides the activation, which weights alone do not tell.
        public var activation: Activation?

        /// The branch, tag or commit of a model that is named, not given as a path.
        public var revision: String

        /// Where models that are named, not given as a path, are looked for.
        public var cache: ModelCache

        /// Usual options: float32 on the processor, the main branch, the cache that the environment names.
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

    /// Loads a CLIP from disk; nothing is ever downloaded (see ``ModelDownload``).
    ///
    /// Weights of the wanted element type stay in the mapped file and are read when they are used.
    /// - Parameters:
    ///   - location: A snapshot folder of Hugging Face, a weight file, or the name of a model
    ///     (`openai/clip-vit-base-patch32`) in the Hugging Face cache.
    ///   - options: Precision, device, activation, revision, cache.
    /// - Throws: ``CLIPError``, `WeightFileError`, `WeightMismatch`, `TorchError`: what is wrong with which file.
    public static func load(_ location: String, options: LoadingOptions = LoadingOptions()) throws
        -> CLIPModel
    {
        let path = try options.cache.path(of: location, revision: options.revision)
        return try load(CLIPCheckpoint(path, activation: options.activation), options: options)
    }

    /// Loads an opened checkpoint.
    /// - Throws: As ``load(_:options:)``.
    public static func load(
        _ checkpoint: CLIPCheckpoint, options: LoadingOptions = LoadingOptions()
    ) throws -> CLIPModel {
        var model = try CLIPModel(
            checkpoint.configuration, dtype: options.dtype, format: checkpoint.format)
        try model.load(checkpoint)
        if options.device != .cpu { try model.store.convert(device: options.device) }
        return model
    }

    /// The device of the weights.
    /// - Throws: `TorchError` when they were not loaded.
    public var device: Device { get throws { try logitScale.value.device } }

    /// The tokenizer that lies beside the loaded weights.
    /// - Throws: ``TokenizerError``, or ``CLIPError`` when the weights were not loaded from files.
    public func tokenizer() throws -> Tokenizer {
        guard let checkpoint else {
            throw CLIPError("tokenizer", reason: "the weights were not loaded from files that it lies beside")
        }
        return try Tokenizer(
            contentsOf: checkpoint.folder, flavor: format == .huggingFace ? .huggingFace : nil)
    }

    /// The preparation of pictures that the loaded weights were trained with: that of a `preprocessor_config.json` or an
    /// `open_clip_config.json` beside them, otherwise CLIP's at the trained size.
    /// - Throws: ``PreprocessingError``, ``CLIPError``.
    public func preprocessor() throws -> ImagePreprocessor {
        try checkpoint?.preprocessor()
            ?? (format == .huggingFace
                ? .huggingFace(side: vision.imageSize) : .openAI(side: vision.imageSize))
    }
}

extension ModelCache {
    /// The path of a model that is given by a path or by name.
    /// - Throws: ``CLIPError`` when it is neither there nor in the cache.
    public func path(of location: String, revision: String = "main") throws -> String {
        if FileManager.default.fileExists(atPath: location) { return location }
        guard let name = ModelName(location) else {
            throw CLIPError(location, reason: "there is no such file or folder")
        }
        return try snapshot(of: name, revision: revision)
    }
}
