import Testing
import Torch

/// Products in eight bits, against sums of integers worked out here.
@Suite(.enabled(if: EightBitSupport.refusal == nil)) struct EightBitTests {
    /// Numbers from -1 to 1 without a pattern.
    private func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Float(state >> 40) / Float(1 << 23) - 1
        }
    }

    /// The byte that stands for a number.
    private func byte(_ value: Float, _ range: ActivationRange, factor: Float = 1) -> Int {
        let step = (range.high - range.low) / 255
        let moved = value / factor / step + Float(range.zero)
        return Int(max(0, min(255, (moved + 0.5).rounded(.down))))
    }

    /// The weights of an output as signed bytes, and their step.
    private func bytes(_ weights: [Float]) -> (bytes: [Int], step: Float) {
        let step = (weights.map(abs).max() ?? 0) / 127
        return (weights.map { Int(($0 / step).rounded(.toNearestOrEven)) }, step)
    }

    private func check(_ result: [Float], _ expected: [Float], within tolerance: Float = 1e-4) {
        #expect(result.count == expected.count)
        let scale = expected.map(abs).max() ?? 1
        let worst = zip(result, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(worst <= tolerance * scale, "differs by \(worst) of \(scale)")
    }

    @Test(arguments: [false, true], [false, true]) func aLinearMapIsASumOfIntegers(
        smoothed: Bool, rectified: Bool
    ) throws {
        let (rows, inputs, outputs) = (7, 48, 40)
        let factors = smoothed ? (0..<inputs).map { Float($0 % 5 + 1) } : nil
        let range = ActivationRange(low: -0.7, high: 0.9, smoothing: factors)
        let (x, w, b) = (
            numbers(rows * inputs, seed: 1), numbers(outputs * inputs, seed: 2), numbers(outputs, seed: 3)
        )
        let store = ParameterStore()
        let layer = try Linear(store.root / "fc", inputs: inputs, outputs: outputs)
        try layer.weight.set(Tensor(w, shape: [outputs, inputs]))
        try layer.bias?.set(Tensor(b))
        try layer.form.use(.int8(range))
        let step = (range.high - range.low) / 255
        var expected: [Float] = []
        for row in 0..<rows {
            for output in 0..<outputs {
                let (weights, weightStep) = bytes(
                    (0..<inputs).map { w[output * inputs + $0] * (factors?[$0] ?? 1) })
                let sum = (0..<inputs).reduce(0) { sum, k in
                    sum + (byte(x[row * inputs + k], range, factor: factors?[k] ?? 1) - range.zero)
                        * weights[k]
                }
                let value = Float(sum) * step * weightStep + b[output]
                expected.append(rectified ? max(value, 0) : value)
            }
        }
        let input = try Tensor(x, shape: [rows, inputs])
        let result = try withoutGradients { rectified ? try layer.rectified(input) : try layer(input) }
        #expect(result.shape == [rows, outputs])
        // A factor's reciprocal is rounded: a few numbers on the border of two bytes fall on the other side.
        check(try result.array(of: Float.self), expected, within: smoothed ? 2e-3 : 1e-4)

        let empty = try withoutGradients { try layer(Tensor.zeros([0, 3, inputs])) }
        #expect(empty.shape == [0, 3, outputs])
    }

    /// Zeros around a map are the byte of zero, not the byte 0.
    @Test(arguments: [1, 2]) func aConvolutionIsASumOfIntegers(stride: Int) throws {
        let (inputs, outputs, height, width) = (32, 33, 5, 6)
        let range = ActivationRange(low: -0.8, high: 0.8)
        let (x, w) = (numbers(inputs * height * width, seed: 4), numbers(outputs * inputs * 9, seed: 5))
        let store = ParameterStore()
        let layer = try Conv2d(
            store.root / "conv", inputs: inputs, outputs: outputs, kernel: 3, stride: Size2D(stride),
            padding: 1, bias: false)
        try layer.weight.set(Tensor(w, shape: [outputs, inputs, 3, 3]))
        try layer.form.use(.int8(range))
        let step = (range.high - range.low) / 255
        let (rows, columns) = ((height - 1) / stride + 1, (width - 1) / stride + 1)
        var expected: [Float] = []
        for output in 0..<outputs {
            let (weights, weightStep) = bytes(Array(w[output * inputs * 9..<(output + 1) * inputs * 9]))
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = 0
                    for place in 0..<inputs * 9 {
                        let (channel, i, j) = (place / 9, place / 3 % 3, place % 3)
                        let (y, x0) = (row * stride + i - 1, column * stride + j - 1)
                        guard (0..<height).contains(y), (0..<width).contains(x0) else { continue }
                        sum +=
                            (byte(x[(channel * height + y) * width + x0], range) - range.zero)
                            * weights[place]
                    }
                    expected.append(Float(sum) * step * weightStep)
                }
            }
        }
        let result = try withoutGradients { try layer(Tensor(x, shape: [1, inputs, height, width])) }
        #expect(result.shape == [1, outputs, rows, columns])
        check(try result.contiguous().array(of: Float.self), expected)
    }

    /// Of two layers the first hands its result over as bytes: the same as if the second made them.
    @Test func bytesArePassedOn() throws {
        let store = ParameterStore()
        let (first, second) = (
            try Linear(store.root / "fc1", inputs: 64, outputs: 48),
            try Linear(store.root / "fc2", inputs: 48, outputs: 32)
        )
        try store.initialize(seed: 7)
        try first.form.use(.int8(ActivationRange(low: -1, high: 1)))
        try second.form.use(.int8(ActivationRange(low: 0, high: 2)))
        let input = try Tensor(numbers(9 * 64, seed: 8), shape: [9, 64])
        try withoutGradients {
            let bytes = try first.rectified(input, for: second.form)
            #expect(try bytes.dtype == .uint8)
            let apart = try second(first.rectified(input)).array(of: Float.self)
            check(try second(bytes).array(of: Float.self), apart, within: 0.02)

            // A layer whose inputs are divided by factors takes numbers.
            try second.form.use(
                .int8(ActivationRange(low: 0, high: 2, smoothing: [Float](repeating: 2, count: 48))))
            #expect(try first.rectified(input, for: second.form).dtype == .float32)
        }
    }

    @Test func windowsOfATransposedConvolutionAreAProductToo() throws {
        let store = ParameterStore()
        let layer = try ConvTranspose2d(store.root / "up", inputs: 32, outputs: 40, kernel: 2, stride: 2)
        try store.initialize(seed: 9)
        let input = try Tensor(numbers(2 * 32 * 12, seed: 10), shape: [2, 32, 3, 4])
        let exact = try withoutGradients { try layer(input).array(of: Float.self) }
        try layer.form.use(.int8(ActivationRange(low: -1, high: 1)))
        check(try withoutGradients { try layer(input).array(of: Float.self) }, exact, within: 0.02)
    }

    /// Query, key and value are projected apart, and all of them in bytes.
    @Test func attentionProjectsInBytes() throws {
        let store = ParameterStore()
        let attention = try MultiHeadAttention(store.root / "attn", width: 64, heads: 4)
        try store.initialize(seed: 11)
        #expect(
            store.products.map(\.name) == ["attn.query", "attn.key", "attn.value", "attn.out_proj"])
        let tokens = try Tensor(numbers(2 * 5 * 64, seed: 12), shape: [2, 5, 64])
        let exact = try withoutGradients { try attention(tokens).array(of: Float.self) }
        for form in store.products { try form.use(.int8(ActivationRange(low: -1, high: 1))) }
        check(try withoutGradients { try attention(tokens).array(of: Float.self) }, exact, within: 0.05)
        for form in store.products { try form.use(.bfloat16) }
        check(try withoutGradients { try attention(tokens).array(of: Float.self) }, exact, within: 0.05)
        for form in store.products { try form.use(nil) }
        #expect(try withoutGradients { try attention(tokens).array(of: Float.self) } == exact)
    }

    // MARK: Ranges

    /// One channel a hundred times as large as the others costs them nothing.
    @Test func aLargeChannelIsSmoothed() throws {
        let store = ParameterStore()
        let layer = try Linear(store.root / "fc", inputs: 64, outputs: 32)
        try store.initialize(seed: 13)
        var values = numbers(200 * 64, seed: 14)
        for row in 0..<200 { values[row * 64 + 3] *= 100 }
        let input = try Tensor(values, shape: [200, 64])
        layer.form.record()
        let exact = try withoutGradients { try layer(input) }
        let range = try #require(try layer.form.recordedRange())
        let smoothing = try #require(range.smoothing)
        #expect(smoothing[3] > 5 * (smoothing.filter { $0 != smoothing[3] }.max() ?? 0))
        try layer.form.compare(range)
        #expect(try withoutGradients { try layer(input) }.isEqual(to: exact))
        let compared = try #require(layer.form.compared())
        let error = compared.error
        #expect(compared.products == 200 * 64 * 32)
        #expect(error < 0.02)
        // Without factors the small channels are lost.
        try layer.form.compare(ActivationRange(low: -100, high: 100))
        _ = try withoutGradients { try layer(input) }
        #expect(try #require(layer.form.compared()).error > 2 * error)
    }

    /// What is rectified has a range from zero; a rare large number is cut off.
    @Test func aRareLargeNumberIsCutOff() throws {
        let store = ParameterStore()
        let layer = try Linear(store.root / "fc", inputs: 64, outputs: 32)
        try store.initialize(seed: 15)
        var values = numbers(4_096 * 64, seed: 16).map { max($0, 0) }
        values[5 * 64] = 3
        layer.form.record()
        _ = try withoutGradients { try layer(Tensor(values, shape: [4_096, 64])) }
        let range = try #require(try layer.form.recordedRange())
        #expect(range.low == 0 && range.zero == 0 && range.smoothing == nil)
        #expect(range.high < 3 && range.high >= 0.9)
    }

    @Test func aLayerThatWasNotUsedHasNoRange() throws {
        let store = ParameterStore()
        let layer = try Linear(store.root / "fc", inputs: 64, outputs: 32)
        try store.initialize(seed: 17)
        layer.form.record()
        _ = try withoutGradients { try layer(Tensor.zeros([4, 64])) }
        #expect(try layer.form.recordedRange() == nil)
        #expect(layer.form.compared() == nil)
    }

    // MARK: Where it does not apply

    @Test func gradientsAreThoseOfTheLayer() throws {
        let store = ParameterStore()
        let layer = try Linear(store.root / "fc", inputs: 64, outputs: 32)
        try store.initialize(seed: 18)
        let input = try Tensor(numbers(3 * 64, seed: 19), shape: [3, 64])
        let exact = try layer(input).array(of: Float.self)
        try layer.form.use(.int8(ActivationRange(low: -1, high: 1)))
        #expect(!layer.form.isInBytes)
        #expect(try layer(input).array(of: Float.self) == exact)
        #expect(try withoutGradients { try layer(input).array(of: Float.self) } != exact)
    }

    @Test func layersWithoutAKernelAreNotListed() throws {
        let store = ParameterStore()
        _ = try Linear(store.root / "few", inputs: 512, outputs: 4)
        _ = try Conv2d(store.root / "pixels", inputs: 3, outputs: 64, kernel: 3)
        _ = try Conv2d(store.root / "groups", inputs: 64, outputs: 64, kernel: 3, groups: 2)
        _ = try Conv2d(store.root / "apart", inputs: 64, outputs: 64, kernel: 3, dilation: 2)
        _ = try ConvTranspose2d(store.root / "overlap", inputs: 64, outputs: 64, kernel: 3, stride: 2)
        _ = try Conv2d(store.root / "plain", inputs: 64, outputs: 64, kernel: 3)
        #expect(store.products.map(\.name) == ["plain"])
    }

    @Test func factorsOfOtherChannelsAreRefused() throws {
        let store = ParameterStore()
        let layer = try Linear(store.root / "fc", inputs: 64, outputs: 32)
        try store.initialize(seed: 20)
        let error = try #require(throws: TorchError.self) {
            try layer.form.use(.int8(ActivationRange(low: -1, high: 1, smoothing: [1, 1])))
        }
        #expect(error.description.contains("factors for 2 channels"))
    }
}

/// Why eight bits may not be possible.
@Suite struct EightBitSupportTests {
    @Test func theReasonIsSaid() {
        #expect(
            EightBitSupport.refusal(processorHasProducts: false, libraryHasOperators: true)?
                .contains("VNNI") == true)
        #expect(
            EightBitSupport.refusal(processorHasProducts: true, libraryHasOperators: false)?
                .contains("libtorch was built without") == true)
        #expect(EightBitSupport.refusal(processorHasProducts: true, libraryHasOperators: true) == nil)
    }

    @Test func rangesThatMakeNoBytesAreTold() {
        #expect(ActivationRange(low: -1, high: 1).isUsable)
        #expect(ActivationRange(low: -1, high: 1.04).zero == 125)
        #expect(ActivationRange(low: 0, high: 2.55).zero == 0)
        for range in [
            ActivationRange(low: 0, high: 0), ActivationRange(low: -.infinity, high: 1),
            ActivationRange(low: 1, high: 2), ActivationRange(low: -1, high: .nan),
            ActivationRange(low: -1, high: 1, smoothing: [1, 0]),
        ] { #expect(!range.isUsable) }
    }
}
