import Testing
import Torch

/// Layers that compute otherwise than by libtorch's operator of the same name.
@Suite struct LayerTests {
    /// Results and gradients of a transposed convolution, as the layer and as libtorch's operator compute them.
    private func expectTransposedConvolution(
        kernel: Size2D, stride: Size2D, bias: Bool = true, batch: Int = 2, format: MemoryFormat = .contiguous
    ) throws {
        let store = ParameterStore()
        let layer = try ConvTranspose2d(
            store.root, inputs: 6, outputs: 5, kernel: kernel, stride: stride, bias: bias)
        try store.initialize(seed: 1)
        let pixels = try Tensor.randomNormal([batch, 6, 4, 3], generator: Generator(seed: 2))
        func gradients(_ enlarge: (Tensor) throws -> Tensor) throws -> [Tensor] {
            for parameter in store.parameters { try parameter.grad?.zeroInPlace() }
            let input = try pixels.contiguous(format).detached().requiringGrad()
            let output = try enlarge(input)
            let factors = try Tensor.randomNormal(output.shape, generator: Generator(seed: 3))
            try (output * output * factors).sum().backward()
            return try [output.detached(), #require(input.grad)]
                + store.parameters.map { try #require($0.value.grad).clone() }
        }
        let results = try gradients { try layer($0) }
        let expected = try gradients {
            try $0.convTranspose2d(layer.weight.value, layer.bias?.value, stride: stride)
        }
        #expect(results.count == (bias ? 4 : 3))
        for (result, expected) in zip(results, expected) {
            #expect(result.shape == expected.shape)
            #expect(try result.isClose(to: expected, relative: 1e-4, absolute: 1e-4).all().item() == 1)
        }
    }

    @Test(arguments: [MemoryFormat.contiguous, .channelsLast])
    func aTransposedConvolutionWhoseWindowsDoNotOverlapIsAProduct(format: MemoryFormat) throws {
        try expectTransposedConvolution(kernel: 2, stride: 2, format: format)
        try expectTransposedConvolution(kernel: Size2D(3, 2), stride: Size2D(3, 2), format: format)
        try expectTransposedConvolution(kernel: 2, stride: 2, bias: false, batch: 1, format: format)
    }

    @Test func otherTransposedConvolutionsAreLibtorchs() throws {
        try expectTransposedConvolution(kernel: 3, stride: 2)
        try expectTransposedConvolution(kernel: 2, stride: 3)
    }

    @Test func theResultOfAnEnlargingProductIsChannelsLast() throws {
        let store = ParameterStore()
        let layer = try ConvTranspose2d(store.root, inputs: 4, outputs: 8, kernel: 2, stride: 2)
        try store.initialize(seed: 1)
        let output = try layer(Tensor.ones([3, 4, 5, 6]))
        #expect(output.shape == [3, 8, 10, 12] && output.isContiguous(.channelsLast))
        #expect(try layer(Tensor.zeros([0, 4, 5, 6])).shape == [0, 8, 10, 12])
        #expect(throws: TorchError.self) { try layer(Tensor.ones([3, 5, 5, 6])) }
        let overlapping = try ConvTranspose2d(store.root / 1, inputs: 4, outputs: 8, kernel: 3, stride: 2)
        #expect(throws: TorchError.self) { try overlapping.windows(Tensor.ones([3, 4, 5, 6])) }
    }

    @Test func layersOfSinglePixelsMayWorkOnWindows() throws {
        let store = ParameterStore()
        let layer = try ConvTranspose2d(
            store.root, inputs: 4, outputs: 8, kernel: Size2D(2, 3), stride: Size2D(2, 3))
        try store.initialize(seed: 1)
        let input = try Tensor.randomNormal([2, 4, 5, 6], generator: Generator(seed: 2))
        let windows = try layer.windows(input)
        #expect(windows.shape == [2, 8, 5, 36])
        #expect(try layer.windows(input, rectified: true).isEqual(to: windows.relu()))
        let sums = try layer.assembled(windows.relu().sum([1], keepDimensions: true))
        let expected = try layer(input).relu().sum([1], keepDimensions: true)
        #expect(sums.shape == [2, 1, 10, 18])
        #expect(throws: TorchError.self) { try layer.assembled(Tensor.ones([2, 8, 5, 35])) }
        #expect(throws: TorchError.self) { try layer.assembled(Tensor.ones([2, 8])) }
        #expect(try sums.isEqual(to: expected))
    }
}
