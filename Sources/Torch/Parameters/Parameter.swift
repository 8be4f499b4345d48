import WeightFiles

/// A named tensor of a network: a weight that training changes, or a buffer that it does not.
///
/// A parameter has a name and a shape from the start and gets its values later, by loading or by initialising; asking
/// for values that were never set is an error, not a random tensor. Made by ``ParameterScope``.
///
/// Reading from several tasks is safe; setting values while others read needs the caller's own order.
public final class Parameter: @unchecked Sendable {
    /// What a parameter is for.
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

    /// Whether it is kept from training. Buffers always are.
    public private(set) var isFrozen: Bool

    /// The element type that values are converted to.
    public private(set) var dtype: DType

    private var current: Tensor?

    /// Whether the values lie in memory that others read too, such as a mapped file, and must not be written.
    private var isBorrowed = false

    init(
        name: String, shape: [Int], dtype: DType, role: Role, initializer: Initializer, isOptional: Bool
    ) {
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.role = role
        self.initializer = initializer
        self.isOptional = isOptional
        isFrozen = role == .buffer
    }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

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
        let tensor = try tensor.detached().to(dtype)
        if !isFrozen { try tensor.setRequiresGrad(true) }
        current = tensor
        self.isBorrowed = isBorrowed
    }

    func setFrozen(_ frozen: Bool) throws {
        // Buffers too: running statistics move when their part of the network trains.
        if !frozen && isBorrowed {
            current = try current?.clone(.contiguous)
            isBorrowed = false
        }
        guard role == .weight else { return }
        isFrozen = frozen
        // A detached alias: a recorded graph may still hold the tensor that collected gradients.
        if let tensor = current { current = try tensor.detached() }
        if !frozen { try current?.setRequiresGrad(true) }
    }

    func convert(dtype newType: DType?, device: Device?, format: MemoryFormat?) throws {
        if let newType, dtype.isFloatingPoint { dtype = newType }
        guard let tensor = current else { return }
        var converted = try tensor.detached().to(device: device ?? tensor.device, dtype: dtype)
        if let format, converted.rank == 4 { converted = try converted.contiguous(format) }
        if !isFrozen { try converted.setRequiresGrad(true) }
        isBorrowed = isBorrowed && converted.sharesStorage(with: tensor)
        current = converted
    }
}
