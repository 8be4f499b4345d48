/// A layer that makes one tensor from one tensor.
public protocol UnaryLayer: Sendable {
    /// Applies the layer.
    /// - Throws: ``TorchError`` when the input does not fit or a parameter has no values.
    func callAsFunction(_ input: Tensor) throws -> Tensor

    /// Applies the layer, then max(x, 0); layers that can do both at once do.
    /// - Throws: As the layer itself.
    func rectified(_ input: Tensor) throws -> Tensor
}

extension UnaryLayer {
    /// Applies the layer, then max(x, 0).
    public func rectified(_ input: Tensor) throws -> Tensor { try self(input).relu() }
}

/// Layers one after another.
///
/// ```swift
/// let scope = ParameterStore().root / "head"
/// let head = Sequential([try Linear(scope / 0, inputs: 512, outputs: 64), Activation.relu])
/// let y = try head(x)  // [N, 512] -> [N, 64]
/// ```
public struct Sequential: UnaryLayer {
    /// The layers, in the order in which they are applied.
    public let layers: [any UnaryLayer]

    /// A chain of layers; without any, the input comes out.
    public init(_ layers: [any UnaryLayer]) { self.layers = layers }

    /// Applies all layers, the first one first.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try layers.reduce(input) { try $1($0) }
    }
}

// MARK: - Linear maps and tables

/// A linear map of the last dimension: x W^T + b.
///
/// Parameters: `weight` [outputs, inputs], `bias` [outputs].
///
/// ```swift
/// let store = ParameterStore()
/// let projection = try Linear(store.root / "projection", inputs: 512, outputs: 64, bias: false)
/// let y = try projection(x)  // [..., 512] -> [..., 64]
/// ```
public struct Linear: UnaryLayer {
    /// [outputs, inputs].
    public let weight: Parameter

    /// [outputs], or none.
    public let bias: Parameter?

    /// Declares a linear map.
    /// - Parameters:
    ///   - initializer: Of the weight; PyTorch's uniform one when left out.
    ///   - biasInitializer: Of the bias; PyTorch's uniform one when left out.
    /// - Throws: ``TorchError`` when the names are taken.
    public init(
        _ scope: ParameterScope, inputs: Int, outputs: Int, bias: Bool = true,
        initializer: Initializer? = nil, biasInitializer: Initializer? = nil
    ) throws {
        let standard = Initializer.fanUniform(inputs: inputs)
        weight = try scope.weight("weight", [outputs, inputs], initializer ?? standard)
        self.bias = bias ? try scope.weight("bias", [outputs], biasInitializer ?? standard) : nil
    }

    /// Maps [..., inputs] to [..., outputs].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.linear(weight.value, bias?.value)
    }
}

/// A table of vectors, looked up by number.
///
/// Parameters: `weight` [count, width].
///
/// ```swift
/// let store = ParameterStore()
/// let tokens = try Embedding(store.root / "token_embedding", count: 49_408, width: 512)
/// let vectors = try tokens(Tensor([49_406, 320, 49_407]))  // [3] -> [3, 512]
/// ```
public struct Embedding: UnaryLayer {
    /// [count, width].
    public let weight: Parameter

    /// Declares a table.
    /// - Throws: ``TorchError`` when the name is taken.
    public init(
        _ scope: ParameterScope, count: Int, width: Int,
        initializer: Initializer = .normal(standardDeviation: 1)
    ) throws {
        weight = try scope.weight("weight", [count, width], initializer)
    }

    /// Looks integers [...] up: [..., width].
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try input.embedded(in: weight.value) }
}
