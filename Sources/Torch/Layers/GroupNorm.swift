/// Normalisation over groups of channels of [N, C, ...].
///
/// Parameters: `weight`, `bias` [channels].
public struct GroupNorm: UnaryLayer {
    /// The factor of every channel, [channels].
    public let weight: Parameter

    /// The summand of every channel, [channels].
    public let bias: Parameter

    /// The number of groups.
    public let groups: Int

    /// Added to the variance.
    public let epsilon: Double

    /// Declares a group normalisation.
    /// - Throws: ``TorchError`` when the names are taken or the groups do not divide the channels.
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

    /// Normalises [N, channels, ...].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.groupNorm(groups, weight: weight.value, bias: bias.value, epsilon: epsilon)
    }
}
