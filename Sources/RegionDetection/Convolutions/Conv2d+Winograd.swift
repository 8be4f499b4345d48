// 3x3 convolutions take most of the time of the heads and the pyramid, and libtorch's reach the peak of the processor
// already: what remains is to multiply less. Winograd's filtering rounds about as much as the plain sum.
extension Conv2d {
    /// Convolves, and then sets negative numbers to zero where `rectified`.
    ///
    /// `float32` maps in main memory go through ``WinogradFilter``, with their gradients, when the convolution is a plain
    /// 3x3 one with many channels. The result does not depend on the number of threads. Of Winograd's way gradients can
    /// be taken once.
    func fast(_ input: Tensor, rectified: Bool = false) throws -> Tensor {
        guard try suitsWinograd(input) else {
            let result = try self(input)
            return rectified ? try result.relu() : result
        }
        let (weight, bias) = try (weight.value, bias?.value)
        let filter = WinogradFilter(maps: input.shape)
        let records =
            isRecordingGradients
            && (input.requiresGrad || weight.requiresGrad || bias?.requiresGrad == true)
        guard records else {
            return try withoutGradients {
                try filter.convolve(
                    input, kernel: weight.permuted([2, 3, 1, 0]), bias: bias, rectified: rectified)
            }
        }
        return try filter.recorded(input, weight: weight, bias: bias, rectified: rectified)
    }

    private func suitsWinograd(_ input: Tensor) throws -> Bool {
        let weight = try weight.value
        // With few channels the transforms cost more than they save.
        return try input.rank == 4 && weight.shape[2] == 3 && weight.shape[3] == 3 && stride == 1
            && padding == 1
            && dilation == 1 && groups == 1 && input.shape[1] == weight.shape[1] && !isAutocasting
            && weight.shape[0] % 16 == 0 && weight.shape[1] % 16 == 0
            && min(weight.shape[0], weight.shape[1]) >= 64 && WinogradFilter.suits(maps: input.shape)
            && input.dtype == .float32 && weight.dtype == .float32 && input.device == .cpu
            && weight.device == .cpu
    }
}

extension WinogradFilter {
    /// The convolution, and the setting of negative numbers to zero, as a part of the graph.
    fileprivate func recorded(_ input: Tensor, weight: Tensor, bias: Tensor?, rectified: Bool) throws
        -> Tensor
    {
        let inputWants = input.requiresGrad
        let parametersWant = weight.requiresGrad || bias?.requiresGrad == true
        let output = try withoutGradients {
            try convolve(input, kernel: weight.permuted([2, 3, 1, 0]), bias: bias, rectified: rectified)
        }
        // The same numbers outside of the graph, which would keep itself alive otherwise.
        let positive = rectified ? try output.detached() : nil
        return try withCustomGradient("convolution", of: [input, weight] + (bias.map { [$0] } ?? [])) {
            [output]
        } backward: { gradients in
            guard var gradient = gradients[0] else { return [nil, nil] + (bias.map { _ in [nil] } ?? []) }
            if let positive { gradient = try positive.reluGradient(gradient) }
            // Backwards through a convolution is the convolution with the kernel turned by half a turn.
            let inputGradient =
                inputWants
                ? try convolve(gradient, kernel: weight.permuted([2, 3, 0, 1]).flipped([0, 1])) : nil
            let parameters = parametersWant ? try parameterGradients(input, gradient: gradient) : nil
            return [inputGradient, parameters?.weight] + (bias.map { _ in [parameters?.bias] } ?? [])
        }[0]
    }
}
