internal import CKernels

// 3x3 convolutions take most of the time of a detector's heads and pyramid, and libtorch's already reach the
// processor's peak: the only way left is fewer multiplications. Winograd's filtering rounds about as much as the plain
// sum.

/// Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray, 2016) of `float32` maps in main memory, for
/// zero-padded 3x3 convolutions: 16 products instead of the plain sum's 36, in both directions.
///
/// Channels are multiples of 16. Results do not depend on the number of threads: neither does the size of the parts
/// that the work is split into, and sums over parts are added in order.
struct WinogradFilter {
    private let batch: Int
    private let height: Int
    private let width: Int

    /// Creates a filter for maps [N, channels, height, width]; N, height and width are not zero, and there are at least
    /// two rows of tiles.
    init(maps: [Int]) {
        (batch, height, width) = (maps[0], maps[2], maps[3])
    }

    /// Whether there is enough work to share.
    static func suits(maps: [Int]) -> Bool { maps[0] * ((maps[2] + 1) / 2) >= 2 && maps[3] > 0 }

    private var columns: Int { (width + 1) / 2 }
    private var rows: Int { batch * ((height + 1) / 2) }

    /// Enough rows of tiles for efficient matrix products that still fit into the caches. At least two parts: their
    /// products then run on one thread each.
    private var rowsOfPart: Int { min(max(392 / columns, 1), (rows + 1) / 2) }
    private var parts: Int { (rows + rowsOfPart - 1) / rowsOfPart }

    private func rows(ofPart part: Int) -> Range<Int> {
        part * rowsOfPart..<min((part + 1) * rowsOfPart, rows)
    }

    private func tiles(inputs: Int, outputs: Int, in memory: KernelMemory) -> UnsafePointer<ck_tiles> {
        UnsafePointer(
            memory.copy(of: [
                ck_tiles(
                    height: Int64(height), width: Int64(width), inputs: Int64(inputs), outputs: Int64(outputs)
                )
            ]))
    }

    /// The convolution, part of the graph if gradients are recorded.
    /// - Parameters:
    ///   - input: [N, inputs, H, W].
    ///   - weight: [outputs, inputs, 3, 3].
    ///   - bias: [outputs].
    ///   - rectified: Whether negative numbers are set to zero.
    /// - Returns: [N, outputs, H, W], channels last.
    func callAsFunction(_ input: Tensor, weight: Tensor, bias: Tensor?, rectified: Bool) throws -> Tensor {
        let (inputWants, parametersWant) = (
            input.requiresGrad, weight.requiresGrad || bias?.requiresGrad == true
        )
        let output = try withoutGradients {
            try convolve(input, kernel: weight.permuted([2, 3, 1, 0]), bias: bias, rectified: rectified)
        }
        guard isRecordingGradients, inputWants || parametersWant else { return output }
        // The same numbers outside the graph, which would otherwise keep itself alive.
        let positive = rectified ? try output.detached() : nil
        return try withCustomGradient("convolution", of: [input, weight] + (bias.map { [$0] } ?? [])) {
            [output]
        } backward: { gradients in
            guard var gradient = gradients[0] else { return [nil, nil] + (bias.map { _ in [nil] } ?? []) }
            if let positive { gradient = try positive.reluGradient(gradient) }
            // The gradient of a convolution's input is the convolution with the kernel rotated by half a turn.
            let inputGradient =
                inputWants
                ? try convolve(gradient, kernel: weight.permuted([2, 3, 0, 1]).flipped([0, 1])) : nil
            let parameters = parametersWant ? try parameterGradients(input, gradient: gradient) : nil
            return [inputGradient, parameters?.weight] + (bias.map { _ in [parameters?.bias] } ?? [])
        }[0]
    }

    // MARK: Forward

    /// Computes the convolution.
    /// - Parameters:
    ///   - input: [N, inputs, H, W].
    ///   - kernel: [3, 3, inputs, outputs].
    ///   - bias: [outputs].
    ///   - rectified: Whether negative numbers are set to zero.
    /// - Returns: [N, outputs, H, W], channels last.
    private func convolve(_ input: Tensor, kernel: Tensor, bias: Tensor? = nil, rectified: Bool = false)
        throws -> Tensor
    {
        let (inputs, outputs) = (kernel.shape[2], kernel.shape[3])
        let input = try input.contiguous(.channelsLast)
        let bias = try bias?.contiguous()
        let factors = try Self.transformed(kernel)
        let result = try Tensor.empty([batch, outputs, height, width], format: .channelsLast)
        try Kernel.call { memory in
            let shape = tiles(inputs: inputs, outputs: outputs, in: memory)
            let (map, target) = try (memory.floats(of: input), memory.floats(of: result))
            let (zeros, bias) = (memory.zeros(inputs, of: Float.self), try bias.map(memory.floats(of:)))
            try forEachPart(of: parts) { part in
                let rows = rows(ofPart: part)
                let (begin, end) = (Int64(rows.lowerBound), Int64(rows.upperBound))
                let tiles = try Tensor.empty([16, rows.count * columns, inputs])
                try Kernel.call { ck_winograd_input(shape, map, zeros, try $0.floats(of: tiles), begin, end) }
                let products = try tiles.matmul(factors)
                try Kernel.call { memory in
                    ck_winograd_output(
                        shape, try memory.floats(of: products), bias, rectified, target, begin, end)
                }
            }
        }
        return result
    }

    // MARK: Backward

    /// The gradients of weights and bias.
    /// - Parameters:
    ///   - input: [N, inputs, H, W].
    ///   - gradient: The gradient of the result, [N, outputs, H, W].
    /// - Returns: [outputs, inputs, 3, 3] and [outputs].
    private func parameterGradients(_ input: Tensor, gradient: Tensor) throws -> (
        weight: Tensor, bias: Tensor
    ) {
        let (inputs, outputs) = (input.shape[1], gradient.shape[1])
        let input = try input.contiguous(.channelsLast)
        let gradient = try gradient.contiguous(.channelsLast)
        let chunks = min(parts, Self.chunks)
        let weights = try Tensor.zeros([chunks, 16, inputs, outputs])
        let biases = try Tensor.zeros([chunks, 1, outputs])
        try Kernel.call { memory in
            let shape = tiles(inputs: inputs, outputs: outputs, in: memory)
            let (map, gradients) = try (memory.floats(of: input), memory.floats(of: gradient))
            let zeros = memory.zeros(max(inputs, outputs), of: Float.self)
            try forEachPart(of: chunks) { chunk in
                for part in parts * chunk / chunks..<parts * (chunk + 1) / chunks {
                    let rows = rows(ofPart: part)
                    let (begin, end) = (Int64(rows.lowerBound), Int64(rows.upperBound))
                    let count = rows.count * columns
                    let tiles = try Tensor.empty([16, count, inputs])
                    let spread = try Tensor.empty([16, count, outputs])
                    try Kernel.call { memory in
                        ck_winograd_input(shape, map, zeros, try memory.floats(of: tiles), begin, end)
                        ck_winograd_gradient(
                            shape, gradients, zeros, try memory.floats(of: spread), begin, end)
                    }
                    try weights[chunk].addProductsInPlace(tiles.transposed(1, 2), spread)
                    // Position (1, 1) of a tile holds the sum of its four elements.
                    try biases[chunk].addInPlace(Tensor.ones([1, count]).matmul(spread[5]))
                }
            }
        }
        let kernel = try Tensor.empty([3, 3, inputs, outputs])
        let sum = try Self.sum(weights)
        try Kernel.call { memory in
            ck_winograd_weight_gradient(
                try memory.floats(of: sum), Int64(inputs * outputs), try memory.floats(of: kernel), 0,
                Int64(inputs * outputs / 16))
        }
        return (
            try kernel.permuted([3, 2, 0, 1]).contiguous(), try Self.sum(biases).reshaped([outputs])
        )
    }

    /// Sums over many parts are split into this many chunks, each added in order.
    private static var chunks: Int { 16 }

    /// The sum of [chunks, ...] over the chunks, added in order.
    private static func sum(_ tensor: Tensor) throws -> Tensor {
        let sum = try tensor[0]
        for chunk in 1..<max(tensor.shape[0], 1) { try sum.addInPlace(tensor[chunk]) }
        return sum
    }

    // MARK: Support

    /// [16, inputs, outputs] from a kernel [3, 3, inputs, outputs].
    private static func transformed(_ kernel: Tensor) throws -> Tensor {
        let (inputs, outputs) = (kernel.shape[2], kernel.shape[3])
        let plain = try kernel.contiguous()
        let result = try Tensor.empty([16, inputs, outputs])
        try Kernel.call { memory in
            let (plain, result) = try (memory.floats(of: plain), memory.floats(of: result))
            try Kernel.run(rows: inputs * outputs / 16, grain: 256) { begin, end in
                ck_winograd_weight(plain, Int64(inputs * outputs), result, begin, end)
            }
        }
        return result
    }

    /// Runs `body` for 0..<count on libtorch's threads, without recording.
    private func forEachPart(of count: Int, _ body: (Int) throws -> Void) throws {
        try Kernel.run(rows: count) { begin, end in
            try withoutGradients { try (Int(begin)..<Int(end)).forEach(body) }
        }
    }
}
