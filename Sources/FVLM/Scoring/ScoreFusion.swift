import Torch

/// How the detector's probabilities and those of the vision-language model become one score (Kuo et al., 2023,
/// equation 4).
///
/// Shape letters: R regions, K classes with the background in column 0.
///
/// For a class c: s_c = p_c^(1 - w) v_c^w with w = ``baseWeight`` for classes that were trained on and ``novelWeight`` for
/// others; for the background s_0 = p_0, from the detector alone (unless ``backgroundWeight`` says otherwise); then s is divided by its sum. Computed in logarithms:
/// with a temperature of 0.01 and many classes the products underflow.
public struct ScoreFusion: Sendable, Hashable, Codable {
    /// The weight of the vision-language model for classes that were trained on (alpha).
    public var baseWeight: Double

    /// The weight of the vision-language model for other classes (beta).
    public var novelWeight: Double

    /// The weight of the vision-language model for the background; 0 in the published method, other values are for
    /// comparisons.
    public var backgroundWeight: Double

    /// A fusion with these weights, from 0 (the detector alone) to 1 (the vision-language model alone).
    public init(baseWeight: Double = 0.35, novelWeight: Double = 0.65, backgroundWeight: Double = 0) {
        self.baseWeight = baseWeight
        self.novelWeight = novelWeight
        self.backgroundWeight = backgroundWeight
    }

    /// The weights of the paper for LVIS, and of its demonstrations.
    public static let lvis = ScoreFusion(baseWeight: 0.35, novelWeight: 0.65)

    /// The weights for COCO's 48 base and 17 novel classes.
    public static let coco = ScoreFusion(baseWeight: 0.2, novelWeight: 0.45)

    /// Fused probabilities.
    /// - Parameters:
    ///   - detectorLogits: [R, K].
    ///   - vlmLogits: [R, K], over the same columns.
    ///   - isBase: [K], the background's entry is not looked at; nil: every class counts as novel.
    /// - Returns: [R, K] `float32`, each row with sum 1.
    /// - Throws: `TorchError` when the shapes differ.
    public func callAsFunction(detectorLogits: Tensor, vlmLogits: Tensor, isBase: [Bool]?) throws -> Tensor {
        let detector = try detectorLogits.to(.float32).logSoftmax(-1)
        let vlm = try vlmLogits.to(.float32).logSoftmax(-1)
        return try fuse(logDetector: detector, logVLM: vlm, isBase: isBase)
    }

    /// As above, from probabilities; zeros are allowed, and 0 to the power of 0 is 1.
    public func callAsFunction(detectorProbabilities: Tensor, vlmProbabilities: Tensor, isBase: [Bool]?)
        throws
        -> Tensor
    {
        try fuse(
            logDetector: detectorProbabilities.to(.float32).log(),
            logVLM: vlmProbabilities.to(.float32).log(), isBase: isBase)
    }

    /// The weight of the vision-language model for each class, the background first.
    func weights(isBase: [Bool]) -> [Float] {
        var weights = isBase.map { Float($0 ? baseWeight : novelWeight) }
        if !weights.isEmpty { weights[0] = Float(backgroundWeight) }
        return weights
    }

    private func fuse(logDetector: Tensor, logVLM: Tensor, isBase: [Bool]?) throws -> Tensor {
        let count = try logDetector.size(-1)
        let flags = isBase ?? [Bool](repeating: false, count: count)
        guard logDetector.shape == logVLM.shape, flags.count == count, count > 0 else {
            throw TorchError(
                "ScoreFusion", arguments: [logDetector.summary, logVLM.summary, "\(flags.count) base flags"],
                reason: "the numbers of regions or classes differ")
        }
        let weight = try Tensor(weights(isBase: flags)).to(device: logDetector.device)
        let fused = try logDetector.weighted(by: 1 - weight) + logVLM.weighted(by: weight)
        return try fused.softmax(-1)
    }
}

extension Tensor {
    /// The product, where zero times minus infinity is zero: the logarithm of 0 to the power of 0.
    fileprivate func weighted(by weight: Tensor) throws -> Tensor {
        try (self * weight).maskedFill(weight .== 0, with: 0.0)
    }
}
