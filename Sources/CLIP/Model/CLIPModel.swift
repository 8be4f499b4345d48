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
    public let format: CheckpointFormat

    /// The parameters.
    public let store: ParameterStore

    /// The image tower.
    public let vision: VisionTower

    /// The text tower.
    public let text: TextTransformer

    /// The logarithm of the factor from cosines to logits, a float32 scalar.
    public let logitScale: Parameter

    /// Where the weights were loaded from.
    public private(set) var checkpoint: CLIPCheckpoint?

    /// A network whose parameters have no values yet.
    /// - Parameters:
    ///   - dtype: float32, or bfloat16 for half the memory and, on processors that are faster with it, less time.
    ///   - format: How the parameters are named.
    /// - Throws: ``CLIPError`` when the sizes are impossible, `TorchError`.
    public init(
        _ configuration: CLIPConfiguration, dtype: DType = .float32, format: CheckpointFormat = .openAI
    ) throws {
        try configuration.validate()
        guard dtype.isFloatingPoint else {
            throw CLIPError("CLIP", reason: "\(dtype) is not a type of floating-point numbers")
        }
        let store = ParameterStore(dtype: dtype)
        self.configuration = configuration
        self.format = format
        self.store = store
        vision = try VisionTower(store.root, configuration.vision, format: format)
        text = try TextTransformer(store.root, configuration.text, format: format)
        // log(1 / 0.07), where training starts from.
        logitScale = try store.root.weight("logit_scale", [], .constant(2.659_26), dtype: .float32)
        try store.freeze()
    }

    /// The element type of the weights.
    public var dtype: DType { store.dtype }

    /// Sets all weights from a checkpoint; nothing is copied where element type and alignment suit.
    ///
    /// - Throws: `WeightMismatch` that lists everything missing, unexpected or of a wrong shape, `WeightFileError`,
    ///   ``CLIPError`` when the checkpoint has other names.
    public mutating func load(_ checkpoint: CLIPCheckpoint) throws {
        guard checkpoint.format == format else {
            throw CLIPError(
                checkpoint.weights.origin,
                reason: "has the names of \(checkpoint.format), the network those of \(format)")
        }
        let prefix = checkpoint.prefix
        func load(_ weights: some WeightSource) throws {
            try store.loadFrozen(
                weights, key: { prefix + $0 },
                ignoring: { CLIPCheckpoint.isIgnored($0, prefix: prefix) })
        }
        try load(checkpoint.weights)
        self.checkpoint = checkpoint
    }
}
