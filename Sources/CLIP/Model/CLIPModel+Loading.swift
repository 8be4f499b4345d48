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

        /// Usual options: float32 on the processor.
        public init(dtype: DType = .float32, device: Device = .cpu, activation: Activation? = nil) {
            self.dtype = dtype
            self.device = device
            self.activation = activation
        }
    }

    /// Loads a CLIP.
    ///
    /// Weights of the wanted element type stay in the mapped file and are read when they are used.
    /// - Parameters:
    ///   - path: A snapshot folder of Hugging Face, a weight file, or the name of a model (`openai/clip-vit-base-patch32`)
    ///     in the Hugging Face cache.
    ///   - options: Precision, device, activation.
    /// - Throws: ``CLIPError``, `WeightFileError`, `WeightMismatch`, `TorchError`: what is wrong with which file.
    public static func load(_ path: String, options: LoadingOptions = LoadingOptions()) throws -> CLIPModel {
        let checkpoint = try CLIPCheckpoint(path, activation: options.activation)
        return try load(checkpoint, options: options)
    }

    /// Loads an opened checkpoint.
    /// - Throws: As ``load(_:options:)``.
    public static func load(
        _ checkpoint: CLIPCheckpoint, options: LoadingOptions = LoadingOptions()
    ) throws -> CLIPModel {
        let model = try CLIPModel(
            checkpoint.configuration, dtype: options.dtype, format: checkpoint.format)
        try model.load(checkpoint)
        if options.device != .cpu { try model.store.convert(device: options.device) }
        return model
    }
}
