import FVLM

/// The fusion of scores as the paper writes it (Kuo et al., 2023, equation 4), of all classes at once: what the one pass of
/// ``FusedScores`` is compared with.
///
/// For a class c: s_c = p_c^(1 - w) v_c^w with w the weight of the class; then s is divided by its sum. Shape letters: R
/// regions, K classes with the background in column 0.
struct ReferenceFusion {
    var options = ScoringOptions()

    init(baseWeight: Double = 0.35, novelWeight: Double = 0.65, backgroundWeight: Double = 0) {
        options.baseWeight = baseWeight
        options.novelWeight = novelWeight
        options.backgroundWeight = backgroundWeight
    }

    init(_ options: ScoringOptions) { self.options = options }

    /// From logits, [R, K] each.
    func callAsFunction(detectorLogits: Tensor, vlmLogits: Tensor, isBase: [Bool]?) throws -> Tensor {
        try fuse(
            detectorLogits.to(.float32).logSoftmax(-1), vlmLogits.to(.float32).logSoftmax(-1), isBase)
    }

    /// From probabilities, [R, K] each; zeros are allowed, and 0 to the power of 0 is 1.
    func callAsFunction(detectorProbabilities: Tensor, vlmProbabilities: Tensor, isBase: [Bool]?) throws
        -> Tensor
    {
        try fuse(
            detectorProbabilities.to(.float32).log(), vlmProbabilities.to(.float32).log(), isBase)
    }

    private func fuse(_ detector: Tensor, _ vlm: Tensor, _ isBase: [Bool]?) throws -> Tensor {
        let flags = try isBase ?? [Bool](repeating: false, count: detector.size(-1))
        let weight = try Tensor(options.weights(isBase: flags))
        return try (Self.weighted(detector, 1 - weight) + Self.weighted(vlm, weight)).softmax(-1)
    }

    /// The product, where zero times minus infinity is zero: the logarithm of 0 to the power of 0.
    private static func weighted(_ logarithms: Tensor, _ weight: Tensor) throws -> Tensor {
        try (logarithms * weight).maskedFill(weight .== 0, with: 0.0)
    }
}

extension FusedScores {
    /// The scores of all pairs, [R, K].
    init(
        all detectorLogits: Tensor, _ vlmLogits: Tensor?, isBase: [Bool]?, _ options: ScoringOptions
    ) throws {
        let weights = try options.weights(
            isBase: isBase ?? [Bool](repeating: false, count: detectorLogits.size(-1)))
        try self.init(
            detectorLogits: detectorLogits, vlmLogits: vlmLogits,
            settings: Settings(
                detectorWeights: weights.map { 1 - $0 }, vlmWeights: weights, threshold: -1,
                isNormalized: options.normalizesScores))
    }

    /// The pairs as a table [R, K].
    func table() throws -> Tensor {
        var values = [Float](repeating: 0, count: pairs.rowCount * pairs.classCount)
        for ((row, column), score) in zip(zip(pairs.rows, pairs.classes), pairs.scores) {
            values[Int(row) * pairs.classCount + Int(column)] = score
        }
        return try Tensor(values, shape: [pairs.rowCount, pairs.classCount])
    }
}
