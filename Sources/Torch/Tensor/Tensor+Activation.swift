extension Operator {
    static let relu = Operator("aten::relu")
    static let reluInPlace = Operator("aten::relu_")
    static let thresholdBackward = Operator("aten::threshold_backward")
    static let leakyRelu = Operator("aten::leaky_relu")
    static let gelu = Operator("aten::gelu")
    static let silu = Operator("aten::silu")
    static let sigmoid = Operator("aten::sigmoid")
    static let logSigmoid = Operator("aten::log_sigmoid")
    static let softplus = Operator("aten::softplus")
    static let hardSwish = Operator("aten::hardswish")
    static let softmax = Operator("aten::softmax.int")
    static let logSoftmax = Operator("aten::log_softmax.int")
    static let batchNorm = Operator("aten::batch_norm")
    static let groupNorm = Operator("aten::group_norm")
    static let layerNorm = Operator("aten::layer_norm")
    static let embedding = Operator("aten::embedding")
    static let attention = Operator("aten::scaled_dot_product_attention")
}

extension Tensor {
    /// max(x, 0).
    public func relu() throws -> Tensor { try Operator.relu(self) }

    /// Sets negative elements to zero.
    package func reluInPlace() throws { try Operator.reluInPlace(self) }

    /// `gradient` where this result of ``relu()`` is positive, zero elsewhere: the gradient of its input.
    package func reluGradient(_ gradient: Tensor) throws -> Tensor {
        try Operator.thresholdBackward(gradient, self, 0)
    }

    /// x above zero, `slope` * x below.
    public func leakyRelu(slope: Double = 0.01) throws -> Tensor { try Operator.leakyRelu(self, slope) }

    /// x times the standard normal distribution function at x; `tanh` selects the approximation with a hyperbolic
    /// tangent.
    public func gelu(tanh: Bool = false) throws -> Tensor { try Operator.gelu(self, tanh ? "tanh" : "none") }

    /// x * sigmoid(1.702 x), the activation of OpenAI's CLIP.
    public func quickGELU() throws -> Tensor { try self * (self * 1.702).sigmoid() }

    /// x * sigmoid(x).
    public func silu() throws -> Tensor { try Operator.silu(self) }

    /// 1 / (1 + exp(-x)).
    public func sigmoid() throws -> Tensor { try Operator.sigmoid(self) }

    /// log(sigmoid(x)), exact for large negative x.
    public func logSigmoid() throws -> Tensor { try Operator.logSigmoid(self) }

    /// log(1 + exp(x)).
    public func softplus() throws -> Tensor { try Operator.softplus(self) }

    /// x * clamp(x + 3, 0, 6) / 6.
    public func hardSwish() throws -> Tensor { try Operator.hardSwish(self) }

    /// exp(x) along a dimension, divided by its sum; optionally computed in another element type.
    public func softmax(_ dimension: Int, dtype: DType? = nil) throws -> Tensor {
        try Operator.softmax(self, dimension, dtype)
    }

    /// The logarithm of ``softmax(_:dtype:)``, without overflow.
    public func logSoftmax(_ dimension: Int, dtype: DType? = nil) throws -> Tensor {
        try Operator.logSoftmax(self, dimension, dtype)
    }
}

extension Tensor {
    /// Batch normalization over N, H, W of [N, C, H, W] (or [N, C]).
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

    /// Normalization over groups of channels of [N, C, ...].
    public func groupNorm(_ groups: Int, weight: Tensor?, bias: Tensor?, epsilon: Double = 1e-5) throws
        -> Tensor
    {
        try Operator.groupNorm(self, groups, weight, bias, epsilon, true)
    }

    /// Normalization over the last dimensions, of the given sizes.
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
