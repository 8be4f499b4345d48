import CLIP
import Torch
import WeightFiles

/// A small CLIP in training: the library's network, and a normalization of the image embeddings.
///
/// Without the normalization, all embeddings start in one narrow cone, and training takes many steps to leave it. In
/// the saved model it is folded into the pool's last projection, so that a plain CLIP remains.
final class TrainedCLIP {
    let model: CLIPModel
    let trunk: ModifiedResNet
    let pool: AttentionPool
    private let normalization: (mean: Tensor, variance: Tensor)
    /// The type of products and convolutions; nil for float32.
    private let computeType: DType?
    private static let momentum = 0.02
    private static let epsilon = 1e-5

    /// The architecture for a vocabulary of this size.
    static func configuration(vocabularySize: Int) -> CLIPConfiguration {
        CLIPConfiguration(
            vision: .resNet(
                .init(
                    blocks: [1, 1, 2, 1], width: 24, imageSize: 96, heads: 12, embeddingWidth: embeddingWidth)
            ),
            text: .init(
                transformer: .init(width: 128, depth: 2, heads: 4, activation: .gelu),
                vocabularySize: vocabularySize, contextLength: contextLength, embeddingWidth: embeddingWidth))
    }

    static let embeddingWidth = 192
    static let contextLength = 24

    /// Creates a network with random values, all of them trainable.
    init(vocabularySize: Int, seed: UInt64, computeType: DType?) throws {
        self.computeType = computeType
        model = try CLIPModel(Self.configuration(vocabularySize: vocabularySize))
        guard case .resNet(let trunk, let pool) = model.vision else {
            throw EmojiScenesError("image tower", reason: "is not a ResNet")
        }
        (self.trunk, self.pool) = (trunk, pool)
        normalization = (try Tensor.zeros([Self.embeddingWidth]), try Tensor.ones([Self.embeddingWidth]))
        try model.store.initialize(seed: seed)
        // Cosines of random embeddings are small: a factor of 20 suits the first steps better than CLIP's 14.
        try logitScale.set(Tensor(scalar: Float(3)))
        try model.store.unfreeze()
        try model.store.convert(under: "visual", format: .channelsLast)
    }

    var logitScale: Parameter { model.logitScale }

    /// Embeddings of pictures of any size, [N, E] float32 of length 1.
    ///
    /// The pool takes 3 x 3 cells; maps of other sizes are resampled, like those of regions.
    func embedding(of pixels: Tensor, isTraining: Bool) throws -> Tensor {
        let pooled = try withAutocast(computeType) {
            var map = try trunk.features(of: pixels).c5
            if try map.size(2) != pool.gridSize { map = try map.interpolated(to: Size2D(pool.gridSize)) }
            return try pool(map)
        }
        return try pooled.to(.float32).batchNorm(
            weight: nil, bias: nil, runningMean: normalization.mean, runningVariance: normalization.variance,
            isTraining: isTraining, momentum: Self.momentum, epsilon: Self.epsilon
        ).normalized()
    }

    /// Embeddings of texts, [N, E] float32 of length 1.
    func embedding(ofTokens ids: Tensor) throws -> Tensor {
        try withAutocast(computeType) { try model.text.embedding(of: ids) }.to(.float32).normalized()
    }

    // MARK: Saving

    private static let meanName = "embedding_norm.running_mean"
    private static let varianceName = "embedding_norm.running_var"

    /// All values needed to resume.
    func stored() throws -> [StoredTensor] {
        try model.store.stored(key: { "model/" + $0 }) + [
            normalization.mean.stored(named: Self.meanName),
            normalization.variance.stored(named: Self.varianceName),
        ]
    }

    /// Restores the result of ``stored()``.
    func load(_ source: some WeightSource) throws {
        try model.store.load(source, key: { "model/" + $0 }, ignoring: { !$0.hasPrefix("model/") })
        try model.store.convert(under: "visual", format: .channelsLast)
        try normalization.mean.copyInPlace(Tensor(source.tensor(named: Self.meanName)))
        try normalization.variance.copyInPlace(Tensor(source.tensor(named: Self.varianceName)))
    }

    /// The weights of a plain CLIP in float16, under OpenAI's names.
    func exported() throws -> [StoredTensor] {
        try withoutGradients {
            let factor = try (normalization.variance + Self.epsilon).reciprocalSquareRoot()
            return try model.store.parameters.filter { !$0.name.hasSuffix("num_batches_tracked") }.map {
                parameter in
                var value = try parameter.value.detached()
                switch parameter.name {
                case "visual.attnpool.c_proj.weight": value = try value * factor.unsqueezed(1)
                case "visual.attnpool.c_proj.bias": value = try (value - normalization.mean) * factor
                default: break
                }
                // In float16, variances of dead channels would become zero, and their square roots are divisors.
                let isStatistic = parameter.name.hasSuffix("running_var") || parameter.name == "logit_scale"
                return try value.to(isStatistic ? .float32 : .float16).contiguous().clone().stored(
                    named: parameter.name)
            }
        }
    }
}
