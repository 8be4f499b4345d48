import Torch

/// The pooling of CLIP's ResNets: one attention step in which the mean of a map's cells queries all cells.
///
/// The input is a map of exactly `gridSize` x `gridSize` cells: C5 of an image of the trained size, or crops of C5
/// for regions. Positions are never resampled (Radford et al., 2021, section 2.4; Kuo et al., F-VLM, 2022, section
/// 3.3).
///
/// Parameters: `positional_embedding` [1 + grid * grid, channels], `{q,k,v,c}_proj`.
public struct AttentionPool: Sendable {
    /// The number of cells along a side of the input.
    package let gridSize: Int

    /// The width E of an embedding.
    package let embeddingWidth: Int

    let positions: Parameter
    let attention: MultiHeadAttention

    /// Declares the pool of a trunk.
    /// - Parameter scope: `visual.attnpool` in a whole CLIP.
    /// - Throws: ``CLIPError`` for impossible sizes, `TorchError` if names are taken.
    package init(_ scope: ParameterScope, _ configuration: ModifiedResNet.Configuration) throws {
        try configuration.validate("attention pool")
        try self.init(
            scope, channels: configuration.width * 32, gridSize: configuration.gridSize,
            heads: configuration.heads, embeddingWidth: configuration.embeddingWidth)
    }

    /// Declares a pool of any size.
    /// - Throws: ``CLIPError`` for impossible sizes, `TorchError` if names are taken.
    package init(_ scope: ParameterScope, channels: Int, gridSize: Int, heads: Int, embeddingWidth: Int)
        throws
    {
        try Limits.check("attention pool", "grid", gridSize, 1...512)
        try Limits.check("attention pool", "number of channels", channels, 1...262_144)
        try Limits.check("attention pool", "embedding width", embeddingWidth, 1...65_536)
        self.gridSize = gridSize
        self.embeddingWidth = embeddingWidth
        positions = try scope.weight(
            "positional_embedding", [gridSize * gridSize + 1, channels],
            .normal(standardDeviation: 1 / Double(channels).squareRoot()))
        attention = try MultiHeadAttention(
            scope, width: channels, heads: heads,
            layout: .separate(query: "q_proj", key: "k_proj", value: "v_proj", output: "c_proj"),
            outputWidth: embeddingWidth)
    }

    /// Embeds maps or crops, [N, channels, grid, grid] to [N, E], not of length 1.
    ///
    /// For many regions of one map, ``callAsFunction(_:regions:)`` is many times faster.
    /// - Throws: ``CLIPError`` for maps of a different size, `TorchError`.
    package func callAsFunction(_ maps: Tensor) throws -> Tensor {
        let shape = maps.shape
        guard shape.count == 4, shape[1] == attention.width, shape[2] == gridSize, shape[3] == gridSize else {
            throw CLIPError(
                "attention pool",
                reason:
                    "takes maps [N, \(attention.width), \(gridSize), \(gridSize)], not \(shape); images "
                    + "of a size other than \(gridSize * 32) x \(gridSize * 32) are pooled by regions")
        }
        let cells = try maps.to(positions.dtype).flattened(from: 2).transposed(1, 2)
        let tokens = try Tensor.cat([cells.mean(1, keepDimensions: true), cells], dimension: 1)
        try tokens.addInPlace(positions.value)
        let query = try tokens.narrowed(1, start: 0, length: 1)
        return try attention(query: query, key: tokens, value: tokens).squeezed(1)
    }
}
