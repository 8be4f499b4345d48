/// Compares region embeddings with text embeddings: the classifier of an open vocabulary.
///
/// Logits are cosines divided by a temperature, computed in `float32`. A vector shorter than 1e-8 has cosine 0 with
/// everything. Row 0 of the texts is the background.
public struct TextClassifier: Sendable {
    /// The divisor of the cosines, before the learned factor.
    package let temperatureScale: Double

    /// The learned factor of the temperature, a scalar initialized to 1; nil if the temperature is fixed. Must be
    /// excluded from weight decay.
    package let temperature: Parameter?

    /// Declares a classifier with a learned temperature (`temperature` in the scope), `temperatureScale` times its value.
    /// - Throws: ``DetectionError`` if the scale is not positive; `TorchError`.
    public init(_ scope: ParameterScope, temperatureScale: Double = 0.01) throws {
        self.temperatureScale = try Self.checked(temperatureScale)
        temperature = try scope.weight("temperature", [], .ones)
    }

    /// Creates a classifier with a fixed temperature.
    /// - Throws: ``DetectionError`` if it is not positive.
    public init(fixedTemperature: Double) throws {
        temperatureScale = try Self.checked(fixedTemperature)
        temperature = nil
    }

    private static func checked(_ temperature: Double) throws -> Double {
        guard temperature > 0, temperature.isFinite else {
            throw DetectionError("TextClassifier", "the temperature \(temperature) is not positive")
        }
        return temperature
    }

    /// Logits [..., K] of embeddings [..., E] for texts [K, E].
    /// - Parameters:
    ///   - embeddings: [..., E], the regions' embeddings.
    ///   - texts: [K, E].
    ///   - ignored: Classes that cannot be predicted, [K] `bool`: their logits become minus infinity, which both
    ///     softmax and sigmoid map to 0.
    /// - Throws: ``DetectionError`` if widths differ; `TorchError`.
    public func callAsFunction(_ embeddings: Tensor, texts: Tensor, ignored: Tensor? = nil) throws -> Tensor {
        let logits = try self(embeddings, unitTexts: Self.unit(Self.fitting(texts, embeddings)))
        guard let ignored else { return logits }
        guard ignored.shape == [texts.shape[0]] else {
            throw DetectionError(
                "TextClassifier",
                "\(ignored.summary) must state for each of \(texts.shape[0]) classes whether it is ignored")
        }
        return try logits.maskedFill(ignored, with: -Double.infinity)
    }

    /// Logits [..., K] of embeddings [..., E] for texts of length 1, [K, E], from ``unit(_:)``, which several
    /// classifiers may share.
    /// - Throws: `TorchError`.
    public func callAsFunction(_ embeddings: Tensor, unitTexts: Tensor) throws -> Tensor {
        // Divided before the product: with many classes, the logits outnumber the elements of the embeddings.
        var scaled = try Self.unit(embeddings) / temperatureScale
        if let temperature { scaled = try scaled / temperature.value.to(.float32) }
        return try scaled.matmul(unitTexts.transposed(0, 1))
    }

    /// Cosines [..., K] of embeddings [..., E] with texts [K, E], in `float32`.
    public static func cosines(_ embeddings: Tensor, texts: Tensor) throws -> Tensor {
        try unit(embeddings).matmul(unit(fitting(texts, embeddings)).transposed(0, 1))
    }

    /// The texts, after checking that embeddings can be compared with them.
    private static func fitting(_ texts: Tensor, _ embeddings: Tensor) throws -> Tensor {
        guard texts.rank == 2, embeddings.rank > 0, embeddings.shape.last == texts.shape[1] else {
            throw DetectionError(
                "TextClassifier", "\(embeddings.summary) does not fit the texts \(texts.summary)")
        }
        return texts
    }

    /// Vectors [..., E] of length 1 in `float32`; those shorter than 1e-8 become zero.
    /// - Throws: `TorchError`.
    public static func unit(_ vectors: Tensor) throws -> Tensor {
        let vectors = try vectors.to(.float32)
        let length = try vectors.square().sum([-1], keepDimensions: true)
        // The square root has no derivative at zero; the branch not taken must not turn gradients into NaN.
        let isZero = try length .< 1e-16
        let divisor = try length.maskedFill(isZero, with: 1).sqrt()
        return try (vectors / divisor).maskedFill(isZero, with: 0)
    }
}
