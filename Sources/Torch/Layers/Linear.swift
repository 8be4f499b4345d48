/// A layer with one input tensor and one output tensor.
public protocol UnaryLayer: Sendable {
    /// Applies the layer.
    /// - Throws: ``TorchError`` if the input does not fit or a parameter has no values.
    func callAsFunction(_ input: Tensor) throws -> Tensor

    /// Applies the layer, then max(x, 0), in a single step if the layer supports it.
    /// - Throws: The errors of the layer itself.
    func rectified(_ input: Tensor) throws -> Tensor
}

extension UnaryLayer {
    /// Applies the layer, then max(x, 0).
    public func rectified(_ input: Tensor) throws -> Tensor { try self(input).relu() }
}

/// A layer that multiplies by weights, whose products may be computed with fewer bits.
package protocol ProductLayer: UnaryLayer {
    /// How the product is computed.
    var form: ProductForm { get }

    /// Applies the layer, then max(x, 0), for a single layer that reads the result and takes bytes where both compute in them.
    /// - Throws: The errors of the layer itself.
    func rectified(_ input: Tensor, for next: ProductForm?) throws -> Tensor
}

/// Layers applied in sequence.
///
/// ```swift
/// let scope = ParameterStore().root / "head"
/// let head = Sequential([try Linear(scope / 0, inputs: 512, outputs: 64), Activation.relu])
/// let y = try head(x)  // [N, 512] -> [N, 64]
/// ```
public struct Sequential: UnaryLayer {
    /// The layers, in order of application.
    public let layers: [any UnaryLayer]

    /// Creates a chain of layers; an empty chain returns its input.
    public init(_ layers: [any UnaryLayer]) { self.layers = layers }

    /// Applies all layers in order.
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
public struct Linear: ProductLayer {
    /// [outputs, inputs].
    public let weight: Parameter

    /// [outputs]; nil without a bias.
    public let bias: Parameter?

    /// How the product is computed.
    package let form: ProductForm

    /// Declares a linear map.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - inputs: The number of input features.
    ///   - outputs: The number of output features.
    ///   - bias: Whether a bias is added.
    ///   - initializer: The weight's initializer; PyTorch's uniform one by default.
    ///   - biasInitializer: The bias's initializer; PyTorch's uniform one by default.
    /// - Throws: ``TorchError`` if the names are taken.
    public init(
        _ scope: ParameterScope, inputs: Int, outputs: Int, bias: Bool = true,
        initializer: Initializer? = nil, biasInitializer: Initializer? = nil
    ) throws {
        let standard = Initializer.fanUniform(inputs: inputs)
        weight = try scope.weight("weight", [outputs, inputs], initializer ?? standard)
        self.bias = bias ? try scope.weight("bias", [outputs], biasInitializer ?? standard) : nil
        form = scope.productForm(.linear, of: weight)
    }

    /// Maps [..., inputs] to [..., outputs].
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try self(input, bias: bias?.value) }

    /// Maps with another bias than the layer's own.
    /// - Parameter type: The element type of a product of bytes.
    /// - Throws: ``TorchError``.
    package func callAsFunction(_ input: Tensor, bias: Tensor?, type: DType = .float32) throws -> Tensor {
        try form(input, bias: bias, type: type) { try input.linear(weight.value, bias) }
    }

    /// Maps [..., inputs] to [..., outputs] and sets negative numbers to zero.
    public func rectified(_ input: Tensor) throws -> Tensor { try rectified(input, for: nil) }

    package func rectified(_ input: Tensor, for next: ProductForm?) throws -> Tensor {
        let bias = try bias?.value
        return try form(input, bias: bias, rectified: true, for: next) {
            try input.linear(weight.value, bias).relu()
        }
    }
}

/// A table of vectors, looked up by index.
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
    /// - Throws: ``TorchError`` if the name is taken.
    public init(
        _ scope: ParameterScope, count: Int, width: Int,
        initializer: Initializer = .normal(standardDeviation: 1)
    ) throws {
        weight = try scope.weight("weight", [count, width], initializer)
    }

    /// Looks up integers [...]: [..., width].
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try input.embedded(in: weight.value) }
}
