// Letters for shapes: R regions, K classes with the background in row 0.

/// The divisor of the regions' box loss.
public enum RegionBoxNormalizer: String, Sendable, Hashable {
    /// The sum over foreground regions divided by the number of all regions, background included (detectron2).
    case regions
    /// The mean over the coordinates of foreground regions; 0 if there are none (the published F-VLM).
    case foregroundCoordinates
}

/// The box loss of regions.
/// - Parameters:
///   - deltas: [R, 4] as predicted.
///   - targets: [R, 4]; rows of background regions are ignored. Targets, classes and sources are on one device: main
///     memory, or the device of the deltas.
///   - classes: [R] `int64`, 0 for background, -1 for regions excluded from learning.
///   - sources: [R], the boxes that deltas refer to.
///   - coder: The encoding of deltas.
///   - loss: The loss of one coordinate.
///   - normalizer: The divisor of the sum.
public func regionBoxLoss(
    _ deltas: Tensor, targets: Tensor, classes: Tensor, sources: Boxes, coder: BoxCoder, loss: BoxLoss,
    normalizer: RegionBoxNormalizer
) throws -> Tensor {
    let rows = try (classes .> 0).nonzeroIndices().flattened()
    let device = deltas.device
    let (predicted, wanted) = try (
        deltas.indexSelected(0, rows.to(device: device)), targets.indexSelected(0, rows).to(device: device)
    )
    switch normalizer {
    case .regions:
        let places = Boxes(unchecked: try sources.tensor.indexSelected(0, rows).to(device: device))
        return try loss.sum(predicted, wanted, sources: places, coder: coder)
            / Double(max(SharedBatch.total(classes.count), 1))
    case .foregroundCoordinates: return try loss.mean(predicted, wanted, where: wanted.isFinite())
    }
}

/// Binary cross-entropy of mask logits, the mean over the pixels of foreground regions; 0 if there are none.
/// - Parameters:
///   - logits: [R, S, S] or [R, 1, S, S].
///   - targets: [R, S, S], `bool` or soft values from 0 to 1.
///   - classes: [R] `int64`; regions of class 0 and below are ignored. By default all regions count. Targets and classes
///     may be in main memory while the logits are on a device.
public func maskLoss(_ logits: Tensor, targets: Tensor, classes: Tensor? = nil) throws -> Tensor {
    var logits = logits.rank == 4 && logits.shape[1] == 1 ? try logits.squeezed(1) : logits
    guard logits.shape == targets.shape else {
        throw DetectionError(
            "mask loss", "\(logits.summary) does not match the targets \(targets.summary)")
    }
    var targets = targets
    if let classes {
        let rows = try (classes .> 0).nonzeroIndices().flattened()
        (logits, targets) = try (
            logits.indexSelected(0, rows.to(device: logits.device)),
            targets.indexSelected(0, rows.to(device: targets.device))
        )
    }
    let sum = try logits.to(.float32).binaryCrossEntropyWithLogits(
        targets.to(device: logits.device, dtype: .float32), reduction: .sum)
    return try sum / Double(max(SharedBatch.total(logits.count), 1))
}

/// The classification loss of regions.
public enum ClassificationLoss: Sendable, Hashable {
    /// Softmax cross-entropy; the terms of background regions are multiplied by `backgroundWeight`, and the result is
    /// the plain mean over all regions. Unlike PyTorch's weighted mean, it is not divided by the sum of the weights
    /// (the published F-VLM, losses/maskrcnn_losses.py; 0.9 for LVIS, 0.2 for COCO).
    case softmax(backgroundWeight: Double)

    /// Softmax cross-entropy of cosines divided by a fixed temperature, the plain mean over all regions (InfoNCE with
    /// the class names as the other side). Takes cosines, not logits already divided by a temperature.
    case contrastive(temperature: Double = 0.07)

    /// Binary cross-entropy for every class except the background, summed and divided by the number of regions.
    case sigmoid

    /// Focal loss (Lin et al., 2017b) for every class except the background, summed and divided by the number of
    /// foreground regions, at least 1.
    case focal(alpha: Double = 0.25, gamma: Double = 2)

    /// Computes the loss.
    /// - Parameters:
    ///   - logits: [R, K], row 0 of the text being the background; for ``contrastive(temperature:)`` cosines.
    ///   - classes: [R] `int64`: 0 background, -1 for regions excluded from both the sum and the divisor; in main memory or
    ///     on the device of the logits.
    /// - Returns: A scalar, 0 without regions.
    /// - Throws: ``DetectionError`` for shapes that do not match and for a class that does not exist.
    public func callAsFunction(_ logits: Tensor, classes: Tensor) throws -> Tensor {
        guard logits.rank == 2, classes.shape == [logits.shape[0]] else {
            throw DetectionError(
                "class loss", "\(logits.summary) does not fit the classes \(classes.summary)")
        }
        // Looked at where the classes are: reading from a device would wait for it.
        let rows = try (classes .>= 0).nonzeroIndices().flattened()
        let known = try classes.indexSelected(0, rows)
        let logits = try logits.to(.float32).indexSelected(0, rows.to(device: logits.device))
        // Of a batch that several processes share, the divisor counts the regions of all: asked for also without regions here.
        let share = Double(rows.count) / Double(max(try SharedBatch.total(rows.count), 1))
        func ofBatch(_ mean: Tensor) throws -> Tensor { share == 1 ? mean : try mean * share }
        if case .focal = self, rows.count == 0 { _ = try SharedBatch.total(Tensor([Int64(0)])) }
        guard rows.count > 0 else { return try logits.sum() }
        let largest = try known.max().item(as: Int.self)
        guard largest < logits.shape[1] else {
            throw DetectionError(
                "class loss",
                "a region has class \(largest), but there are logits of \(logits.shape[1]) classes")
        }
        let classes = try known.to(device: logits.device)
        switch self {
        case .softmax(let weight):
            let terms = try logits.crossEntropy(classes, reduction: .none)
            let weights = try terms.onesLike().maskedFill(classes .== 0, with: weight)
            return try ofBatch((terms * weights).mean())
        case .contrastive(let temperature):
            return try ofBatch((logits / temperature).crossEntropy(classes))
        case .sigmoid:
            let (logits, target) = try foreground(logits, classes)
            return try ofBatch(
                logits.binaryCrossEntropyWithLogits(target, reduction: .sum) / Double(rows.count))
        case .focal(let alpha, let gamma):
            let (logits, target) = try foreground(logits, classes)
            let terms = try logits.binaryCrossEntropyWithLogits(target, reduction: .none)
            let probability = try logits.sigmoid()
            let wrong = try probability + target - probability * target * 2
            let balance = try target * (2 * alpha - 1) + (1 - alpha)
            let count = try SharedBatch.total((classes .> 0).sum()).clamped(min: 1)
            return try (balance * terms * wrong.power(gamma)).sum() / count
        }
    }

    /// Logits and targets of all classes except the background.
    private func foreground(_ logits: Tensor, _ classes: Tensor) throws -> (Tensor, Tensor) {
        let count = logits.shape[1]
        let target = try classes.oneHot(classCount: count).to(.float32)
        return (
            try logits.narrowed(1, start: 1, length: count - 1),
            try target.narrowed(1, start: 1, length: count - 1)
        )
    }
}
