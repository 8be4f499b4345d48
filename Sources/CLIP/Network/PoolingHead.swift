import Torch

/// Perception Encoder's pooling (Bolya et al., 2025): a learned query asks all tokens, then a perceptron is added.
///
/// Parameters: `probe` [1, 1, width], `attn` (packed), `layernorm`, `mlp.c_fc`, `mlp.c_proj`.
package struct PoolingHead: Sendable {
    /// The number of heads, whatever the width.
    package static let heads = 8

    private let probe: Parameter
    private let attention: MultiHeadAttention
    private let norm: LayerNorm
    private let expansion: Linear
    private let contraction: Linear

    init(_ scope: ParameterScope, width: Int, epsilon: Double) throws {
        probe = try scope.weight(
            "probe", [1, 1, width], .normal(standardDeviation: 1 / Double(width).squareRoot()))
        attention = try MultiHeadAttention(scope / "attn", width: width, heads: Self.heads)
        norm = try LayerNorm(scope / "layernorm", width: width, epsilon: epsilon)
        expansion = try Linear(scope / "mlp" / "c_fc", inputs: width, outputs: 4 * width)
        contraction = try Linear(scope / "mlp" / "c_proj", inputs: 4 * width, outputs: width)
    }

    /// Pools normalized tokens [N, L, width] to [N, width].
    /// - Throws: `TorchError`.
    package func callAsFunction(_ tokens: Tensor) throws -> Tensor {
        let query = try probe.value.expanded([tokens.size(0), 1, tokens.size(2)])
        return try finished(attention(query: query, key: tokens, value: tokens).squeezed(1))
    }

    private func finished(_ pooled: Tensor) throws -> Tensor {
        try pooled + contraction(expansion(norm(pooled)).gelu())
    }
}

// MARK: Regions

extension PoolingHead {
    /// What the pooling of any region of a map needs of every cell: 8 scores of the query, then the value, without the
    /// bias, which does not depend on the cell.
    ///
    /// Cropping is linear, as the projections are: instead of the cells of every crop those of the map are projected,
    /// once, and the crops are made of the result. ``embedding(ofCrops:)`` takes it from there.
    /// - Parameter map: Normalized patch tokens, [N, width, H, W].
    /// - Returns: [N, 8 + width, H, W] float32.
    /// - Throws: `TorchError`.
    package func projected(_ map: Tensor) throws -> Tensor {
        let size = Array(map.shape[2...])
        let tokens = try map.flattened(from: 2).transposed(1, 2).contiguous()
        let none = try tokens.narrowed(0, start: 0, length: 1).narrowed(1, start: 0, length: 1).zerosLike()
        let headWidth = attention.width / Self.heads
        let query = try attention.projectedQuery(probe.value).reshaped([Self.heads, headWidth]).to(.float32)
        // The key's bias adds the same number to all scores of a head, which a softmax does not see.
        let keys = try (attention.projectedKey(tokens) - attention.projectedKey(none)).to(.float32)
        let scores =
            try (keys.unflattened(-1, into: [Self.heads, headWidth]) * query).sum([-1])
            * (1 / Double(headWidth).squareRoot())
        let values = try (attention.projectedValue(tokens) - attention.projectedValue(none)).to(.float32)
        return try Tensor.cat([scores, values], dimension: 2).transposed(1, 2).unflattened(2, into: size)
    }

    /// Pools crops of a ``projected(_:)`` map, [R, 8 + width, g, g] float32 to [R, width].
    /// - Throws: `TorchError`.
    package func pooled(_ crops: Tensor) throws -> Tensor {
        let cells = try crops.flattened(from: 2)
        let weights = try cells.narrowed(1, start: 0, length: Self.heads).softmax(2).unsqueezed(2)
        let values = try cells.narrowed(1, start: Self.heads, length: attention.width)
            .unflattened(1, into: [Self.heads, attention.width / Self.heads])
        let mixed = try (values * weights).sum([-1]).flattened(from: 1)
        let none = try probe.value.reshaped([1, attention.width]).zerosLike()
        let states = try mixed + attention.projectedValue(none).to(.float32)
        return try finished(attention.output(states.to(probe.dtype)))
    }
}
