import Synchronization
import WeightFiles

/// A named tensor of a network: a weight that training changes, or a buffer that it does not.
///
/// A parameter has a name and a shape from the start and gets its values later, by loading or by initialising; asking
/// for values that were never set is an error, not a random tensor. Made by ``ParameterScope``.
///
/// Everything here may be used from several tasks. A task that reads while another sets gets the values from before or
/// after; the elements of a tensor that it has are another matter (see ``Tensor``).
public final class Parameter: Sendable {
    /// The role of a parameter.
    public enum Role: Sendable, Hashable {
        /// Gradients flow to it unless it is frozen.
        case weight
        /// Kept and saved, never trained: running statistics, position indices.
        case buffer
    }

    /// The name in the network and in its checkpoints, such as `layer1.0.conv1.weight`.
    public let name: String

    /// The sizes of all dimensions.
    public let shape: [Int]

    /// Weight or buffer.
    public let role: Role

    /// Where values come from when there is no checkpoint.
    public let initializer: Initializer

    /// Whether a checkpoint may lack it; it then keeps what its initialiser gives. Only for values that carry no
    /// knowledge, such as a count of batches.
    public let isOptional: Bool

    private struct State {
        var isFrozen: Bool
        var dtype: DType
        var value: Tensor?
        /// Whether the values lie in memory that others read too, such as a mapped file, and must not be written.
        var isBorrowed = false
    }

    private let state: Mutex<State>

    /// Whether it is kept from training. Buffers always are.
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

    /// Whether the values were set.
    public var hasValue: Bool { current != nil }

    /// The values, [``shape``].
    /// - Throws: ``TorchError`` when they were neither loaded nor initialised.
    public var value: Tensor {
        get throws {
            guard let current else {
                throw TorchError(
                    "parameter \(name)",
                    reason: "has no values yet: load a checkpoint or initialise the parameters first")
            }
            return current
        }
    }

    /// The gradient that backward passes have collected, if any.
    public var grad: Tensor? { current?.grad }

    /// Sets the values, converted to the parameter's element type; the tensor is kept, not copied, when it has it.
    /// - Throws: ``TorchError`` when the shape is another one.
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
            // Buffers too: running statistics move when their part of the network trains.
            if !frozen && state.isBorrowed {
                state.value = try state.value?.clone(.contiguous)
                state.isBorrowed = false
            }
            guard role == .weight else { return }
            state.isFrozen = frozen
            // A detached alias: a recorded graph may still hold the tensor that collected gradients.
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
