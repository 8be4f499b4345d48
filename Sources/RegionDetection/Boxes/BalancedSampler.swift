/// Samples a limited number of boxes for training, with a limited fraction of positive ones.
public struct BalancedSampler: Sendable, Hashable {
    /// The maximum number of sampled boxes.
    public var count: Int

    /// The maximum fraction of positive boxes.
    public var positiveFraction: Double

    /// The sampler of the proposal network: 256 anchors per image, at most half of them positive.
    public static func anchors() -> BalancedSampler { BalancedSampler(unchecked: 256, 0.5) }

    /// The sampler of the heads: 512 regions per image, at most a quarter of them positive.
    public static func regions() -> BalancedSampler { BalancedSampler(unchecked: 512, 0.25) }

    private init(unchecked count: Int, _ positiveFraction: Double) {
        self.count = count
        self.positiveFraction = positiveFraction
    }

    /// Creates a sampler of at most `count` boxes.
    /// - Throws: ``DetectionError`` if the count is negative or the fraction is not between 0 and 1.
    public init(count: Int, positiveFraction: Double) throws {
        guard count >= 0, (0...1).contains(positiveFraction) else {
            throw DetectionError(
                "BalancedSampler", "cannot draw \(count) boxes, a fraction of \(positiveFraction) positive")
        }
        self.count = count
        self.positiveFraction = positiveFraction
    }

    /// Rows of the sampled boxes, each kind in sampling order.
    public struct Sample: Sendable {
        /// `int64`.
        public let positive: Tensor

        /// `int64`.
        public let negative: Tensor
    }

    /// Samples by labels [N]: 0 negative, -1 never sampled, all others positive.
    ///
    /// Negative boxes fill the places of missing positive ones, but not vice versa.
    /// - Parameters:
    ///   - labels: [N] integers.
    ///   - generator: The source of random numbers; equal states give equal samples.
    public func callAsFunction(_ labels: Tensor, generator: Generator) throws -> Sample {
        let labels = try labels.to(device: .cpu)
        let positive = try ((labels .> 0).nonzeroIndices()).flattened()
        let negative = try ((labels .== 0).nonzeroIndices()).flattened()
        let positiveCount = min(Int(Double(count) * positiveFraction), positive.count)
        let negativeCount = min(count - positiveCount, negative.count)
        return Sample(
            positive: try Self.draw(positiveCount, of: positive, generator),
            negative: try Self.draw(negativeCount, of: negative, generator))
    }

    private static func draw(_ count: Int, of rows: Tensor, _ generator: Generator) throws -> Tensor {
        // All of them, in order: no sampling needed.
        if count == rows.count { return rows }
        let order = try Tensor.randomPermutation(rows.count, generator: generator)
        return try rows.indexSelected(0, order[0..<count])
    }

    /// Labels [N] in which all boxes outside the sample are -1.
    package func sampledLabels(_ labels: Tensor, generator: Generator) throws -> Tensor {
        let sample = try self(labels, generator: generator)
        let device = labels.device
        return try Tensor.full(labels.shape, -1, dtype: .int64, device: device)
            .scattered(0, sample.positive.to(device: device), 1)
            .scattered(0, sample.negative.to(device: device), 0)
    }
}
