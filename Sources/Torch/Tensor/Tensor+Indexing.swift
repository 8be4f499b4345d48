import WeightFiles

extension Operator {
    static let index = Operator("aten::index.Tensor")
    static let indexPut = Operator("aten::index_put_")
    static let indexSelect = Operator("aten::index_select")
    static let indexAdd = Operator("aten::index_add")
    static let gather = Operator("aten::gather")
    static let scatter = Operator("aten::scatter.src")
    static let scatterValue = Operator("aten::scatter.value")
    static let scatterAdd = Operator("aten::scatter_add")
    static let nonzero = Operator("aten::nonzero")
    static let topk = Operator("aten::topk")
    static let sort = Operator("aten::sort.stable")
    static let argsort = Operator("aten::argsort.stable")
    static let oneHot = Operator("aten::one_hot")
}

extension Tensor {
    /// A part of the tensor: `x[0, 1..<3]`, `x[TensorIndex.ellipsis, 0]`, `x[mask]`, `x[indices, TensorIndex.all]`,
    /// `x[TensorIndex.newAxis, -1]`.
    ///
    /// Numbers and ranges return views; masks and index tensors copy.
    /// - Throws: ``TorchError`` for indices out of range and for too many indices.
    public subscript(_ indices: any TensorIndexConvertible...) -> Tensor {
        get throws {
            let (view, advanced) = try resolve(indices)
            return advanced.contains { $0 != nil } ? try Operator.index(view, advanced) : view
        }
    }

    /// Overwrites part of the tensor: `try x.set(0, 1..<3, to: y)`; the values are converted and broadcast.
    /// - Throws: ``TorchError`` for indices out of range and for values that do not fit.
    public func set(_ indices: any TensorIndexConvertible..., to values: Tensor) throws {
        let (view, advanced) = try resolve(indices)
        if advanced.contains(where: { $0 != nil }) {
            try Operator.indexPut(view, advanced, values.to(device: device, dtype: dtype))
        } else {
            try view.copyInPlace(values)
        }
    }

    /// Overwrites part of the tensor with one number.
    /// - Throws: ``TorchError`` for indices out of range.
    public func set(_ indices: any TensorIndexConvertible..., to value: some ScalarConvertible) throws {
        let (view, advanced) = try resolve(indices)
        if advanced.contains(where: { $0 != nil }) {
            try Operator.indexPut(view, advanced, Tensor.full([], value, dtype: dtype, device: device))
        } else {
            try view.fillInPlace(value)
        }
    }

    /// Applies numbers, ranges and new dimensions as views and returns the remaining index tensors by dimension.
    private func resolve(_ indices: [any TensorIndexConvertible]) throws -> (
        view: Tensor, advanced: [Tensor?]
    ) {
        let indices = try indices.map { try $0._tensorIndex() }
        var view = self
        var advanced: [Tensor?] = []
        for (position, index) in indices.enumerated() {
            let dimension = advanced.count
            switch index {
            case .at(let place):
                view = try view.selected(dimension, place)
            case .slice(let start, let end, let step):
                if start != nil || end != nil || step != 1 {
                    view = try Operator.slice(view, dimension, start, end, step)
                } else if dimension >= view.rank {
                    throw tooMany(indices.count)
                }
                advanced.append(nil)
            case .newAxis:
                view = try view.unsqueezed(dimension)
                advanced.append(nil)
            case .ellipsis:
                let rest = try indices[(position + 1)...].map(consumedDimensions).reduce(0, +)
                let whole = view.rank - dimension - rest
                guard whole >= 0 else { throw tooMany(indices.count) }
                advanced.append(contentsOf: [Tensor?](repeating: nil, count: whole))
            case .tensor(let tensor):
                advanced.append(tensor)
                // A mask indexes as many dimensions as its rank; libtorch expands it.
                if try tensor.dtype == .bool {
                    guard tensor.rank > 1 else { continue }
                    let places = try tensor.nonzeroIndices()
                    advanced.removeLast()
                    advanced.append(contentsOf: try places.unbound(1).map { $0 })
                }
            }
        }
        guard advanced.count <= view.rank else { throw tooMany(indices.count) }
        return (view, advanced)
    }

    private func consumedDimensions(_ index: TensorIndex) throws -> Int {
        switch index {
        case .at, .slice: 1
        case .newAxis: 0
        case .ellipsis:
            throw TorchError("subscript", arguments: [summary], reason: "has more than one ellipsis")
        case .tensor(let tensor): try tensor.dtype == .bool ? tensor.rank : 1
        }
    }

    private func tooMany(_ count: Int) -> TorchError {
        TorchError(
            "subscript", arguments: [summary], reason: "\(count) indices are too many for \(rank) dimensions")
    }

    // MARK: Gathering and scattering

    /// The slices along a dimension at the given indices (a vector of `int64` or `int32`).
    public func indexSelected(_ dimension: Int, _ indices: Tensor) throws -> Tensor {
        try Operator.indexSelect(self, dimension, indices)
    }

    /// The tensor with slices of `source` added at the given indices along a dimension.
    public func indexAdded(_ dimension: Int, _ indices: Tensor, _ source: Tensor) throws -> Tensor {
        try Operator.indexAdd(self, dimension, indices, source)
    }

    /// The elements along a dimension at `indices` (`int64`), one per index.
    public func gathered(_ dimension: Int, _ indices: Tensor) throws -> Tensor {
        try Operator.gather(self, dimension, indices)
    }

    /// The tensor with the elements of `source` written at `indices` (`int64`) along a dimension.
    public func scattered(_ dimension: Int, _ indices: Tensor, _ source: Tensor) throws -> Tensor {
        try Operator.scatter(self, dimension, indices, source)
    }

    /// The tensor with one number written at `indices` (`int64`) along a dimension.
    public func scattered(_ dimension: Int, _ indices: Tensor, _ value: some ScalarConvertible) throws
        -> Tensor
    {
        try Operator.scatterValue(self, dimension, indices, value._scalar)
    }

    /// The tensor with the elements of `source` added at `indices` (`int64`) along a dimension.
    public func scatterAdded(_ dimension: Int, _ indices: Tensor, _ source: Tensor) throws -> Tensor {
        try Operator.scatterAdd(self, dimension, indices, source)
    }

    /// The positions of nonzero elements: one row of coordinates (`int64`) each.
    public func nonzeroIndices() throws -> Tensor { try Operator.nonzero(self) }

    // MARK: Order

    /// The `count` largest (or smallest) elements along a dimension, in order, and their indices (`int64`).
    public func topk(_ count: Int, dimension: Int = -1, largest: Bool = true, sorted: Bool = true) throws
        -> (values: Tensor, indices: Tensor)
    {
        try Operator.topk.pair(self, count, dimension, largest, sorted)
    }

    /// The elements sorted along a dimension, stably, and their previous indices (`int64`).
    public func sorted(_ dimension: Int = -1, descending: Bool = false) throws -> (
        values: Tensor, indices: Tensor
    ) {
        try Operator.sort.pair(self, true, dimension, descending)
    }

    /// The indices that sort the elements along a dimension (`int64`), stably.
    public func argsorted(_ dimension: Int = -1, descending: Bool = false) throws -> Tensor {
        try Operator.argsort(self, true, dimension, descending)
    }

    /// One-hot rows for the classes given by the elements (`int64`).
    public func oneHot(classCount: Int) throws -> Tensor { try Operator.oneHot(self, classCount) }
}
