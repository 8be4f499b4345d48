import Synchronization
import Torch

/// The position embedding of a class token and a square grid of patches, for any grid.
///
/// Other grids than the trained one are resampled as in transformers' `interpolate_pos_encoding`: bicubic with
/// a = -0.75, pixel centres at halves, no antialiasing; the class token keeps its own.
final class PositionEmbedding: Sendable {
    private let weight: Parameter
    private let gridSize: Int

    /// The last resampled table, with the tensor that it was made from: pictures of one size usually follow each other.
    private let recent = Mutex<(grid: Size2D, source: Tensor, table: Tensor)?>(nil)

    init(_ scope: ParameterScope, _ name: String, gridSize: Int, width: Int) throws {
        weight = try scope.weight(
            name, [gridSize * gridSize + 1, width],
            .normal(standardDeviation: 1 / Double(width).squareRoot()))
        self.gridSize = gridSize
    }

    /// [1 + height * width, width of a token].
    func callAsFunction(_ grid: Size2D) throws -> Tensor {
        let source = try weight.value
        guard grid != Size2D(gridSize) else { return source }
        // A table that gradients flow through belongs to one graph.
        if source.requiresGrad { return try resampled(source, grid) }
        let known = recent.withLock { $0 }
        if let known, known.grid == grid, known.source === source { return known.table }
        let table = try withoutGradients { try resampled(source, grid) }
        recent.withLock { $0 = (grid, source, table) }
        return table
    }

    private func resampled(_ source: Tensor, _ grid: Size2D) throws -> Tensor {
        let patches = try source[1...].to(.float32)
            .unflattened(0, into: [gridSize, gridSize]).permuted([2, 0, 1]).unsqueezed(0)
        let resized = try patches.interpolated(to: grid, .bicubic)
            .squeezed(0).flattened(from: 1).transposed(0, 1).to(source.dtype)
        return try Tensor.cat([source[0..<1], resized])
    }
}
