/// Multi-head attention, which holds no matrix of scores.
///
/// Tokens are [N, L, width]. The projections are stored in the checkpoint's layout (``Layout``).
///
/// ```swift
/// let store = ParameterStore()
/// let attention = try MultiHeadAttention(store.root / "attn", width: 512, heads: 8)
/// let y = try attention(tokens, isCausal: true)  // [N, L, 512]
/// ```
public struct MultiHeadAttention: Sendable {
    /// How a checkpoint stores the projections.
    public enum Layout: Sendable, Hashable {
        /// One matrix for query, key and value: `in_proj_weight` [3 width, width], `in_proj_bias`, `out_proj.*`, as in
        /// `torch.nn.MultiheadAttention`.
        case packed
        /// A separate linear layer each, with these names.
        case separate(query: String, key: String, value: String, output: String)

        /// `q_proj`, `k_proj`, `v_proj`, `out_proj`, as in transformers.
        public static let named = Layout.separate(
            query: "q_proj", key: "k_proj", value: "v_proj", output: "out_proj")
    }

    private enum Projections {
        /// Each third has a form of its own: they are wanted together or one alone.
        case packed(weight: Parameter, bias: Parameter, forms: [ProductForm])
        case separate(query: Linear, key: Linear, value: Linear)

        /// How query, key and value are computed.
        var forms: [ProductForm] {
            switch self {
            case .packed(_, _, let forms): forms
            case .separate(let query, let key, let value): [query.form, key.form, value.form]
            }
        }
    }

    /// The width of a token.
    package let width: Int

    /// The number of heads, which share the width.
    package let heads: Int

    /// The output projection.
    package let output: Linear

    private let projections: Projections

    /// Declares an attention layer.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - width: The width of a token.
    ///   - heads: The number of heads.
    ///   - layout: How a checkpoint stores the projections.
    ///   - outputWidth: The width of the result; by default that of a token.
    /// - Throws: ``TorchError`` if the names are taken or the heads do not divide the width.
    public init(
        _ scope: ParameterScope, width: Int, heads: Int, layout: Layout = .packed, outputWidth: Int? = nil
    ) throws {
        guard heads > 0, width % heads == 0 else {
            throw TorchError(
                "MultiHeadAttention \(scope.path)", reason: "\(heads) heads do not divide the width \(width)")
        }
        self.width = width
        self.heads = heads
        let outputWidth = outputWidth ?? width
        switch layout {
        case .packed:
            let weight = try scope.weight("in_proj_weight", [3 * width, width], .xavierUniform())
            projections = .packed(
                weight: weight, bias: try scope.weight("in_proj_bias", [3 * width], .zeros),
                forms: ["query", "key", "value"].enumerated().map { part, name in
                    scope.productForm(.linear, of: weight, suffix: name) {
                        try weight.value.narrowed(0, start: part * width, length: width)
                    }
                })
            output = try Linear(
                scope / "out_proj", inputs: width, outputs: outputWidth, biasInitializer: .zeros)
        case .separate(let query, let key, let value, let output):
            projections = .separate(
                query: try Linear(scope / query, inputs: width, outputs: width),
                key: try Linear(scope / key, inputs: width, outputs: width),
                value: try Linear(scope / value, inputs: width, outputs: width))
            self.output = try Linear(scope / output, inputs: width, outputs: outputWidth)
        }
    }

    /// Computes self-attention.
    /// - Parameters:
    ///   - tokens: [N, L, width].
    ///   - mask: Booleans (true takes part) or numbers to add; broadcast to [N, heads, L, L].
    ///   - isCausal: Whether a token attends only to itself and earlier ones; cannot be combined with a mask.
    /// - Returns: [N, L, output width].
    /// - Throws: ``TorchError``.
    public func callAsFunction(_ tokens: Tensor, mask: Tensor? = nil, isCausal: Bool = false) throws -> Tensor
    {
        let forms = projections.forms
        if case .packed(let weight, let bias, _) = projections, forms.allSatisfy(\.isPlain) {
            let projected = try tokens.linear(weight.value, bias.value).chunked(3, dimension: -1)
            return try attend(projected[0], projected[1], projected[2], mask, isCausal)
        }
        // Halves where a kernel of this package takes them, and the output makes bytes of them again.
        let takesHalves = mask == nil && !isCausal && BFloat16Attention.isSupported(width: width / heads)
        let type: DType =
            takesHalves && (forms + [output.form]).allSatisfy(\.isInBytes) ? .bfloat16 : .float32
        return try attend(
            project(tokens, 0, type), project(tokens, 1, type), project(tokens, 2, type), mask, isCausal)
    }

    /// Computes attention of queries to separate keys and values.
    /// - Parameters:
    ///   - query: [N, L, width].
    ///   - key: [N, S, width].
    ///   - value: [N, S, width].
    ///   - mask: Booleans (true takes part) or numbers to add; broadcast to [N, heads, L, S].
    /// - Returns: [N, L, output width].
    /// - Throws: ``TorchError``.
    public func callAsFunction(query: Tensor, key: Tensor, value: Tensor, mask: Tensor? = nil) throws
        -> Tensor
    {
        try attend(
            projectedQuery(query), projectedKey(key), projectedValue(value), mask, false)
    }

    /// The query projection alone.
    /// - Throws: ``TorchError``.
    package func projectedQuery(_ tokens: Tensor) throws -> Tensor { try project(tokens, 0) }

    /// The key projection alone.
    /// - Throws: ``TorchError``.
    package func projectedKey(_ tokens: Tensor) throws -> Tensor { try project(tokens, 1) }

    /// The value projection alone, from which the dense map of a transformer's last block is computed.
    /// - Throws: ``TorchError``.
    package func projectedValue(_ tokens: Tensor) throws -> Tensor { try project(tokens, 2) }

    private func project(_ tokens: Tensor, _ part: Int, _ type: DType = .float32) throws -> Tensor {
        switch projections {
        case .packed(let weight, let bias, let forms):
            let bias = try bias.value.narrowed(0, start: part * width, length: width)
            return try forms[part](tokens, bias: bias, type: type) {
                try tokens.linear(weight.value.narrowed(0, start: part * width, length: width), bias)
            }
        case .separate(let query, let key, let value):
            let projection = [query, key, value][part]
            return try projection(tokens, bias: projection.bias?.value, type: type)
        }
    }

    /// The attention of projected queries [N, L, width] to projected keys and values [N, S, width], followed by the
    /// output projection.
    /// - Throws: ``TorchError``.
    package func attend(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, _ mask: Tensor? = nil, _ isCausal: Bool = false
    ) throws -> Tensor {
        try output(
            Tensor.attention(
                query: query, key: key, value: value, heads: heads, mask: mask, isCausal: isCausal))
    }
}

// MARK: - Activations

/// An element-wise function, with the names used in configuration files.
///
/// ```swift
/// guard let activation = Activation(rawValue: "quick_gelu") else { return }
/// let y = try activation(x)
/// ```
public enum Activation: String, UnaryLayer, Codable, CaseIterable {
    /// max(x, 0).
    case relu
    /// x times the standard normal distribution function at x.
    case gelu
    /// The same, approximated with a hyperbolic tangent.
    case geluTanh = "gelu_pytorch_tanh"
    /// x * sigmoid(1.702 x), OpenAI's approximation.
    case quickGELU = "quick_gelu"
    /// x * sigmoid(x).
    case silu
    /// 1 / (1 + exp(-x)).
    case sigmoid
    /// The hyperbolic tangent.
    case tanh
    /// x.
    case identity

    /// Applies the function to every element.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        switch self {
        case .relu: try input.relu()
        case .gelu: try input.gelu()
        case .geluTanh: try input.gelu(tanh: true)
        case .quickGELU: try input.quickGELU()
        case .silu: try input.silu()
        case .sigmoid: try input.sigmoid()
        case .tanh: try input.tanh()
        case .identity: input
        }
    }
}
