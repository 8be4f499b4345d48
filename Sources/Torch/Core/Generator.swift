internal import CTorch

/// A stream of random numbers whose state can be saved and restored.
///
/// Safe to use from several tasks; draws are then interleaved in an undefined order, so use one generator per task for
/// reproducible results.
public final class Generator: @unchecked Sendable {
    let handle: ct_generator

    init(taking handle: ct_generator) { self.handle = handle }

    deinit { ct_generator_release(handle) }

    /// Creates a stream on the CPU from a seed.
    /// - Throws: ``TorchError`` if it runs out of memory.
    public init(seed: UInt64) throws {
        var handle: ct_generator?
        try check(ct_generator_create(seed, &handle), "Generator", ["seed \(seed)"])
        guard let handle else { throw TorchError("Generator", reason: "could not be created") }
        self.handle = handle
    }

    /// A device's default stream, which operators draw from if no generator is given.
    /// - Throws: ``TorchError`` if there is no such device.
    public static func standard(for device: Device = .cpu) throws -> Generator {
        var handle: ct_generator?
        try check(ct_generator_default(device.code, &handle), "Generator.standard", [device.description])
        guard let handle else { throw TorchError("Generator.standard", reason: "\(device) has no generator") }
        return Generator(taking: handle)
    }

    /// Restarts the stream from a seed.
    public func seed(_ seed: UInt64) throws { try check(ct_generator_seed(handle, seed), "Generator.seed") }

    /// The state as a `uint8` tensor.
    public func state() throws -> Tensor {
        var state: ct_tensor?
        try check(ct_generator_state(handle, &state), "Generator.state")
        guard let state else { throw TorchError("Generator.state", reason: "there is none") }
        return Tensor(taking: state)
    }

    /// Restores a state returned by ``state()``.
    /// - Throws: ``TorchError`` if the tensor is not such a state.
    public func restore(_ state: Tensor) throws {
        try check(ct_generator_set_state(handle, state.handle), "Generator.restore", [state.summary])
    }
}
