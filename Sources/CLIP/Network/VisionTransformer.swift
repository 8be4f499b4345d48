import Synchronization
import Torch

/// CLIP's image tower of patches and a transformer, in two stages: ``features(of:keeping:)`` runs the blocks,
/// ``embedding(of:)`` and ``denseMap(of:)`` pool their output.
///
/// Pixels are [N, 3, H, W], normalised; H and W may be any size of at least one patch (a partial patch at the right or
/// at the bottom is ignored). Position embeddings are resampled to the grid like in transformers.
public struct VisionTransformer: Sendable {
    /// The sizes of the tower.
    public struct Configuration: Sendable, Hashable {
        /// The blocks.
        package var transformer: TransformerConfiguration
        /// The side of a patch in pixels.
        package var patchSize: Int
        /// The side in pixels of the square training images.
        package var imageSize: Int
        /// The width E of an embedding.
        package var embeddingWidth: Int

        /// Creates a configuration.
        package init(
            transformer: TransformerConfiguration, patchSize: Int, imageSize: Int, embeddingWidth: Int
        ) {
            self.transformer = transformer
            self.patchSize = patchSize
            self.imageSize = imageSize
            self.embeddingWidth = embeddingWidth
        }

        /// The number of patches along a side of a training image.
        package var gridSize: Int { imageSize / patchSize }

        func validate(_ subject: String) throws {
            try transformer.validate(subject)
            try Limits.check(subject, "patch size", patchSize, 1...4_096)
            try Limits.check(subject, "image size", imageSize, patchSize...16_384)
            try Limits.check(subject, "embedding width", embeddingWidth, 1...65_536)
        }
    }

    /// The output of the blocks: tokens [N, 1 + height * width, token width], the class token first, then the patches
    /// row by row.
    public struct Features: Sendable {
        /// The number of patches along each side.
        package let grid: Size2D
        /// The input of the last block.
        package let lastInput: Tensor
        /// The kept states, by the number of blocks before them; 0 is the input of the first block.
        package let blocks: [Int: Tensor]

        /// Kept patch tokens as a map, [N, width, grid height, grid width].
        /// - Parameter depth: The number of blocks before them.
        /// - Throws: ``CLIPError`` if they were not kept.
        package func map(at depth: Int) throws -> Tensor {
            guard let states = blocks[depth] else {
                throw CLIPError(
                    "features",
                    reason: "the state after \(depth) blocks was not kept; kept: "
                        + "\(blocks.keys.sorted())")
            }
            return try Self.map(states, grid)
        }

        static func map(_ tokens: Tensor, _ grid: Size2D) throws -> Tensor {
            try tokens.narrowed(1, start: 1, length: grid.height * grid.width).transposed(1, 2).unflattened(
                2, into: [grid.height, grid.width])
        }
    }

    /// The sizes of the tower.
    package let configuration: Configuration

    private let patches: Conv2d
    private let classToken: Parameter
    private let positions: PositionEmbedding
    private let firstNorm: LayerNorm
    private let blocks: [TransformerBlock]
    private let lastNorm: LayerNorm
    let projection: EmbeddingProjection

    /// Declares the tower.
    /// - Parameter scope: The scope of the whole CLIP; the names of ``CheckpointFormat`` are relative to it.
    /// - Throws: ``CLIPError`` for impossible sizes, `TorchError` if names are taken.
    package init(_ scope: ParameterScope, _ configuration: Configuration, format: CheckpointFormat) throws {
        try configuration.validate("image tower")
        let transformer = configuration.transformer
        let (width, epsilon) = (transformer.width, transformer.epsilon)
        let patch = Size2D(configuration.patchSize)
        let names = format.names
        classToken = try scope.scope(of: names.classToken).weight(
            names.classToken.name, [width], .normal(standardDeviation: 1 / Double(width).squareRoot()))
        patches = try Conv2d(
            scope / names.vision.embedding, inputs: 3, outputs: width, kernel: patch, stride: patch,
            bias: false)
        positions = try PositionEmbedding(
            scope, names.vision.positions, gridSize: configuration.gridSize, width: width)
        firstNorm = try LayerNorm(scope / names.firstVisionNorm, width: width, epsilon: epsilon)
        blocks = try (0..<transformer.depth).map {
            try TransformerBlock(scope / names.vision.blocks / $0, transformer, names.block)
        }
        lastNorm = try LayerNorm(scope / names.vision.lastNorm, width: width, epsilon: epsilon)
        projection = try EmbeddingProjection(
            scope, names.vision.projection, width: width, embeddingWidth: configuration.embeddingWidth,
            isTransposed: names.projectionsAreTransposed)
        self.configuration = configuration
    }

    // MARK: Features

    /// Runs the blocks; the last one only if its state is kept, since pooling decides how it runs.
    /// - Parameters:
    ///   - pixels: [N, 3, H, W], normalised.
    ///   - kept: The states to keep, by the number of blocks before them: 0 to ``TransformerConfiguration/depth``.
    /// - Throws: ``CLIPError`` for images smaller than a patch, `TorchError`.
    package func features(of pixels: Tensor, keeping kept: Set<Int> = []) throws -> Features {
        let (tokens, grid) = try tokens(of: pixels)
        var states = try firstNorm(tokens)
        var keptStates: [Int: Tensor] = kept.contains(0) ? [0: states] : [:]
        for (index, block) in blocks.dropLast().enumerated() {
            states = try block(states)
            if kept.contains(index + 1) { keptStates[index + 1] = states }
        }
        if kept.contains(blocks.count), let last = blocks.last {
            keptStates[blocks.count] = try last(states)
        }
        return Features(grid: grid, lastInput: states, blocks: keptStates)
    }

    private func tokens(of pixels: Tensor) throws -> (Tensor, Size2D) {
        let shape = pixels.shape
        let patch = configuration.patchSize
        guard shape.count == 4, shape[1] == 3, shape[2] >= patch, shape[3] >= patch else {
            throw CLIPError(
                "image tower",
                reason: "pixels must be [N, 3, H, W] with H and W at least the patch size \(patch), "
                    + "not \(shape)")
        }
        let grid = Size2D(shape[2] / patch, shape[3] / patch)
        let width = configuration.transformer.width
        let seen = try patches(pixels.to(patches.weight.dtype)).flattened(from: 2).transposed(1, 2)
        let tokens = try Tensor.cat(
            [classToken.value.expanded([shape[0], 1, width]), seen], dimension: 1)
        try tokens.addInPlace(positions(grid))
        return (tokens, grid)
    }

    // MARK: Pooling

    /// The output of the last block, [N, 1 + P, width]; neither normalised nor projected.
    /// - Throws: `TorchError`.
    package func lastState(of features: Features) throws -> Tensor {
        if let kept = features.blocks[blocks.count] { return kept }
        guard let last = blocks.last else { return features.lastInput }
        return try last(features.lastInput)
    }

    /// The normalised class token, [N, width].
    /// - Throws: `TorchError`.
    package func pooled(_ features: Features) throws -> Tensor {
        try lastNorm(lastState(of: features).selected(1, 0))
    }

    /// The embeddings of whole images, [N, E], not of length 1.
    /// - Throws: `TorchError`.
    package func embedding(of features: Features) throws -> Tensor { try projection(pooled(features)) }

    /// The embedding of every patch by the value path of the last block, [N, E, grid height, grid width], not of length
    /// 1: local and aligned with texts, unlike the tower's plain output (Zhou et al., 2022).
    /// - Throws: `TorchError`.
    package func denseMap(of features: Features) throws -> Tensor {
        guard let last = blocks.last else { throw CLIPError("image tower", reason: "has no blocks") }
        return try embeddedMap(last.valuePath(features.lastInput), features.grid)
    }

    /// The embedding of every patch by the tower's plain output, [N, E, grid height, grid width], not of length 1; kept
    /// for comparison with ``denseMap(of:)``.
    /// - Throws: `TorchError`.
    package func lastHiddenMap(of features: Features) throws -> Tensor {
        try embeddedMap(lastState(of: features), features.grid)
    }

    private func embeddedMap(_ states: Tensor, _ grid: Size2D) throws -> Tensor {
        try Features.map(projection(lastNorm(states)), grid)
    }
}

/// The position embedding of a class token and a square grid of patches, resampled to any grid.
///
/// Other grids are resampled like in transformers' `interpolate_pos_encoding`: bicubic with a = -0.75, pixel centres at
/// half-integers, no antialiasing; the class token's position is unchanged.
final class PositionEmbedding: Sendable {
    private let weight: Parameter
    private let gridSize: Int

    /// The last resampled table, with its source tensor: images of one size usually follow each other.
    private let recent = Mutex<(grid: Size2D, source: Tensor, table: Tensor)?>(nil)

    init(_ scope: ParameterScope, _ place: CheckpointNames.Place, gridSize: Int, width: Int) throws {
        weight = try scope.scope(of: place).weight(
            place.name, [gridSize * gridSize + 1, width],
            .normal(standardDeviation: 1 / Double(width).squareRoot()))
        self.gridSize = gridSize
    }

    /// [1 + height * width, token width].
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
