internal import CTorch

extension Operator {
    static let detach = Operator("aten::detach")
}

extension Tensor {
    /// Whether gradients flow to this tensor.
    public var requiresGrad: Bool { ct_tensor_requires_grad(handle) }

    /// Turns accumulation of gradients in this tensor on or off.
    /// - Throws: ``TorchError`` for integers, and for turning it off on a result of recorded operations.
    public func setRequiresGrad(_ requiresGrad: Bool) throws {
        try check(ct_tensor_set_requires_grad(handle, requiresGrad), "setRequiresGrad", [summary])
    }

    /// This tensor, with accumulation of gradients turned on.
    /// - Throws: ``TorchError`` for integers.
    public func requiringGrad() throws -> Tensor {
        try setRequiresGrad(true)
        return self
    }

    /// The gradient accumulated by backward passes, if any.
    public var grad: Tensor? { ct_tensor_grad(handle).map { Tensor(taking: $0) } }

    /// Replaces or, with `nil`, clears the accumulated gradient.
    /// - Throws: ``TorchError`` if it does not fit the tensor.
    public func setGrad(_ grad: Tensor?) throws {
        if let grad, grad.shape != shape {
            throw TorchError("setGrad", arguments: [summary, grad.summary], reason: "the shapes differ")
        }
        try check(ct_tensor_set_grad(handle, grad?.handle), "setGrad", [summary])
    }

    /// The same elements, detached from the graph.
    public func detached() throws -> Tensor { try Operator.detach(self) }

    /// Runs the backward pass from this tensor: adds to the ``grad`` of every leaf that requires one.
    /// - Parameters:
    ///   - seed: The gradient of this tensor; one by default, for a tensor with a single element.
    ///   - retainGraph: Whether another backward pass will follow.
    ///   - createGraph: Whether the pass itself is recorded, for second derivatives.
    /// - Throws: ``TorchError``, also for errors of a backward pass written in Swift.
    public func backward(_ seed: Tensor? = nil, retainGraph: Bool = false, createGraph: Bool = false) throws {
        try Tensor.backward([self], seeds: [seed], retainGraph: retainGraph, createGraph: createGraph)
    }

    /// Runs one backward pass from several tensors; see ``backward(_:retainGraph:createGraph:)``.
    public static func backward(
        _ tensors: [Tensor], seeds: [Tensor?]? = nil, retainGraph: Bool = false, createGraph: Bool = false
    ) throws {
        let seeds = seeds ?? [Tensor?](repeating: nil, count: tensors.count)
        guard seeds.count == tensors.count else {
            throw TorchError("backward", reason: "\(tensors.count) tensors have \(seeds.count) seeds")
        }
        let handles = tensors.map { Optional($0.handle) }
        let seedHandles = seeds.map { $0?.handle }
        try check(
            ct_backward(handles, seedHandles, handles.count, nil, 0, retainGraph, createGraph), "backward",
            tensors.map(\.summary))
        withExtendedLifetime((tensors, seeds)) {}
    }

    /// The gradients of tensors with respect to others, without accumulating them; `nil` where there is no path.
    /// - Throws: ``TorchError``.
    public static func gradients(
        of tensors: [Tensor], withRespectTo inputs: [Tensor], seeds: [Tensor?]? = nil,
        retainGraph: Bool = false,
        createGraph: Bool = false
    ) throws -> [Tensor?] {
        let seeds = seeds ?? [Tensor?](repeating: nil, count: tensors.count)
        guard seeds.count == tensors.count else {
            throw TorchError("gradients", reason: "\(tensors.count) tensors have \(seeds.count) seeds")
        }
        let handles = tensors.map { Optional($0.handle) }
        let seedHandles = seeds.map { $0?.handle }
        let inputHandles = inputs.map { Optional($0.handle) }
        var gradients = [ct_tensor?](repeating: nil, count: inputs.count)
        try check(
            ct_gradients(
                handles, seedHandles, handles.count, inputHandles, inputHandles.count, retainGraph,
                createGraph,
                &gradients), "gradients", tensors.map(\.summary))
        withExtendedLifetime((tensors, seeds, inputs)) {}
        return gradients.map { $0.map { Tensor(taking: $0) } }
    }
}
