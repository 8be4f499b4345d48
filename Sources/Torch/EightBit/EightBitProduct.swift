internal import CKernels

/// A layer's product in eight bits by oneDNN: inputs are bytes in steps of their own, weights signed bytes in steps of each
/// output, sums 32 bits, results `float32`, `bfloat16` or bytes in the steps of the layer that follows.
struct EightBitProduct: Sendable {
    /// What comes out.
    enum Output {
        case numbers(DType)
        /// Bytes for the layer with this range.
        case bytes(ActivationRange)
    }

    let range: ActivationRange
    private let kind: ProductForm.Kind
    /// What each channel is multiplied by, [C]; nil: ``factor``.
    private let factors: Tensor?
    private let factor: Float
    private let packed: Tensor
    private let weightSteps: Tensor
    private let weightZeros: Tensor

    /// Makes the bytes of the weights and lays them out for the kernel.
    /// - Parameter weight: [outputs, inputs], or [outputs, inputs, height, width] for a convolution.
    init(_ kind: ProductForm.Kind, weight: Tensor, range: ActivationRange) throws {
        if let refusal = EightBitSupport.refusal { throw TorchError("products of bytes", reason: refusal) }
        self.kind = kind
        self.range = range
        factor = 1 / range.step
        var weight = try weight.detached().to(.float32)
        let inputs = weight.shape[1]
        if let smoothing = range.smoothing {
            guard smoothing.count == inputs else {
                throw TorchError(
                    "products of bytes", arguments: [weight.summary],
                    reason: "the range has factors for \(smoothing.count) channels")
            }
            let channels = try Tensor(smoothing)
            factors = try channels.reciprocal() * Double(factor)
            weight = try weight * channels.reshaped([1, inputs] + weight.shape.dropFirst(2).map { _ in 1 })
        } else {
            factors = nil
        }
        let outputs = weight.shape[0]
        let steps = try weight.flattened(from: 1).abs().max(over: [1]).clamped(min: 1e-12) / 127
        let bytes = try (weight / steps.reshaped([outputs] + weight.shape.dropFirst().map { _ in 1 }))
            .rounded().to(.int8).contiguous()
        weightSteps = steps
        weightZeros = try Tensor.zeros([outputs], dtype: .int32)
        switch kind {
        case .linear:
            packed = try Operator.prepareLinear(bytes, [Self.usualRows, inputs])
        case .convolution(let stride, let padding):
            packed = try Operator.prepareConvolution(
                bytes, steps, range.step, range.zero, stride.list, padding.list, [1, 1], 1, [Int]?.none)
        }
    }

    /// oneDNN asks for a number of rows to lay out weights for; any other works as well.
    private static let usualRows = 1_024

    /// The product.
    /// - Parameters:
    ///   - input: [..., inputs], or [N, inputs, H, W] for a convolution; bytes in steps of ``range``, or numbers.
    ///   - bias: [outputs].
    ///   - rectified: Whether negative numbers are set to zero.
    /// - Returns: [..., outputs], or [N, outputs, H', W'], channels last.
    func callAsFunction(_ input: Tensor, bias: Tensor?, rectified: Bool, output: Output) throws -> Tensor {
        let bytes = try input.dtype == .uint8 ? input : self.bytes(input)
        let bias = try bias?.detached().to(.float32).contiguous()
        let (type, step, zero): (DType, Float, Int) =
            switch output {
            case .numbers(let type): (type, 1, 0)
            case .bytes(let range): (.uint8, range.step, range.zero)
            }
        let after = rectified ? "relu" : "none"
        switch kind {
        case .linear:
            let (inputs, outputs) = (input.shape.last ?? 0, weightSteps.shape[0])
            let shape = input.shape.dropLast() + [outputs]
            guard input.count > 0 else { return try Tensor.zeros(Array(shape), dtype: type) }
            return try Operator.linearOfBytes(
                bytes.reshaped([-1, inputs]), range.step, range.zero, packed, weightSteps, weightZeros, bias,
                step, zero, type, after, [Double](), ""
            ).reshaped(Array(shape))
        case .convolution(let stride, let padding):
            return try Operator.convolutionOfBytes(
                bytes.contiguous(.channelsLast), range.step, range.zero, packed, weightSteps, weightZeros,
                bias, stride.list, padding.list, [1, 1], 1, step, zero, type, after, [Double](), "")
        }
    }

    /// The bytes of numbers.
    private func bytes(_ input: Tensor) throws -> Tensor {
        let format: MemoryFormat = kind == .linear ? .contiguous : .channelsLast
        let type = try input.dtype
        let input = try (type == .bfloat16 ? input : input.to(.float32)).contiguous(format)
        let result = try Tensor.empty(input.shape, dtype: .uint8, format: format)
        let columns = kind == .linear ? input.shape.last ?? 1 : input.shape[1]
        guard input.count > 0 else { return result }
        try Kernel.call { memory in
            let (from, to) = try (memory.pointer(to: input), memory.bytes(of: result))
            let factors = try factors.map { UnsafePointer(try memory.floats(of: $0)) }
            try Kernel.run(rows: input.count / columns, grain: max(16_384 / columns, 1)) { begin, end in
                ck_bytes(
                    from, type == .bfloat16 ? CK_BFLOAT16 : CK_FLOAT32, Int64(columns), factors, factor,
                    Float(range.zero), to, begin, end)
            }
        }
        return result
    }
}

extension Operator {
    fileprivate static let prepareLinear = Operator("onednn::qlinear_prepack")
    fileprivate static let prepareConvolution = Operator("onednn::qconv_prepack")
    fileprivate static let linearOfBytes = Operator("onednn::qlinear_pointwise")
    fileprivate static let convolutionOfBytes = Operator("onednn::qconv2d_pointwise")
}
