import Synchronization
import WeightFiles

/// A named tensor of a network: a trainable weight, or a buffer.
///
/// A parameter has a name and a shape from the start and gets its values later, by loading or initializing; accessing
/// values that were never set is an error, not a random tensor. Created by ``ParameterScope``.
///
/// All members may be used from several tasks. A read concurrent with a write returns the values from before or after
/// it; this does not apply to the elements of a tensor (see ``Tensor``).
public final class Parameter: Sendable {
    /// The role of a parameter.
    public enum Role: Sendable, Hashable {
        /// Trainable unless it is frozen.
        case weight
        /// Saved but never trained: running statistics, position indices.
        case buffer
    }

    /// The name in the network and in its checkpoints, such as `layer1.0.conv1.weight`.
    public let name: String

    /// The sizes of all dimensions.
    public let shape: [Int]

    /// Weight or buffer.
    public let role: Role

    /// The source of values without a checkpoint.
    public let initializer: Initializer

    /// Whether a checkpoint may lack it; it then keeps its initial values. Only for values without knowledge, such as a
    /// count of batches.
    public let isOptional: Bool

    private struct State {
        var isFrozen: Bool
        var dtype: DType
        var value: Tensor?
        /// Whether the values are in memory shared with other readers, such as a mapped file, and must not be written.
        var isBorrowed = false
    }

    private let state: Mutex<State>

    /// Whether it is excluded from training. Buffers always are.
    public var isFrozen: Bool { state.withLock { $0.isFrozen } }

    /// The element type that values are converted to.
    public var dtype: DType { state.withLock { $0.dtype } }

    init(
        name: String, shape: [Int], dtype: DType, role: Role, initializer: Initializer, isOptional: Bool
    ) {
        self.name = name
        self.shape = shape
        self.role = role
        self.initializer = initializer
        self.isOptional = isOptional
        state = Mutex(State(isFrozen: role == .buffer, dtype: dtype))
    }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    private var current: Tensor? { state.withLock { $0.value } }

    /// Whether the values are set.
    public var hasValue: Bool { current != nil }

    /// The values, [``shape``].
    /// - Throws: ``TorchError`` if they were neither loaded nor initialized.
    public var value: Tensor {
        get throws {
            guard let current else {
                throw TorchError(
                    "parameter \(name)",
                    reason: "has no values yet: load a checkpoint or initialize the parameters first")
            }
            return current
        }
    }

    /// The gradient accumulated by backward passes, if any.
    public var grad: Tensor? { current?.grad }

    /// Sets the values, converted to the parameter's element type; a tensor of that type is kept without copying.
    /// - Throws: ``TorchError`` if the shape differs.
    public func set(_ tensor: Tensor) throws { try set(tensor, isBorrowed: false) }

    func set(_ tensor: Tensor, isBorrowed: Bool) throws {
        guard tensor.shape == shape else {
            throw TorchError(
                "parameter \(name)", arguments: [tensor.summary], reason: "the shape must be \(shape)")
        }
        try state.withLock { state in
            let tensor = try tensor.detached().to(state.dtype)
            if !state.isFrozen { try tensor.setRequiresGrad(true) }
            state.value = tensor
            state.isBorrowed = isBorrowed
        }
    }

    func setFrozen(_ frozen: Bool) throws {
        try state.withLock { state in
            // Buffers too: running statistics change when their part of the network trains.
            if !frozen && state.isBorrowed {
                state.value = try state.value?.clone(.contiguous)
                state.isBorrowed = false
            }
            guard role == .weight else { return }
            state.isFrozen = frozen
            // A detached alias: a recorded graph may still hold the tensor that accumulated gradients.
            state.value = try state.value?.detached()
            if !frozen { try state.value?.setRequiresGrad(true) }
        }
    }

    func convert(dtype newType: DType?, device: Device?, format: MemoryFormat?) throws {
        try state.withLock { state in
            if let newType, state.dtype.isFloatingPoint { state.dtype = newType }
            guard let tensor = state.value else { return }
            var converted = try tensor.detached().to(device: device ?? tensor.device, dtype: state.dtype)
            if let format, converted.rank == 4 { converted = try converted.contiguous(format) }
            if !state.isFrozen { try converted.setRequiresGrad(true) }
            state.isBorrowed = state.isBorrowed && converted.sharesStorage(with: tensor)
            state.value = converted
        }
    }
}
