import WeightFiles

/// The distribution of a parameter's initial values.
///
/// The random ones draw the same numbers as PyTorch's `torch.nn.init` from a generator in the same state.
public enum Initializer: Sendable, Hashable {
    /// The fan that a variance is divided by: the number of inputs or outputs of one element of the result.
    public enum Fan: Sendable, Hashable {
        /// Keeps the variance of the forward pass.
        case input
        /// Keeps the variance of the backward pass.
        case output
    }

    /// The same number everywhere.
    case constant(Double)
    /// Normal numbers.
    case normal(mean: Double = 0, standardDeviation: Double)
    /// Normal numbers truncated at `bound` standard deviations from the mean.
    case truncatedNormal(mean: Double = 0, standardDeviation: Double, bound: Double = 2)
    /// Uniform numbers.
    case uniform(from: Double, to: Double)
    /// Normal numbers with standard deviation gain / sqrt(fan) (He et al., 2015); the default gain is that of ReLU.
    case kaimingNormal(Fan = .output, gain: Double = 1.414_213_562_373_095_1)
    /// Uniform numbers of the same variance.
    case kaimingUniform(Fan = .input, gain: Double = 1.414_213_562_373_095_1)
    /// Normal numbers with standard deviation gain * sqrt(2 / (inputs + outputs)) (Glorot and Bengio, 2010).
    case xavierNormal(gain: Double = 1)
    /// Uniform numbers of the same variance.
    case xavierUniform(gain: Double = 1)
    /// Uniform numbers up to 1 / sqrt(inputs), the default of PyTorch's linear layers and convolutions. The layer's
    /// inputs are explicit, since a bias does not know them.
    case fanUniform(inputs: Int)
    /// Normal numbers truncated at two standard deviations, rescaled to variance 1 / inputs, the default of Flax's
    /// layers.
    case lecunNormal

    /// Zero everywhere.
    public static let zeros = Initializer.constant(0)

    /// One everywhere.
    public static let ones = Initializer.constant(1)

    /// Creates initial values.
    /// - Parameters:
    ///   - shape: [outputs, inputs, ...kernel] if fans are used.
    ///   - dtype: The element type; random numbers are drawn in `float32` and then converted.
    ///   - generator: The source of random numbers.
    /// - Throws: ``TorchError`` if fans are used for a tensor with fewer than two dimensions.
    public func callAsFunction(_ shape: [Int], dtype: DType = .float32, generator: Generator) throws
        -> Tensor
    {
        if case .constant(let value) = self { return try Tensor.full(shape, value, dtype: dtype) }
        let tensor = try Tensor.empty(shape, dtype: dtype == .float64 ? .float64 : .float32)
        try withoutGradients { try fill(tensor, generator) }
        return try tensor.to(dtype)
    }

    private func fill(_ tensor: Tensor, _ generator: Generator) throws {
        func normal(_ deviation: Double, mean: Double = 0) throws {
            try tensor.fillNormalInPlace(mean: mean, standardDeviation: deviation, generator: generator)
        }
        func uniform(_ bound: Double) throws {
            try tensor.fillUniformInPlace(from: -bound, to: bound, generator: generator)
        }
        switch self {
        case .constant(let value): try tensor.fillInPlace(value)
        case .normal(let mean, let deviation): try normal(deviation, mean: mean)
        case .truncatedNormal(let mean, let deviation, let bound):
            try fillTruncatedNormal(
                tensor, mean: mean, standardDeviation: deviation, bound: bound, generator)
        case .uniform(let low, let high):
            try tensor.fillUniformInPlace(from: low, to: high, generator: generator)
        case .kaimingNormal(let fan, let gain):
            try normal(gain / (try Self.fans(tensor.shape).value(fan)).squareRoot())
        case .kaimingUniform(let fan, let gain):
            try uniform(gain * (3 / (try Self.fans(tensor.shape).value(fan))).squareRoot())
        case .xavierNormal(let gain):
            let fans = try Self.fans(tensor.shape)
            try normal(gain * (2 / (fans.inputs + fans.outputs)).squareRoot())
        case .xavierUniform(let gain):
            let fans = try Self.fans(tensor.shape)
            try uniform(gain * (6 / (fans.inputs + fans.outputs)).squareRoot())
        case .fanUniform(let inputs): try uniform(1 / Double(Swift.max(inputs, 1)).squareRoot())
        case .lecunNormal:
            // The standard deviation of a unit normal distribution truncated at +-2.
            let cut = 0.879_625_661_034_239_78
            let deviation = (1 / (try Self.fans(tensor.shape).inputs)).squareRoot() / cut
            try fillTruncatedNormal(tensor, mean: 0, standardDeviation: deviation, bound: 2, generator)
        }
    }

    /// By rejection, like `torch.nn.init.trunc_normal_` for bounds above 0.39.
    private func fillTruncatedNormal(
        _ tensor: Tensor, mean: Double, standardDeviation: Double, bound: Double, _ generator: Generator
    ) throws {
        guard bound > 0 else {
            throw TorchError(
                "Initializer", reason: "a bound of \(bound) standard deviations leaves no numbers")
        }
        func draw() throws -> Tensor {
            let numbers = try tensor.emptyLike()
            try numbers.fillNormalInPlace(
                mean: mean, standardDeviation: standardDeviation, generator: generator)
            return numbers
        }
        let (low, high) = (mean - bound * standardDeviation, mean + bound * standardDeviation)
        var numbers = try draw()
        while true {
            let outside = try (numbers .< low) .|| (numbers .> high)
            guard try outside.any().item() != 0 else { break }
            numbers = try draw().where(outside, otherwise: numbers)
        }
        try tensor.copyInPlace(numbers)
    }

    private struct Fans {
        let inputs: Double
        let outputs: Double

        func value(_ fan: Fan) -> Double { fan == .input ? inputs : outputs }
    }

    private static func fans(_ shape: [Int]) throws -> Fans {
        guard shape.count >= 2 else {
            throw TorchError(
                "Initializer", arguments: ["shape \(shape)"],
                reason: "fans need at least two dimensions: choose an initializer without them")
        }
        let window = shape.dropFirst(2).reduce(1, *)
        return Fans(inputs: Double(shape[1] * window), outputs: Double(shape[0] * window))
    }
}
