import Torch

extension Operator {
    fileprivate static let siluInPlace = Operator("aten::silu_")
}

/// A block of EVA-02's image tower (Fang et al., 2023): as a transformer's, with rotary positions, a LayerNorm before the
/// attention's output, and a gated perceptron (SwiGLU) with a LayerNorm inside.
///
/// Parameters: `norm1`, `attn.{q_proj,k_proj,v_proj}.weight`, `attn.{q_bias,v_bias}`, `attn.inner_attn_ln`, `attn.proj`,
/// `norm2`, `mlp.{w1,w2,ffn_ln,w3}`.
struct EVABlock: VisionBlock {
    private let heads: Int
    private let firstNorm: LayerNorm
    private let query: Linear
    private let queryBias: Parameter
    private let key: Linear
    private let value: Linear
    private let valueBias: Parameter
    private let innerNorm: LayerNorm
    private let output: Linear
    private let secondNorm: LayerNorm
    private let gate: Linear
    private let expansion: Linear
    private let hiddenNorm: LayerNorm
    private let contraction: Linear

    init(_ scope: ParameterScope, _ configuration: TransformerConfiguration) throws {
        let (width, hidden) = (configuration.width, configuration.hiddenWidth)
        let epsilon = configuration.epsilon
        let (attention, perceptron) = (scope / "attn", scope / "mlp")
        func projection(_ name: String) throws -> Linear {
            try Linear(attention / name, inputs: width, outputs: width, bias: false)
        }
        heads = configuration.heads
        firstNorm = try LayerNorm(scope / "norm1", width: width, epsilon: epsilon)
        query = try projection("q_proj")
        queryBias = try attention.weight("q_bias", [width], .zeros)
        key = try projection("k_proj")
        value = try projection("v_proj")
        valueBias = try attention.weight("v_bias", [width], .zeros)
        innerNorm = try LayerNorm(attention / "inner_attn_ln", width: width, epsilon: epsilon)
        output = try Linear(attention / "proj", inputs: width, outputs: width)
        secondNorm = try LayerNorm(scope / "norm2", width: width, epsilon: epsilon)
        gate = try Linear(perceptron / "w1", inputs: width, outputs: hidden)
        expansion = try Linear(perceptron / "w2", inputs: width, outputs: hidden)
        hiddenNorm = try LayerNorm(perceptron / "ffn_ln", width: hidden, epsilon: epsilon)
        contraction = try Linear(perceptron / "w3", inputs: hidden, outputs: width)
    }

    func callAsFunction(_ tokens: Tensor, rotary: RotaryPositions.Table?) throws -> Tensor {
        let normed = try firstNorm(tokens)
        func turned(_ projected: Tensor) throws -> Tensor {
            try rotary.map { try $0(projected) } ?? projected
        }
        let mixed = try Tensor.attention(
            query: turned(query(normed, bias: queryBias.value)), key: turned(key(normed)),
            value: projectedValue(normed), heads: heads)
        return try afterAttention(tokens, mixed)
    }

    func valuePath(_ tokens: Tensor) throws -> Tensor {
        try afterAttention(tokens, projectedValue(firstNorm(tokens)))
    }

    private func projectedValue(_ normed: Tensor) throws -> Tensor {
        try value(normed, bias: valueBias.value)
    }

    private func afterAttention(_ tokens: Tensor, _ mixed: Tensor) throws -> Tensor {
        let attended = try output(innerNorm(mixed))
        try attended.addInPlace(tokens)
        let normed = try secondNorm(attended)
        let hidden = try gated(gate(normed), expansion(normed))
        let result = try contraction(hiddenNorm(hidden))
        try result.addInPlace(attended)
        return result
    }

    /// In place where nothing has to be kept for gradients: large temporaries cost as much as the arithmetic.
    private func gated(_ gate: Tensor, _ hidden: Tensor) throws -> Tensor {
        guard !gate.requiresGrad else { return try gate.silu() * hidden }
        try Operator.siluInPlace(gate)
        try gate.multiplyInPlace(hidden)
        return gate
    }
}
