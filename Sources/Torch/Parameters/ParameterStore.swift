import Synchronization
import WeightFiles

/// All parameters of a network, by name, in order of declaration.
///
/// A new store is in evaluation mode; ``train(_:)`` switches it. Parts frozen by ``freeze(under:)`` keep their weights
/// and running statistics even while the rest trains.
///
/// May be used from several tasks. A forward pass reads the mode of each layer when it reaches it: if another task
/// switches modes meanwhile, some layers see the old mode and some the new.
public final class ParameterStore: Sendable {
    /// The default element type of weights.
    public let dtype: DType

    private struct State {
        var parameters: [Parameter] = []
        var byName: [String: Parameter] = [:]
        var modes: [(path: String, mode: LayerMode)] = []
        var products: [ProductForm] = []
        var isTraining = false
    }

    private let state = Mutex(State())

    /// All parameters, including buffers.
    public var parameters: [Parameter] { state.withLock { $0.parameters } }

    /// Whether the network is in training mode.
    public var isTraining: Bool { state.withLock { $0.isTraining } }

    /// Creates an empty store.
    /// - Parameter dtype: The element type of weights.
    public init(dtype: DType = .float32) { self.dtype = dtype }

    /// The scope that contains all others.
    public var root: ParameterScope { ParameterScope(store: self, path: "") }

    /// The parameter of that name.
    public subscript(name: String) -> Parameter? { state.withLock { $0.byName[name] } }

    /// The parameters at a path or below it.
    public func parameters(under path: String) -> [Parameter] {
        parameters.filter { Self.contains(path, $0.name) }
    }

    /// The weights that are not frozen.
    public var trainableParameters: [Parameter] { parameters.filter { !$0.isFrozen } }

    /// The number of elements of all weights at a path or below it, without buffers.
    public func weightCount(under path: String = "") -> Int {
        parameters(under: path).reduce(0) { $0 + ($1.role == .weight ? $1.count : 0) }
    }

    /// The number of elements of the weights that are not frozen.
    public var trainableWeightCount: Int { trainableParameters.reduce(0) { $0 + $1.count } }

    func declare(
        name: String, shape: [Int], dtype: DType?, role: Parameter.Role, initializer: Initializer,
        isOptional: Bool
    ) throws -> Parameter {
        _ = try Tensor.elementCount(of: shape)
        let parameter = Parameter(
            name: name, shape: shape, dtype: dtype ?? self.dtype, role: role, initializer: initializer,
            isOptional: isOptional)
        try state.withLock { state in
            guard state.byName.updateValue(parameter, forKey: name) == nil else {
                throw TorchError("parameter \(name)", reason: "there are two parameters of this name")
            }
            state.parameters.append(parameter)
        }
        return parameter
    }

    /// The products of layers that bytes can compute, in order of declaration.
    package var products: [ProductForm] { state.withLock { $0.products } }

    func add(_ product: ProductForm) { state.withLock { $0.products.append(product) } }

    func mode(at path: String) -> LayerMode {
        state.withLock { state in
            let mode = LayerMode(storeTrains: state.isTraining)
            state.modes.append((path, mode))
            return mode
        }
    }

    /// Whether a name is a path or below it; everything is below the empty path.
    static func contains(_ path: String, _ name: String) -> Bool {
        path.isEmpty || name == path
            || (name.hasPrefix(path) && name.utf8.dropFirst(path.utf8.count).first == 0x2E)
    }

    // MARK: Training

    /// Switches between training and evaluation mode; frozen parts stay in evaluation mode.
    public func train(_ trains: Bool = true) {
        state.withLock { state in
            state.isTraining = trains
            for (_, mode) in state.modes { mode.setStoreTrains(trains) }
        }
    }

    /// Freezes everything at a path or below it: no gradients, no changes of running statistics.
    /// - Throws: ``TorchError`` if there is nothing at that path.
    public func freeze(under path: String = "") throws { try setFrozen(true, path) }

    /// Undoes ``freeze(under:)``.
    /// - Throws: ``TorchError`` if there is nothing at that path.
    public func unfreeze(under path: String = "") throws { try setFrozen(false, path) }

    private func setFrozen(_ frozen: Bool, _ path: String) throws {
        let chosen = parameters(under: path)
        guard !chosen.isEmpty else {
            throw TorchError("freeze", arguments: ["'\(path)'"], reason: "there is no parameter at this path")
        }
        for parameter in chosen { try parameter.setFrozen(frozen) }
        state.withLock { state in
            for (place, mode) in state.modes where Self.contains(path, place) { mode.setFrozen(frozen) }
        }
    }

    /// Clears all accumulated gradients.
    public func clearGradients() throws {
        for parameter in parameters where parameter.grad != nil { try parameter.value.setGrad(nil) }
    }

    // MARK: Values

    /// The device of the values; the CPU if there are none.
    public var device: Device {
        parameters.lazy.compactMap { try? $0.value.device }.first ?? .cpu
    }

    /// Initializes the parameters at a path or below it, each with its own initializer.
    ///
    /// Every parameter draws from its own stream, derived from the seed and its name: its values do not depend on the
    /// other parameters.
    /// - Parameters:
    ///   - seed: The seed of the streams.
    ///   - path: The path; all parameters by default.
    ///   - onlyMissing: Whether parameters with values keep them.
    /// - Throws: ``TorchError``.
    public func initialize(seed: UInt64, under path: String = "", onlyMissing: Bool = false) throws {
        for parameter in parameters(under: path) where !(onlyMissing && parameter.hasValue) {
            let generator = try Generator(seed: seed ^ Self.hash(parameter.name))
            try parameter.set(
                parameter.initializer(parameter.shape, dtype: parameter.dtype, generator: generator))
        }
    }

    /// Moves and converts the values at a path or below it. Call this after the values are set; values set later only
    /// follow the element type.
    /// - Parameters:
    ///   - path: The path; all parameters by default.
    ///   - dtype: The element type of floating-point parameters.
    ///   - device: The device to move the values to.
    ///   - format: The memory format of four-dimensional parameters.
    /// - Throws: ``TorchError``.
    public func convert(
        under path: String = "", dtype: DType? = nil, device: Device? = nil, format: MemoryFormat? = nil
    ) throws {
        for parameter in parameters(under: path) {
            try parameter.convert(dtype: dtype, device: device, format: format)
        }
    }

    /// FNV-1a, since Swift's own hashes differ between runs.
    private static func hash(_ name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

/// Whether a layer is in training mode, as read by batch normalization.
///
/// Created by ``ParameterScope/mode()``, switched by ``ParameterStore``.
public final class LayerMode: Sendable {
    private let storeTrains: Atomic<Bool>
    private let isFrozen = Atomic<Bool>(false)

    init(storeTrains: Bool) { self.storeTrains = Atomic(storeTrains) }

    /// Whether the layer behaves as in training: frozen layers stay in evaluation mode while the rest of the network
    /// trains.
    public var isTraining: Bool {
        storeTrains.load(ordering: .relaxed) && !isFrozen.load(ordering: .relaxed)
    }

    func setStoreTrains(_ trains: Bool) { storeTrains.store(trains, ordering: .relaxed) }

    func setFrozen(_ frozen: Bool) { isFrozen.store(frozen, ordering: .relaxed) }
}
