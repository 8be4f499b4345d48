internal import CTorch

/// A stream of random numbers whose state can be kept and restored.
///
/// Safe to use from several tasks; draws are then interleaved in an order that is not defined, so give every task a
/// generator of its own where results must repeat.
public final class Generator: @unchecked Sendable {
    let handle: ct_generator

    init(taking handle: ct_generator) { self.handle = handle }

    deinit { ct_generator_release(handle) }

    /// A new stream for the processor, from a seed.
    /// - Throws: ``TorchError`` when memory runs out.
    public init(seed: UInt64) throws {
        var handle: ct_generator?
        try check(ct_generator_create(seed, &handle), "Generator", ["seed \(seed)"])
        guard let handle else { throw TorchError("Generator", reason: "was not made") }
        self.handle = handle
    }

    /// The stream that operators draw from when they are given none, for a device.
    /// - Throws: ``TorchError`` when there is no such device.
    public static func standard(for device: Device = .cpu) throws -> Generator {
        var handle: ct_generator?
        try check(ct_generator_default(device.code, &handle), "Generator.standard", [device.description])
        guard let handle else { throw TorchError("Generator.standard", reason: "\(device) has no generator") }
        return Generator(taking: handle)
    }

    /// Starts the stream anew from a seed.
    public func seed(_ seed: UInt64) throws { try check(ct_generator_seed(handle, seed), "Generator.seed") }

    /// The state as a `uint8` tensor.
    public func state() throws -> Tensor {
        var state: ct_tensor?
        try check(ct_generator_state(handle, &state), "Generator.state")
        guard let state else { throw TorchError("Generator.state", reason: "there is none") }
        return Tensor(taking: state)
    }

    /// Continues from a state that ``state()`` gave.
    /// - Throws: ``TorchError`` when the tensor is not such a state.
    public func restore(_ state: Tensor) throws {
        try check(ct_generator_set_state(handle, state.handle), "Generator.restore", [state.summary])
    }
}
