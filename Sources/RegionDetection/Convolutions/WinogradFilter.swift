internal import CKernels
import Synchronization

/// Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray, 2016) of `float32` maps in main memory, for 3x3
/// convolutions with zeros around: 16 products where the plain sum takes 36, in both directions.
///
/// Channels are multiples of 16. Work is cut into parts whose size does not depend on the number of threads, and sums over
/// parts are added in their order: neither do results.
struct WinogradFilter {
    private let batch: Int
    private let height: Int
    private let width: Int

    /// Of maps [N, channels, height, width]; N, height and width are not zero, and there are at least two rows of tiles.
    init(maps: [Int]) {
        (batch, height, width) = (maps[0], maps[2], maps[3])
    }

    /// Whether there is enough to share.
    static func suits(maps: [Int]) -> Bool { maps[0] * ((maps[2] + 1) / 2) >= 2 && maps[3] > 0 }

    private var columns: Int { (width + 1) / 2 }
    private var rows: Int { batch * ((height + 1) / 2) }

    /// As many rows of tiles as make good matrix products, yet fit into the caches. At least two parts: their products then
    /// run on one thread each.
    private var rowsOfPart: Int { min(max(392 / columns, 1), (rows + 1) / 2) }
    private var parts: Int { (rows + rowsOfPart - 1) / rowsOfPart }

    private func rows(ofPart part: Int) -> Range<Int> {
        part * rowsOfPart..<min((part + 1) * rowsOfPart, rows)
    }

    private func shape(inputs: Int, outputs: Int) -> ck_tiles {
        ck_tiles(height: Int64(height), width: Int64(width), inputs: Int64(inputs), outputs: Int64(outputs))
    }

    // MARK: Forward

    /// The convolution.
    /// - Parameters:
    ///   - input: [N, inputs, H, W].
    ///   - kernel: [3, 3, inputs, outputs].
    ///   - bias: [outputs].
    ///   - rectified: Sets negative numbers to zero.
    /// - Returns: [N, outputs, H, W], channels last.
    func convolve(_ input: Tensor, kernel: Tensor, bias: Tensor? = nil, rectified: Bool = false) throws
        -> Tensor
    {
        let (inputs, outputs) = (kernel.shape[2], kernel.shape[3])
        let input = try input.contiguous(.channelsLast)
        let bias = try bias?.contiguous()
        let factors = try Self.transformed(kernel)
        let zeros = try Tensor.zeros([inputs])
        let result = try Tensor.empty([batch, outputs, height, width], format: .channelsLast)
        try Self.parallel(parts) { part in
            var shape = shape(inputs: inputs, outputs: outputs)
            let rows = rows(ofPart: part)
            let (begin, end) = (Int64(rows.lowerBound), Int64(rows.upperBound))
            let tiles = try Tensor.empty([16, rows.count * columns, inputs])
            ck_winograd_input(&shape, try input.floats(), try zeros.floats(), try tiles.floats(), begin, end)
            let products = try tiles.matmul(factors)
            ck_winograd_output(
                &shape, try products.floats(), try bias?.floats(), rectified, try result.floats(), begin, end)
        }
        return result
    }

    // MARK: Backward

    /// The gradients of weights and bias.
    /// - Parameters:
    ///   - input: [N, inputs, H, W].
    ///   - gradient: That of the result, [N, outputs, H, W].
    /// - Returns: [outputs, inputs, 3, 3] and [outputs].
    func parameterGradients(_ input: Tensor, gradient: Tensor) throws -> (weight: Tensor, bias: Tensor) {
        let (inputs, outputs) = (input.shape[1], gradient.shape[1])
        let input = try input.contiguous(.channelsLast)
        let gradient = try gradient.contiguous(.channelsLast)
        let zeros = try Tensor.zeros([max(inputs, outputs)])
        let chunks = min(parts, Self.chunks)
        let weights = try Tensor.zeros([chunks, 16, inputs, outputs])
        let biases = try Tensor.zeros([chunks, 1, outputs])
        try Self.parallel(chunks) { chunk in
            var shape = shape(inputs: inputs, outputs: outputs)
            for part in parts * chunk / chunks..<parts * (chunk + 1) / chunks {
                let rows = rows(ofPart: part)
                let (begin, end) = (Int64(rows.lowerBound), Int64(rows.upperBound))
                let count = rows.count * columns
                let tiles = try Tensor.empty([16, count, inputs])
                ck_winograd_input(
                    &shape, try input.floats(), try zeros.floats(), try tiles.floats(), begin, end)
                let spread = try Tensor.empty([16, count, outputs])
                ck_winograd_gradient(
                    &shape, try gradient.floats(), try zeros.floats(), try spread.floats(), begin, end)
                try weights[chunk].addProductsInPlace(tiles.transposed(1, 2), spread)
                // Place (1, 1) of a tile holds the sum of its four elements.
                try biases[chunk].addInPlace(Tensor.ones([1, count]).matmul(spread[5]))
            }
        }
        let kernel = try Tensor.empty([3, 3, inputs, outputs])
        let sum = try Self.sum(weights)
        ck_winograd_weight_gradient(
            try sum.floats(), Int64(inputs * outputs), try kernel.floats(), 0, Int64(inputs * outputs / 16))
        return (
            try kernel.permuted([3, 2, 0, 1]).contiguous(), try Self.sum(biases).reshaped([outputs])
        )
    }

    /// Sums over many parts are made in so many chunks, each in the order of its parts.
    private static var chunks: Int { 16 }

    /// [...] of [chunks, ...], added in their order.
    private static func sum(_ tensor: Tensor) throws -> Tensor {
        let sum = try tensor[0]
        for chunk in 1..<max(tensor.shape[0], 1) { try sum.addInPlace(tensor[chunk]) }
        return sum
    }

    // MARK: Support

    /// [16, inputs, outputs] of a kernel [3, 3, inputs, outputs].
    private static func transformed(_ kernel: Tensor) throws -> Tensor {
        let (inputs, outputs) = (kernel.shape[2], kernel.shape[3])
        let plain = try kernel.contiguous()
        let result = try Tensor.empty([16, inputs, outputs])
        let pointers = Unchecked((try plain.floats(), try result.floats()))
        Runtime.parallel(0..<inputs * outputs / 16, grain: 256) { range in
            ck_winograd_weight(
                pointers.value.0, Int64(inputs * outputs), pointers.value.1, Int64(range.lowerBound),
                Int64(range.upperBound))
        }
        withExtendedLifetime(plain) {}
        return result
    }

    /// Runs `body` for 0..<count, without recording; throws what one of the calls throws.
    private static func parallel(_ count: Int, _ body: (Int) throws -> Void) throws {
        let failure = Mutex<(any Error)?>(nil)
        try withoutActuallyEscaping(body) { body in
            let body = Unchecked(body)
            Runtime.parallel(0..<count) { range in
                do {
                    try withoutGradients { try range.forEach(body.value) }
                } catch {
                    failure.withLock { $0 = error }
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

extension Tensor {
    /// Its elements, `float32` in main memory; valid as long as the tensor.
    fileprivate func floats() throws -> UnsafeMutablePointer<Float> {
        try withPointer { $0.assumingMemoryBound(to: Float.self) }
    }
}
