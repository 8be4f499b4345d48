import Testing
import TorchFixtures

import Torch

/// Convolutions by Winograd's filtering beside the plain sum.
@Suite struct WinogradTests {
    private func convolution(_ inputs: Int, _ outputs: Int, bias: Bool) throws -> (Conv2d, ParameterStore) {
        let store = ParameterStore()
        let layer = try Conv2d(
            store.root, inputs: inputs, outputs: outputs, kernel: 3, padding: 1, bias: bias,
            strategy: .winograd)
        try store.initialize(seed: 4)
        return (layer, store)
    }

    /// Of a number, with respect to input, weights and bias.
    private func gradients(_ input: Tensor, _ layer: Conv2d, _ function: (Tensor) throws -> Tensor) throws
        -> [Tensor]
    {
        let input = try input.detached()
        try input.setRequiresGrad(true)
        let inputs = try [input, layer.weight.value] + (layer.bias.map { try [$0.value] } ?? [])
        return try Tensor.gradients(of: [function(input)], withRespectTo: inputs).compactMap(\.self)
    }

    /// Even and odd sides, a single row, maps that are cut into several parts, both memory formats.
    @Test(arguments: [
        (1, 1, 1), (1, 1, 9), (2, 5, 4), (3, 14, 14), (70, 14, 14), (1, 57, 61),
        (2, 3, 900),
    ])
    func filteringIsTheConvolution(batch: Int, height: Int, width: Int) throws {
        for (bias, format) in [(true, MemoryFormat.channelsLast), (false, .contiguous)] {
            let (layer, _) = try convolution(96, 64, bias: bias)
            let input = try Tensor.randomNormal([batch, 96, height, width], generator: Generator(seed: 3))
                .contiguous(format)
            try withoutGradients {
                let exact = try input.to(.float64).conv2d(
                    layer.weight.value.to(.float64), layer.bias?.value.to(.float64), padding: 1)
                let largest = try exact.abs().max().item()
                for rectified in [false, true] {
                    let result = try (rectified ? layer.rectified(input) : layer(input))
                    let expected = rectified ? try exact.relu() : exact
                    let error = try (result.to(.float64) - expected).abs().max().item() / largest
                    #expect(error < 2e-6, "relative to the largest element: \(error)")
                    // A single row of tiles is too little to share, and takes the plain way.
                    #expect(result.isContiguous(.channelsLast) || batch * height == 1)
                }
            }
        }
    }

    /// Of input, weights and bias.
    @Test(arguments: [(1, 3, 9), (2, 5, 4), (40, 14, 14), (1, 57, 61), (2, 3, 900)])
    func gradientsAreTheConvolutions(batch: Int, height: Int, width: Int) throws {
        for (bias, rectified) in [(true, false), (false, false), (true, true)] {
            let (layer, _) = try convolution(96, 64, bias: bias)
            let input = try Tensor.randomNormal([batch, 96, height, width], generator: Generator(seed: 3))
            let weights = try Tensor.randomNormal([batch, 64, height, width], generator: Generator(seed: 5))
            // What is almost zero may be rounded to either side of it.
            let signs = try withoutGradients { try (layer.rectified(input) .> 0).to(.float64) }
            let fast = try gradients(input, layer) {
                try ((rectified ? layer.rectified($0) : layer($0)) * weights).sum()
            }
            let plain = try gradients(input, layer) {
                let output = try $0.to(.float64).conv2d(
                    layer.weight.value.to(.float64), layer.bias?.value.to(.float64), padding: 1)
                return try ((rectified ? output * signs : output) * weights).sum()
            }
            #expect(fast.count == (bias ? 3 : 2))
            for (gradient, expected) in zip(fast, plain) {
                #expect(gradient.shape == expected.shape)
                let largest = try expected.abs().max().item()
                let error = try (gradient.to(.float64) - expected).abs().max().item() / largest
                #expect(error < 3e-6, "relative to the largest element: \(error)")
            }
        }
    }

    @Test func resultsDoNotDependOnThreads() throws {
        let (layer, _) = try convolution(64, 64, bias: true)
        for batch in [1, 40] {
            let input = try Tensor.randomNormal([batch, 64, 14, 14], generator: Generator(seed: 3))
            let results = try [1, 2, 3].map { count in
                try withThreads(count) {
                    try [withoutGradients { try layer(input) }]
                        + gradients(input, layer) { try layer.rectified($0).square().sum() }
                }
            }
            for other in results.dropFirst() {
                #expect(try zip(results[0], other).allSatisfy { try $0.isEqual(to: $1) })
            }
        }
    }

    @Test func whatIsNotANumberStaysSo() throws {
        let (layer, _) = try convolution(64, 64, bias: true)
        let input = try Tensor.ones([1, 64, 8, 8])
        try input[0, 0, 3, 3].fillInPlace(Double.nan)
        let result = try withoutGradients { try layer.rectified(input) }
        #expect(try result[0, 0, 3, 3].item().isNaN)
        #expect(try !result[0, 0, 0, 0].item().isNaN)
    }

    /// Other types and casts take the plain way.
    @Test func othersArePlain() throws {
        let (layer, store) = try convolution(64, 64, bias: true)
        let input = try Tensor.randomNormal([2, 64, 8, 8], generator: Generator(seed: 3))
        #expect(
            try withoutGradients { try withAutocast(.bfloat16) { try layer(input).dtype } } == .bfloat16)
        try store.convert(dtype: .float64)
        #expect(try withoutGradients { try layer(input.to(.float64)).dtype } == .float64)
    }
}
