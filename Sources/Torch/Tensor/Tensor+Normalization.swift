extension Operator {
    static let batchNorm = Operator("aten::batch_norm")
    static let groupNorm = Operator("aten::group_norm")
    static let layerNorm = Operator("aten::layer_norm")
    static let embedding = Operator("aten::embedding")
    static let attention = Operator("aten::scaled_dot_product_attention")
}

extension Tensor {
    /// Batch normalisation over N, H, W of [N, C, H, W] (or [N, C]).
    /// - Parameters:
    ///   - weight: [C], the scale; nil is 1.
    ///   - bias: [C], added last; nil is 0.
    ///   - runningMean: [C], used or updated.
    ///   - runningVariance: [C], used or updated.
    ///   - isTraining: Whether the batch's own statistics are used and the running ones updated.
    ///   - momentum: The weight of the batch's statistics in the new running ones (PyTorch's convention; Flax and
    ///     TensorFlow specify the weight of the old ones).
    ///   - epsilon: Added to the variance.
    public func batchNorm(
        weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?, isTraining: Bool,
        momentum: Double = 0.1, epsilon: Double = 1e-5
    ) throws -> Tensor {
        try Operator.batchNorm(
            self, weight, bias, runningMean, runningVariance, isTraining, momentum, epsilon, true)
    }

    /// Normalisation over groups of channels of [N, C, ...].
    public func groupNorm(_ groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5) throws
        -> Tensor
    {
        try Operator.groupNorm(self, groups, weight, bias, epsilon, true)
    }

    /// Normalisation over the last dimensions, of the given sizes.
    public func layerNorm(_ shape: [Int], weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5) throws
        -> Tensor
    {
        try Operator.layerNorm(self, shape, weight, bias, epsilon, true)
    }

    /// The rows of `weight` at the indices in this tensor.
    public func embedded(in weight: Tensor) throws -> Tensor { try Operator.embedding(weight, self) }

    /// softmax(q k^T * scale + mask) v over the last two dimensions, by libtorch's fused kernels.
    /// - Parameters:
    ///   - query: [..., L, E].
    ///   - key: [..., S, E].
    ///   - value: [..., S, V].
    ///   - mask: Booleans (true takes part) or numbers to add; broadcast to [..., L, S].
    ///   - isCausal: Whether a position attends only to itself and earlier ones; cannot be combined with a mask.
    ///   - scale: 1 / sqrt(E) by default.
    /// - Returns: [..., L, V].
    public static func attention(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor? = nil, isCausal: Bool = false,
        scale: Double? = nil
    ) throws -> Tensor {
        try Operator.attention(query, key, value, mask, 0.0, isCausal, scale)
    }
}
