import WeightFiles

/// An optimizer's tensors for each parameter, under one name.
struct OptimizerSlots {
    let name: String
    private var tensors: [ObjectIdentifier: Tensor] = [:]

    init(_ name: String) { self.name = name }

    subscript(parameter: Parameter) -> Tensor? {
        get { tensors[ObjectIdentifier(parameter)] }
        set { tensors[ObjectIdentifier(parameter)] = newValue }
    }

    /// The tensor of a parameter, created if there is none.
    mutating func tensor(of parameter: Parameter, orMake make: () throws -> Tensor) rethrows -> Tensor {
        if let tensor = self[parameter] { return tensor }
        let tensor = try make()
        self[parameter] = tensor
        return tensor
    }

    func key(_ parameter: Parameter) -> String { "\(name)/\(parameter.name)" }

    func stored(_ parameters: [Parameter]) throws -> [StoredTensor] {
        try parameters.compactMap { parameter in try self[parameter]?.stored(named: key(parameter)) }
    }

    /// Loads all slots of an optimizer; nothing changes unless everything fits.
    static func load(
        _ slots: [OptimizerSlots], of parameters: [Parameter], from source: some WeightSource,
        shape: (OptimizerSlots, Parameter) -> [Int]
    ) throws -> [OptimizerSlots] {
        var mismatch = WeightMismatch(origin: source.origin)
        var unused = Set(source.keys)
        var result = slots.map { OptimizerSlots($0.name) }
        for parameter in parameters {
            let present = slots.filter { unused.contains($0.key(parameter)) }
            // A parameter that never had a gradient has no slots; one with only some of its slots is damaged.
            if !present.isEmpty && present.count < slots.count {
                mismatch.missing += slots.map { $0.key(parameter) }.filter { !unused.contains($0) }
            }
            for (index, slot) in slots.enumerated() where unused.remove(slot.key(parameter)) != nil {
                let stored = try source.tensor(named: slot.key(parameter))
                guard stored.shape == shape(slot, parameter) else {
                    mismatch.wrongShapes.append(
                        .init(
                            name: slot.key(parameter), stored: stored.shape,
                            expected: shape(slot, parameter)))
                    continue
                }
                // A copy in the parameter's layout: the file's bytes must not change with every step, and fused kernels
                // iterate over memory.
                let loaded = try Tensor(stored)
                let value = try parameter.value.detached()
                let tensor =
                    loaded.shape == value.shape
                    ? try value.emptyLike().to(device: value.device, dtype: loaded.dtype)
                    : try loaded.emptyLike().to(device: value.device)
                try tensor.copyInPlace(loaded)
                result[index][parameter] = tensor
            }
        }
        mismatch.unexpected = source.keys.filter { unused.contains($0) }
        guard mismatch.isEmpty else { throw mismatch }
        return result
    }
}
