internal import CKernels
import Synchronization

// 3x3 convolutions take most of the time of the heads and the pyramid, and libtorch's reach the peak of the processor
// already: what remains is to multiply less. Winograd's filtering does with 16 products what takes 36, and rounds about
// as much as the plain sum.
extension Conv2d {
    /// Convolves, and then sets negative numbers to zero where `rectified`.
    ///
    /// `float32` maps in main memory of which no gradient is wanted go through Winograd's filtering when the convolution is
    /// a plain 3x3 one with many channels. The result does not depend on the number of threads.
    func fast(_ input: Tensor, rectified: Bool = false) throws -> Tensor {
        guard try suitsWinograd(input) else {
            let result = try self(input)
            return rectified ? try result.relu() : result
        }
        return try winograd(input, rectified: rectified)
    }

    private func suitsWinograd(_ input: Tensor) throws -> Bool {
        let weight = try weight.value
        guard input.rank == 4, weight.shape[2] == 3, weight.shape[3] == 3, stride == 1, padding == 1,
            dilation == 1, groups == 1, input.shape[1] == weight.shape[1], !isAutocasting
        else { return false }
        let recorded =
            try isRecordingGradients
            && (input.requiresGrad || weight.requiresGrad || bias?.value.requiresGrad == true)
        // With few channels the transforms cost more than they save.
        return try !recorded && weight.shape[0] % 16 == 0 && weight.shape[1] % 16 == 0
            && min(weight.shape[0], weight.shape[1]) >= 64
            && input.shape[0] * ((input.shape[2] + 1) / 2) >= 2 && input.shape[3] > 0
            && input.dtype == .float32 && weight.dtype == .float32 && input.device == .cpu
            && weight.device == .cpu
    }

    /// Without recording; for inputs and weights that suit.
    private func winograd(_ input: Tensor, rectified: Bool) throws -> Tensor {
        try withoutGradients {
            let weight = try weight.value
            let (outputs, inputs) = (weight.shape[0], weight.shape[1])
            let (batch, height, width) = (input.shape[0], input.shape[2], input.shape[3])
            let input = try input.contiguous(.channelsLast)
            let bias = try bias?.value.contiguous()
            let factors = try Self.transformed(weight)
            let zeros = try Tensor.zeros([inputs])
            let result = try Tensor.empty([batch, outputs, height, width], format: .channelsLast)
            let columns = (width + 1) / 2
            let rows = batch * ((height + 1) / 2)
            // As many tiles as make good matrix products, yet fit into the caches. At least two parts: their products then
            // run on one thread each, and sums do not depend on the number of threads.
            let rowsOfPart = min(max(Self.tilesOfPart / columns, 1), (rows + 1) / 2)
            let parts = (rows + rowsOfPart - 1) / rowsOfPart
            let failure = Mutex<(any Error)?>(nil)
            Runtime.parallel(0..<parts) { range in
                do {
                    try withoutGradients {
                        var shape = ck_tiles(
                            height: Int64(height), width: Int64(width), inputs: Int64(inputs),
                            outputs: Int64(outputs))
                        for part in range {
                            let begin = part * rowsOfPart
                            let end = min(begin + rowsOfPart, rows)
                            let tiles = try Tensor.empty([16, (end - begin) * columns, inputs])
                            ck_winograd_input(
                                &shape, try input.floats(), try zeros.floats(), try tiles.floats(),
                                Int64(begin), Int64(end))
                            let products = try tiles.matmul(factors)
                            ck_winograd_output(
                                &shape, try products.floats(), try bias?.floats(), rectified,
                                try result.floats(), Int64(begin), Int64(end))
                        }
                    }
                } catch {
                    failure.withLock { $0 = error }
                }
            }
            if let error = failure.withLock({ $0 }) { throw error }
            return result
        }
    }

    private static var tilesOfPart: Int { 392 }

    /// [16, inputs, outputs] of weights [outputs, inputs, 3, 3].
    private static func transformed(_ weight: Tensor) throws -> Tensor {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1])
        let plain = try weight.permuted([2, 3, 1, 0]).contiguous()
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
}

extension Tensor {
    /// Its elements, `float32` in main memory; valid as long as the tensor.
    fileprivate func floats() throws -> UnsafeMutablePointer<Float> {
        try withPointer { $0.assumingMemoryBound(to: Float.self) }
    }
}
