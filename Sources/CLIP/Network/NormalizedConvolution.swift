import Synchronization
import Torch

/// A convolution without bias, batch normalization, and an optional ReLU.
///
/// While both are frozen, the normalization is folded into the convolution, once, in float32 and in the channels-last
/// layout: one pass over the map instead of three. The parameters themselves stay as loaded, in the mapped file.
final class NormalizedConvolution: Sendable {
    private struct Folded: Sendable {
        /// The tensors that it was made from; loading, converting or unfreezing replaces them.
        let sources: [Tensor]
        let weight: Tensor
        let bias: Tensor
    }

    private let convolution: Conv2d
    private let normalization: BatchNorm2d
    private let appliesReLU: Bool
    private let folded = Mutex<Folded?>(nil)

    /// How the product is computed, with the normalization's scale in the weights.
    var form: ProductForm { convolution.form }

    init(
        _ convolution: ParameterScope, _ normalization: ParameterScope, inputs: Int, outputs: Int,
        kernel: Int, stride: Int = 1, appliesReLU: Bool, epsilon: Double
    ) throws {
        self.convolution = try Conv2d(
            convolution, inputs: inputs, outputs: outputs, kernel: Size2D(kernel), stride: Size2D(stride),
            padding: Size2D(kernel / 2), bias: false,
            initializer: .kaimingNormal(.output))
        self.normalization = try BatchNorm2d(
            normalization, channels: outputs, epsilon: epsilon, dtype: .float32)
        self.appliesReLU = appliesReLU
        self.convolution.form.useWeight { [weak self] in
            guard let self else { throw CLIPError("image tower", reason: "is no longer in use") }
            return try self.foldedParameters().weight
        }
    }

    /// The element type of input and output.
    var dtype: DType { convolution.weight.dtype }

    /// [N, inputs, H, W] to [N, outputs, H', W'].
    /// - Parameter next: The only layer that reads the result, see `ProductLayer`.
    func callAsFunction(_ input: Tensor, for next: NormalizedConvolution? = nil) throws -> Tensor {
        let output: Tensor
        if convolution.weight.isFrozen && normalization.weight.isFrozen && normalization.bias.isFrozen {
            let folded = try foldedParameters()
            return try form(input, bias: folded.bias, rectified: appliesReLU, for: next?.form) {
                let output = try input.conv2d(
                    folded.weight, folded.bias, stride: convolution.stride, padding: convolution.padding)
                if appliesReLU { try output.reluInPlace() }
                return output
            }
        } else {
            output = try normalization(convolution(input))
        }
        if appliesReLU { try output.reluInPlace() }
        return output
    }

    private func foldedParameters() throws -> Folded {
        let sources = [
            try convolution.weight.value, try normalization.weight.value, try normalization.bias.value,
            try normalization.runningMean.value, try normalization.runningVariance.value,
        ]
        let known = folded.withLock { $0 }
        if let known, zip(known.sources, sources).allSatisfy({ $0 === $1 }) { return known }
        let made = try withoutGradients { try fold(sources) }
        folded.withLock { $0 = made }
        return made
    }

    private func fold(_ sources: [Tensor]) throws -> Folded {
        let parts = try sources.map { try $0.to(.float32) }
        let scale = try parts[1] * (parts[4] + normalization.epsilon).reciprocalSquareRoot()
        let dtype = try sources[0].dtype
        let weight = try (parts[0] * scale.reshaped([-1, 1, 1, 1])).to(dtype).contiguous(.channelsLast)
        let bias = try (parts[2] - parts[3] * scale).to(dtype)
        return Folded(sources: sources, weight: weight, bias: bias)
    }
}
