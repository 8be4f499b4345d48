/// What the box loss of proposals is divided by.
public enum ProposalBoxNormalizer: String, Sendable, Hashable, Codable {
    /// Positive anchors that were sampled count; the sum is divided by the number of anchors that are to be sampled in
    /// all images, whatever their labels (detectron2).
    case sampledAnchors

    /// All positive anchors count, sampled or not; on every level the mean over coordinates whose target is not exactly
    /// zero, levels summed; a level without any gives zero (the published F-VLM).
    case nonZeroCoordinatesOfLevel
}

/// Binary cross-entropy of objectness, summed over anchors labelled 0 or 1 and divided by `normalizer`.
///
/// detectron2 and the published F-VLM divide by the number of anchors to be sampled, 256 an image, however many were.
/// - Parameters:
///   - logits: Any shape, computed in `float32`.
///   - labels: The same shape, `int64`; others than 0 and 1 do not count.
public func objectnessLoss(_ logits: Tensor, labels: Tensor, normalizer: Double) throws -> Tensor {
    let counts = try (labels .>= 0).to(.float32)
    let target = try (labels .== 1).to(.float32)
    return try logits.to(.float32).binaryCrossEntropyWithLogits(target, weight: counts, reduction: .sum)
        / max(normalizer, 1)
}
