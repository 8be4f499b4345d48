extension Operator {
    static let crossEntropy = Operator("aten::cross_entropy_loss")
    static let negativeLogLikelihood = Operator("aten::nll_loss")
    static let binaryCrossEntropyWithLogits = Operator("aten::binary_cross_entropy_with_logits")
    static let binaryCrossEntropy = Operator("aten::binary_cross_entropy")
    static let smoothL1 = Operator("aten::smooth_l1_loss")
    static let huber = Operator("aten::huber_loss")
    static let l1 = Operator("aten::l1_loss")
    static let meanSquaredError = Operator("aten::mse_loss")
}

/// How element-wise losses are combined.
public enum LossReduction: Int, Sendable {
    /// Not at all.
    case none = 0
    /// Their mean; with class weights, divided by the weights' sum.
    case mean = 1
    /// Their sum.
    case sum = 2
}

extension Tensor {
    /// Softmax cross-entropy of logits [N, C, ...] with classes [N, ...] (`int64`) or probabilities [N, C, ...].
    public func crossEntropy(
        _ target: Tensor, weight: Tensor? = nil, ignoring ignoredClass: Int = -100,
        labelSmoothing: Double = 0,
        reduction: LossReduction = .mean
    ) throws -> Tensor {
        try Operator.crossEntropy(self, target, weight, reduction.rawValue, ignoredClass, labelSmoothing)
    }

    /// The negative log-probabilities [N, C] of the classes [N] (`int64`).
    public func negativeLogLikelihood(
        _ target: Tensor, weight: Tensor? = nil, ignoring ignoredClass: Int = -100,
        reduction: LossReduction = .mean
    ) throws -> Tensor {
        try Operator.negativeLogLikelihood(self, target, weight, reduction.rawValue, ignoredClass)
    }

    /// Binary cross-entropy of logits with targets from 0 to 1.
    public func binaryCrossEntropyWithLogits(
        _ target: Tensor, weight: Tensor? = nil, positiveWeight: Tensor? = nil,
        reduction: LossReduction = .mean
    ) throws -> Tensor {
        try Operator.binaryCrossEntropyWithLogits(self, target, weight, positiveWeight, reduction.rawValue)
    }

    /// Binary cross-entropy of probabilities with targets from 0 to 1.
    public func binaryCrossEntropy(_ target: Tensor, weight: Tensor? = nil, reduction: LossReduction = .mean)
        throws
        -> Tensor
    {
        try Operator.binaryCrossEntropy(self, target, weight, reduction.rawValue)
    }

    /// d^2 / (2 beta) where the difference d is below beta, |d| - beta / 2 elsewhere.
    public func smoothL1(_ target: Tensor, beta: Double = 1, reduction: LossReduction = .mean) throws
        -> Tensor
    {
        // libtorch rejects a beta of zero on some devices; it is the absolute difference.
        try beta == 0
            ? Operator.l1(self, target, reduction.rawValue)
            : Operator.smoothL1(self, target, reduction.rawValue, beta)
    }

    /// d^2 / 2 where the difference d is below delta, delta * (|d| - delta / 2) elsewhere.
    public func huber(_ target: Tensor, delta: Double = 1, reduction: LossReduction = .mean) throws -> Tensor
    {
        try Operator.huber(self, target, reduction.rawValue, delta)
    }

    /// The absolute difference.
    public func l1(_ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor {
        try Operator.l1(self, target, reduction.rawValue)
    }

    /// The squared difference.
    public func meanSquaredError(_ target: Tensor, reduction: LossReduction = .mean) throws -> Tensor {
        try Operator.meanSquaredError(self, target, reduction.rawValue)
    }
}
