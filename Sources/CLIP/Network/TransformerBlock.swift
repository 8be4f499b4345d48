import Torch

extension Operator {
    fileprivate static let sigmoidInPlace = Operator("aten::sigmoid_")
    fileprivate static let geluInPlace = Operator("aten::gelu_")
}

/// A block of an image tower.
protocol VisionBlock: Sendable {
    /// [N, L, width] to [N, L, width].
    /// - Parameter rotary: How queries and keys are turned, where the tower does so.
    func callAsFunction(_ tokens: Tensor, rotary: RotaryPositions.Table?) throws -> Tensor

    /// The block with every token attending to itself alone: the value path.
    ///
    /// The output of the last block of a CLIP then stays local, and aligned to texts (Zhou et al., "Extract Free Dense
    /// Labels from CLIP", 2022).
    func valuePath(_ tokens: Tensor) throws -> Tensor
}

/// A pre-norm transformer block: attention and a two-layer perceptron, each added to its input.
struct TransformerBlock: VisionBlock {
    private let attention: MultiHeadAttention
    private let firstNorm: LayerNorm
    private let secondNorm: LayerNorm
    private let expansion: Linear
    private let contraction: Linear
    private let activation: Activation

    init(_ scope: ParameterScope, _ configuration: TransformerConfiguration, _ names: CheckpointNames.Block)
        throws
    {
        let width = configuration.width
        let epsilon = configuration.epsilon
        attention = try MultiHeadAttention(
            scope / names.attention, width: width, heads: configuration.heads, layout: names.attentionLayout)
        firstNorm = try LayerNorm(scope / names.firstNorm, width: width, epsilon: epsilon)
        secondNorm = try LayerNorm(scope / names.secondNorm, width: width, epsilon: epsilon)
        expansion = try Linear(
            scope / "mlp" / names.expansion, inputs: width, outputs: configuration.hiddenWidth)
        contraction = try Linear(
            scope / "mlp" / names.contraction, inputs: configuration.hiddenWidth, outputs: width)
        activation = configuration.activation
    }

    /// [N, L, width] to [N, L, width].
    func callAsFunction(_ tokens: Tensor, mask: Tensor? = nil, isCausal: Bool = false) throws -> Tensor {
        let mixed = try attention(firstNorm(tokens), mask: mask, isCausal: isCausal)
        return try afterAttention(tokens, mixed)
    }

    func callAsFunction(_ tokens: Tensor, rotary: RotaryPositions.Table?) throws -> Tensor {
        guard let rotary else { return try self(tokens) }
        let normed = try firstNorm(tokens)
        let mixed = try attention.attend(
            rotary(attention.projectedQuery(normed)), rotary(attention.projectedKey(normed)),
            attention.projectedValue(normed))
        return try afterAttention(tokens, mixed)
    }

    func valuePath(_ tokens: Tensor) throws -> Tensor {
        try afterAttention(
            tokens, attention.output(attention.projectedValue(firstNorm(tokens))))
    }

    /// `mixed` is a fresh tensor that may be overwritten.
    private func afterAttention(_ tokens: Tensor, _ mixed: Tensor) throws -> Tensor {
        try mixed.addInPlace(tokens)
        let hidden = try activated(expansion(secondNorm(mixed)))
        let result = try contraction(hidden)
        try result.addInPlace(mixed)
        return result
    }

    /// In place if nothing is needed for gradients: large temporaries cost as much as the arithmetic.
    private func activated(_ hidden: Tensor) throws -> Tensor {
        guard !hidden.requiresGrad else { return try activation(hidden) }
        switch activation {
        case .quickGELU:
            let gate = try hidden * 1.702
            try Operator.sigmoidInPlace(gate)
            try gate.multiplyInPlace(hidden)
            return gate
        case .gelu: return try Operator.geluInPlace(hidden, "none")
        case .geluTanh: return try Operator.geluInPlace(hidden, "tanh")
        default: return try activation(hidden)
        }
    }
}

/// The linear map from a tower's width into the space that both towers share.
struct EmbeddingProjection: Sendable {
    private let weight: Parameter
    private let bias: Parameter?

    /// Whether the matrix is [width, E], like OpenAI's, rather than [E, width].
    private let isTransposed: Bool

    /// Declares the projection.
    init(
        _ scope: ParameterScope, _ place: CheckpointNames.Place, width: Int, embeddingWidth: Int,
        isTransposed: Bool, hasBias: Bool = false
    ) throws {
        weight = try scope.scope(of: place).weight(
            place.name, isTransposed ? [width, embeddingWidth] : [embeddingWidth, width],
            .normal(standardDeviation: 1 / Double(width).squareRoot()))
        bias = hasBias ? try scope.scope(of: place).weight("bias", [embeddingWidth], .zeros) : nil
        self.isTransposed = isTransposed
    }

    /// [..., width] to [..., E].
    func callAsFunction(_ states: Tensor) throws -> Tensor {
        guard isTransposed else { return try states.linear(weight.value, bias?.value) }
        let embedded = try states.matmul(weight.value)
        return try bias.map { try embedded + $0.value } ?? embedded
    }

    /// [E, width].
    var matrix: Tensor {
        get throws { isTransposed ? try weight.value.transposed(0, 1) : try weight.value }
    }
}
