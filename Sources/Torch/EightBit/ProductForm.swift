import Synchronization

/// How a layer's product is computed: as the layer does, or with fewer bits, once that was chosen for it by name.
///
/// Layers make theirs from their scope, and ask it for every product. While nothing was chosen that costs one look at a flag.
///
/// ```swift
/// try form(input, bias: bias?.value) { try input.linear(weight.value, bias?.value) }
/// ```
package final class ProductForm: Sendable {
    /// What is multiplied.
    package enum Kind: Sendable, Hashable {
        /// Rows [..., inputs] with weights [outputs, inputs].
        case linear
        /// Maps [N, inputs, H, W] with weights [outputs, inputs, height, width].
        case convolution(stride: Size2D, padding: Size2D)
    }

    /// What a product is computed in, where it is not computed as the layer does.
    package enum Precision: Sendable, Hashable {
        /// Bytes within the range.
        case int8(ActivationRange)
        /// Pairs of bytes, where the kernel is fast and bytes would lose too much.
        case bfloat16
    }

    private enum Work {
        case plain
        case recording(ActivationRecord)
        case comparing(EightBitProduct, ProductErrors)
        case bytes(EightBitProduct)
        case halves(weight: Tensor)
    }

    /// The path of the layer in its store.
    package let name: String

    private let kind: Kind
    private let weight: Mutex<@Sendable () throws -> Tensor>
    private let work = Mutex(Work.plain)
    private let plainFlag = Atomic<Bool>(true)

    init(name: String, kind: Kind, weight: @escaping @Sendable () throws -> Tensor) {
        self.name = name
        self.kind = kind
        self.weight = Mutex(weight)
    }

    /// Replaces what the weights are made from, for a layer that folds others into them.
    package func useWeight(_ made: @escaping @Sendable () throws -> Tensor) {
        weight.withLock { $0 = made }
    }

    private func set(_ new: Work) {
        work.withLock { $0 = new }
        let plain = if case .plain = new { true } else { false }
        plainFlag.store(plain, ordering: .releasing)
    }

    private func weightTensor() throws -> Tensor { try weight.withLock { $0 }() }

    // MARK: Use

    /// Whether the layer computes as it does of itself.
    package var isPlain: Bool { plainFlag.load(ordering: .acquiring) }

    /// Whether products are computed in bytes; they need gradients to be off.
    package var isInBytes: Bool { inputRange != nil }

    /// The steps of the bytes that it takes in place of numbers; nil if it takes none.
    private var inputRange: ActivationRange? {
        guard !isPlain, !isRecordingGradients else { return nil }
        return work.withLock { if case .bytes(let product) = $0 { product.range } else { nil } }
    }

    /// The product.
    /// - Parameters:
    ///   - input: The layer's input.
    ///   - bias: [outputs].
    ///   - rectified: Whether negative numbers are set to zero.
    ///   - type: The element type of a product of bytes.
    ///   - next: The only layer that reads the result, to which bytes are passed on if both compute in bytes.
    ///   - plain: The product as the layer computes it.
    /// - Throws: ``TorchError``; the errors of `plain`.
    package func callAsFunction(
        _ input: Tensor, bias: @autoclosure () throws -> Tensor?, rectified: Bool = false,
        type: DType = .float32, for next: ProductForm? = nil, plain: () throws -> Tensor
    ) throws -> Tensor {
        guard !isPlain, !isRecordingGradients else { return try plain() }
        let bias = try bias()
        switch work.withLock({ $0 }) {
        case .plain: return try plain()
        case .recording(let record):
            try record.add(rows(of: input))
            return try plain()
        case .comparing(let product, let errors):
            let exact = try plain()
            let result = try product(input, bias: bias, rectified: rectified, output: .numbers(.float32))
            try errors.add(result, exact, productsOfEach: weightTensor()[0].count)
            return exact
        case .bytes(let product):
            // A smoothed input is made of numbers: the layer before does not know the factors.
            if let range = next?.inputRange, range.smoothing == nil {
                return try product(input, bias: bias, rectified: rectified, output: .bytes(range))
            }
            return try product(input, bias: bias, rectified: rectified, output: .numbers(type))
        case .halves(let weight):
            let (input, bias) = try (input.to(.bfloat16), bias?.to(.bfloat16))
            let result =
                switch kind {
                case .linear: try input.linear(weight, bias)
                case .convolution(let stride, let padding):
                    try input.conv2d(weight, bias, stride: stride, padding: padding)
                }
            if rectified { try result.reluInPlace() }
            return try result.to(type)
        }
    }

    /// The input with its channels last, as [rows, C].
    private func rows(of input: Tensor) throws -> Tensor {
        guard kind != .linear else { return try input.reshaped([-1, input.size(-1)]) }
        return try input.permuted([0, 2, 3, 1]).reshaped([-1, input.size(1)])
    }

    // MARK: Choice

    /// Begins to record inputs.
    package func record() { set(.recording(ActivationRecord())) }

    /// Ends recording.
    /// - Returns: The range that loses the least; nil if the layer was not used.
    /// - Throws: ``TorchError``.
    package func recordedRange() throws -> ActivationRange? {
        guard case .recording(let record) = work.withLock({ $0 }) else { return nil }
        set(.plain)
        return try withoutGradients {
            let weight = try weightTensor().detached().to(.float32).abs()
            return try record.range(
                weightPeaks: weight.max(over: (0..<weight.rank).filter { $0 != 1 }))
        }
    }

    /// Begins to compute in bytes beside the layer's own way, which gives the results.
    /// - Throws: ``TorchError``.
    package func compare(_ range: ActivationRange) throws {
        set(
            .comparing(
                try withoutGradients { try .init(kind, weight: weightTensor(), range: range) }, .init()))
    }

    /// Ends comparing.
    /// - Returns: What was compared; nil if the layer was not used.
    package func compared() -> Comparison? {
        guard case .comparing(_, let errors) = work.withLock({ $0 }) else { return nil }
        set(.plain)
        return errors.comparison
    }

    /// What bytes lose, and what they are used for.
    package struct Comparison: Sendable, Hashable {
        /// The root of what is lost of a result's square, as a share of it.
        package let error: Double
        /// The number of products that were added up.
        package let products: Double
    }

    /// Chooses what products are computed in; nil: what the layer does. The weights are those of now.
    /// - Throws: ``TorchError`` where bytes are not supported.
    package func use(_ precision: Precision?) throws {
        switch precision {
        case nil: set(.plain)
        case .int8(let range):
            set(.bytes(try withoutGradients { try .init(kind, weight: weightTensor(), range: range) }))
        case .bfloat16:
            let weight = try weightTensor().detached().to(.bfloat16)
            set(.halves(weight: kind == .linear ? weight : try weight.contiguous(.channelsLast)))
        }
    }
}

/// The difference of results, summed over calls.
final class ProductErrors: Sendable {
    private let sums = Mutex((error: 0.0, square: 0.0, products: 0.0))

    /// - Parameter products: The number of products that make one number of the result.
    func add(_ result: Tensor, _ exact: Tensor, productsOfEach products: Int) throws {
        guard exact.count > 0 else { return }
        let exact = try exact.to(.float32)
        let (error, square) = try ((result - exact).square().sum().item(), exact.square().sum().item())
        sums.withLock {
            $0 = ($0.error + error, $0.square + square, $0.products + Double(exact.count * products))
        }
    }

    /// nil if there was nothing but zeros.
    var comparison: ProductForm.Comparison? {
        sums.withLock {
            $0.square > 0
                ? .init(error: ($0.error / $0.square).squareRoot(), products: $0.products) : nil
        }
    }
}
