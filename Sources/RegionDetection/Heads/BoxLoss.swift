/// The loss between predicted deltas and their targets.
public enum BoxLoss: Sendable, Hashable {
    /// The absolute difference of every coordinate.
    case l1
    /// d^2 / (2 beta) below beta, |d| - beta / 2 beyond.
    case smoothL1(beta: Double)
    /// d^2 / 2 below delta, delta (|d| - delta / 2) beyond.
    case huber(delta: Double)
    /// 1 - generalized IoU of the decoded boxes (Rezatofighi et al., 2019), one number per box.
    case generalizedIoU

    /// The sum over all boxes.
    /// - Parameters:
    ///   - predicted: [P, 4].
    ///   - targets: [P, 4].
    ///   - sources: [P], the boxes that deltas refer to.
    package func sum(_ predicted: Tensor, _ targets: Tensor, sources: Boxes, coder: BoxCoder) throws -> Tensor
    {
        guard self != .generalizedIoU else {
            let boxes = try coder.boxes(predicted, from: sources)
            return try (1 - Self.generalizedIoU(boxes, coder.boxes(targets, from: sources))).sum()
        }
        return try elements(predicted, targets).sum()
    }

    /// The mean over the coordinates whose target is not exactly zero; 0 if there are none.
    /// - Throws: ``DetectionError`` for the loss without coordinates.
    package func meanOfNonZeroTargets(_ predicted: Tensor, _ targets: Tensor) throws -> Tensor {
        try mean(predicted, targets, where: targets .!= 0)
    }

    /// The mean over the coordinates where `mask` is true; 0 if there are none.
    /// - Parameter mask: `bool`, of the targets' shape or broadcastable to it.
    /// - Throws: ``DetectionError`` for the loss without coordinates.
    package func mean(_ predicted: Tensor, _ targets: Tensor, where mask: Tensor) throws -> Tensor {
        guard self != .generalizedIoU else {
            throw DetectionError(
                "box loss", "generalized IoU has no coordinates to average: choose a sum")
        }
        let counts = try mask.expanded(targets.shape).to(.float32)
        return try (elements(predicted, targets) * counts).sum()
            / SharedBatch.total(counts.sum()).clamped(min: 1)
    }

    /// The loss of every coordinate, in `float32`.
    private func elements(_ predicted: Tensor, _ targets: Tensor) throws -> Tensor {
        let (predicted, targets) = try (predicted.to(.float32), targets.to(.float32))
        switch self {
        case .l1, .generalizedIoU: return try predicted.l1(targets, reduction: .none)
        case .smoothL1(let beta): return try predicted.smoothL1(targets, beta: beta, reduction: .none)
        case .huber(let delta): return try predicted.huber(targets, delta: delta, reduction: .none)
        }
    }

    /// Generalized IoU of pairs of boxes, [N]; from -1 (far apart) to 1 (equal).
    package static func generalizedIoU(_ boxes: Boxes, _ others: Boxes) throws -> Tensor {
        // Avoids division by zero for boxes without area.
        let least = 1e-7
        let first = try Tensor.maximum(
            boxes.tensor[TensorIndex.all, 0..<2], others.tensor[TensorIndex.all, 0..<2])
        let second = try Tensor.minimum(
            boxes.tensor[TensorIndex.all, 2..<4], others.tensor[TensorIndex.all, 2..<4])
        let common: Tensor = try (second - first).clamped(min: 0).product(1)
        let union = try boxes.areas() + others.areas() - common
        let hull = try boxes.hulls(with: others).areas()
        return try common / (union + least) - (hull - union) / (hull + least)
    }
}
