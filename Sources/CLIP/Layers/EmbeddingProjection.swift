import Torch

/// The linear map, without a bias, from a tower's width into the space that both towers share.
struct EmbeddingProjection: Sendable {
    private let weight: Parameter

    /// Whether the matrix is [width, E], as OpenAI's, rather than [E, width].
    private let isTransposed: Bool

    /// Declares the projection under `name` (with `.weight` for ``CheckpointFormat/huggingFace``).
    init(
        _ scope: ParameterScope, _ name: String, width: Int, embeddingWidth: Int, format: CheckpointFormat
    ) throws {
        let initializer = Initializer.normal(standardDeviation: 1 / Double(width).squareRoot())
        switch format {
        case .huggingFace:
            weight = try (scope / name).weight("weight", [embeddingWidth, width], initializer)
            isTransposed = false
        case .openAI:
            weight = try scope.weight(name, [width, embeddingWidth], initializer)
            isTransposed = true
        }
    }

    /// [..., width] to [..., E].
    func callAsFunction(_ states: Tensor) throws -> Tensor {
        isTransposed ? try states.matmul(weight.value) : try states.linear(weight.value)
    }

    /// [E, width].
    var matrix: Tensor {
        get throws { isTransposed ? try weight.value.transposed(0, 1) : try weight.value }
    }
}
