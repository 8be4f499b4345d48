import WeightFiles

/// Normalization over the last dimension.
///
/// Parameters: `weight`, `bias` [width].
///
/// ```swift
/// let store = ParameterStore()
/// let norm = try LayerNorm(store.root / "ln_1", width: 512, epsilon: 1e-5)
/// let y = try norm(tokens)  // [N, L, 512]
/// ```
public struct LayerNorm: UnaryLayer {
    /// The factor per position, [width].
    public let weight: Parameter

    /// The offset per position, [width].
    public let bias: Parameter

    /// Added to the variance.
    package let epsilon: Double

    private let shape: [Int]

    /// Declares a layer normalization.
    /// - Throws: ``TorchError`` if the names are taken.
    public init(_ scope: ParameterScope, width: Int, epsilon: Double = 1e-5) throws {
        weight = try scope.weight("weight", [width], .ones)
        bias = try scope.weight("bias", [width], .zeros)
        shape = [width]
        self.epsilon = epsilon
    }

    /// Normalizes [..., width].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.layerNorm(shape, weight: weight.value, bias: bias.value, epsilon: epsilon)
    }
}

/// Batch normalization over N, H and W of [N, C, H, W]; in a training by several processes over the batch of all of them.
///
/// Parameters: `weight`, `bias`, `running_mean`, `running_var` [channels], `num_batches_tracked` (a count, optional in
/// checkpoints). In evaluation, and whenever its part of the store is frozen, it uses the running statistics and never
/// updates them.
///
/// ```swift
/// let store = ParameterStore()
/// let norm = try BatchNorm2d(store.root / "bn1", channels: 64)
/// store.train()  // the next call updates the running statistics
/// ```
public struct BatchNorm2d: UnaryLayer {
    /// The factor per channel, [channels].
    public let weight: Parameter

    /// The offset per channel, [channels].
    public let bias: Parameter

    /// [channels].
    package let runningMean: Parameter

    /// [channels].
    package let runningVariance: Parameter

    /// The number of batches in the running statistics; nil if always frozen.
    package let batchCount: Parameter?

    /// Added to the variance.
    package let epsilon: Double

    /// The weight of a batch's statistics in the new running ones: PyTorch's convention. Flax, TensorFlow and the
    /// published F-VLM specify the weight of the old ones, 1 minus this.
    package let momentum: Double

    private let mode: LayerMode
    private let isAlwaysFrozen: Bool

    /// Declares a batch normalization.
    /// - Parameters:
    ///   - scope: The node of the parameter tree that the layer declares its parameters in.
    ///   - channels: The number of channels.
    ///   - epsilon: Added to the variance.
    ///   - momentum: The weight of a batch in the running statistics.
    ///   - isFrozen: Whether it never trains, regardless of the store: weight and bias are buffers, and there is no
    ///     count of batches, as in detectron2's FrozenBatchNorm2d.
    ///   - weightInitializer: The initializer of the scale.
    ///   - dtype: The element type of the parameters; the store's by default. libtorch accepts float32 parameters for
    ///     16-bit maps, whose statistics need the precision.
    /// - Throws: ``TorchError`` if the names are taken.
    public init(
        _ scope: ParameterScope, channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1,
        isFrozen: Bool = false, weightInitializer: Initializer = .ones, dtype: DType? = nil
    ) throws {
        if isFrozen {
            weight = try scope.buffer("weight", [channels], weightInitializer, dtype: dtype)
            bias = try scope.buffer("bias", [channels], .zeros, dtype: dtype)
        } else {
            weight = try scope.weight("weight", [channels], weightInitializer, dtype: dtype)
            bias = try scope.weight("bias", [channels], .zeros, dtype: dtype)
        }
        runningMean = try scope.buffer("running_mean", [channels], .zeros, dtype: dtype)
        runningVariance = try scope.buffer("running_var", [channels], .ones, dtype: dtype)
        batchCount =
            isFrozen
            ? nil : try scope.buffer("num_batches_tracked", [], .zeros, dtype: .int64, isOptional: true)
        self.epsilon = epsilon
        self.momentum = momentum
        mode = scope.mode()
        isAlwaysFrozen = isFrozen
    }

    /// Normalizes [N, channels, H, W]; in training also updates the running statistics.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let trains = mode.isTraining && !isAlwaysFrozen
        if trains, let batchCount { try withoutGradients { try batchCount.value.addInPlace(1) } }
        if trains, let group = SharedBatch.group { return try normalized(input, over: group) }
        return try input.batchNorm(
            weight: weight.value, bias: bias.value, runningMean: runningMean.value,
            runningVariance: runningVariance.value, isTraining: trains, momentum: momentum, epsilon: epsilon)
    }
}

extension BatchNorm2d {
    /// Normalizes this process's share of a batch by the statistics of the whole.
    private func normalized(_ input: Tensor, over group: ProcessGroup) throws -> Tensor {
        let result = try SharedBatch.normalized(
            input, weight: weight.value, bias: bias.value, epsilon: epsilon, group: group)
        guard result.count > 0 else { return result.output }
        try withoutGradients {
            for (running, batch) in [
                (try runningMean.value, result.mean), (try runningVariance.value, result.variance),
            ] {
                try running.copyInPlace(running * (1 - momentum) + batch.to(running.dtype) * momentum)
            }
        }
        return result.output
    }
}

/// Normalization over groups of channels of [N, C, ...].
///
/// Parameters: `weight`, `bias` [channels].
///
/// ```swift
/// let store = ParameterStore()
/// let norm = try GroupNorm(store.root / "norm", groups: 32, channels: 256)
/// let y = try norm(maps)  // [N, 256, H, W]
/// ```
public struct GroupNorm: UnaryLayer {
    /// The factor per channel, [channels].
    public let weight: Parameter

    /// The offset per channel, [channels].
    public let bias: Parameter

    /// The number of groups.
    package let groups: Int

    /// Added to the variance.
    package let epsilon: Double

    /// Declares a group normalization.
    /// - Throws: ``TorchError`` if the names are taken or the groups do not divide the channels.
    public init(_ scope: ParameterScope, groups: Int, channels: Int, epsilon: Double = 1e-5) throws {
        guard groups > 0, channels % groups == 0 else {
            throw TorchError(
                "GroupNorm \(scope.path)", reason: "\(groups) groups do not divide \(channels) channels")
        }
        weight = try scope.weight("weight", [channels], .ones)
        bias = try scope.weight("bias", [channels], .zeros)
        self.groups = groups
        self.epsilon = epsilon
    }

    /// Normalizes [N, channels, ...].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.groupNorm(groups, weight: weight.value, bias: bias.value, epsilon: epsilon)
    }
}
