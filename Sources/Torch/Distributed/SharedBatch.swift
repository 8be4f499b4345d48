/// A batch of which every process of a group has a share.
///
/// Losses divide by counts of the whole batch, and batch normalization takes its statistics: the sum of all processes' losses and
/// gradients is that of one process with the whole batch. All processes must ask for the same totals in the same order, also
/// those whose share has nothing to count.
package enum SharedBatch {
    /// The processes; nil: the batch is here as a whole.
    @TaskLocal package static var group: ProcessGroup?

    /// The total of a count over all processes.
    /// - Throws: ``ProcessGroupError``.
    package static func total(_ count: Int) throws -> Int {
        guard let group else { return count }
        let total = try Tensor([Int64(count)])
        try group.allReduce(total).wait()
        return try total.item(as: Int.self)
    }

    /// The total of a count, a tensor without gradient, over all processes.
    /// - Throws: ``ProcessGroupError``, ``TorchError``.
    package static func total(_ count: Tensor) throws -> Tensor {
        guard let group else { return count }
        return try withoutGradients {
            let total = try count.detached().clone()
            try group.allReduce(total).wait()
            return total
        }
    }

    /// Normalizes [N, C, H, W] by the mean and variance of each channel over all processes, in `float32`.
    /// - Returns: The result in the input's type; the mean, the unbiased variance, [C] each, and the number of elements that they
    ///   are of.
    /// - Throws: ``ProcessGroupError``, ``TorchError``.
    static func normalized(
        _ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Double, group: ProcessGroup
    ) throws -> (output: Tensor, mean: Tensor, variance: Tensor, count: Int) {
        let channels = input.shape[1]
        let shape = [1, channels] + [Int](repeating: 1, count: input.rank - 2)
        let places = [0] + Array(2..<input.rank)
        let (type, own) = (try input.dtype, input.count / max(channels, 1))
        struct Statistics: Sendable {
            let mean: Tensor
            let variance: Tensor
            let scale: Tensor
            let count: Int
        }
        let statistics = try withoutGradients { () throws -> Statistics in
            // Each process's mean and sum of squares about it, then those of all (Chan, Golub and LeVeque, 1979).
            let values = try input.detached().to(.float32)
            let mean =
                own == 0 ? try Tensor.zeros([channels]) : try values.mean(places)
            let centered = try values - mean.reshaped(shape)
            let squares = try (centered * centered).sum(places)
            let sent = try Tensor.cat([mean, squares, Tensor([Float(own)])]).to(.float64)
            let parts = try group.gathered(sent)
            let counts = try parts.map { Int(try $0.narrowed(0, start: 2 * channels, length: 1).item()) }
            let count = max(counts.reduce(0, +), 1)
            var (sum, total) = (
                try Tensor.zeros([channels], dtype: .float64), try Tensor.zeros([channels], dtype: .float64)
            )
            for (part, number) in zip(parts, counts) {
                sum = try sum + part.narrowed(0, start: 0, length: channels) * Double(number)
            }
            let center = try sum / Double(count)
            for (part, number) in zip(parts, counts) {
                let distance = try part.narrowed(0, start: 0, length: channels) - center
                total =
                    try total + part.narrowed(0, start: channels, length: channels) + distance * distance
                    * Double(number)
            }
            let biased = try total / Double(count)
            return Statistics(
                mean: try center.to(.float32), variance: try (total / Double(max(count - 1, 1))).to(.float32),
                scale: try (biased + epsilon).reciprocalSquareRoot().to(.float32), count: counts.reduce(0, +))
        }
        let (center, scale) = (try statistics.mean.reshaped(shape), try statistics.scale.reshaped(shape))
        let (count, factor) = (
            Double(max(statistics.count, 1)), try weight.detached().to(.float32).reshaped(shape)
        )
        let (values, factorType) = (try input.detached(), try weight.dtype)
        let output = try withCustomGradient("shared batch norm", of: [input, weight, bias]) {
            let normal = try (values.to(.float32) - center) * scale
            return [try (normal * factor + bias.detached().to(.float32).reshaped(shape)).to(type)]
        } backward: { gradients in
            let normal = try (values.to(.float32) - center) * scale
            let gradient = try gradients[0]?.to(.float32) ?? normal.zerosLike()
            let sums = try [gradient.sum(places), (gradient * normal).sum(places)]
            let totals = try Tensor.stack(sums)
            try group.allReduce(totals).wait()
            let (all, allNormal) = try (
                totals.narrowed(0, start: 0, length: 1).reshaped(shape),
                totals.narrowed(0, start: 1, length: 1).reshaped(shape)
            )
            let back = try (gradient - all / count - normal * (allNormal / count)) * scale * factor
            return [try back.to(type), try sums[1].to(factorType), try sums[0].to(factorType)]
        }
        return (output[0], statistics.mean, statistics.variance, statistics.count)
    }
}
