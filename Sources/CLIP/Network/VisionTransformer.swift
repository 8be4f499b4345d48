import Synchronization
import Torch

/// An image tower of patches and a transformer, CLIP's or one of its `Design`s, in two stages:
/// `features(of:keeping:)` runs the blocks, `embedding(of:)` and `denseMap(of:)` pool what came out.
///
/// Pixels are [N, 3, H, W], normalized; H and W may be any size from one patch on (what is left of a patch at the right
/// and at the bottom is not seen). Position embeddings are resampled to the grid as the tower's authors do it.
public struct VisionTransformer: Sendable {
    /// The designs of towers.
    package enum Design: Sendable, Hashable {
        /// OpenAI's: a norm before the blocks, the class token is the picture's.
        case clip
        /// EVA-02's (Sun et al., "EVA-CLIP", 2023): ``EVABlock``s without a norm before them, rotary positions that span
        /// a grid of 16 x 16, biases in the first and the last layer.
        case eva02
        /// Perception Encoder's: CLIP's blocks with rotary positions that count patches; a ``PoolingHead``.
        case perceptionEncoder(hasClassToken: Bool)
    }

    /// The sizes of the tower.
    public struct Configuration: Sendable, Hashable {
        /// What is built of the sizes.
        package var design: Design
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
            _ design: Design = .clip, transformer: TransformerConfiguration, patchSize: Int, imageSize: Int,
            embeddingWidth: Int
        ) {
            self.design = design
            self.transformer = transformer
            self.patchSize = patchSize
            self.imageSize = imageSize
            self.embeddingWidth = embeddingWidth
        }

        /// The number of patches along a side of a training image.
        package var gridSize: Int { imageSize / patchSize }

        /// Whether a token without a patch, the first one, looks at the whole picture.
        package var hasClassToken: Bool { design != .perceptionEncoder(hasClassToken: false) }

        func validate(_ subject: String) throws {
            try transformer.validate(subject)
            let headWidth = transformer.width / transformer.heads
            guard design == .clip || headWidth % 4 == 0 else {
                throw CLIPError(
                    subject,
                    reason: "heads of \(headWidth) places cannot be turned by rotary positions, which need a "
                        + "multiple of 4; \(transformer.heads) is perhaps not the number of heads")
            }
            if case .perceptionEncoder = design, transformer.width % PoolingHead.heads != 0 {
                throw CLIPError(
                    subject,
                    reason: "the width \(transformer.width) is no multiple of the pooling head's "
                        + "\(PoolingHead.heads) heads")
            }
            try Limits.check(subject, "patch size", patchSize, 1...4_096)
            try Limits.check(subject, "image size", imageSize, patchSize...16_384)
            try Limits.check(subject, "embedding width", embeddingWidth, 1...65_536)
        }
    }

    /// What the blocks made of pictures: tokens [N, 1 + height * width, width of a token], the class token first, then
    /// the patches row by row; without the first one where the tower has no class token.
    public struct Features: Sendable {
        /// The number of patches along each side.
        package let grid: Size2D
        /// How the blocks turn queries and keys.
        let rotary: RotaryPositions.Table?
        /// The input of the last block.
        package let lastInput: Tensor
        /// The last block with every token attending to itself alone, if it was kept.
        let valuePath: Tensor?
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
            let patches = grid.height * grid.width
            return try tokens.narrowed(1, start: tokens.size(1) - patches, length: patches).transposed(1, 2)
                .unflattened(2, into: [grid.height, grid.width])
        }
    }

    /// The sizes of the tower.
    package let configuration: Configuration

    private let patches: Conv2d
    private let classToken: Parameter?
    let positions: PositionEmbedding
    private let rotary: RotaryPositions?
    private let firstNorm: LayerNorm?
    private let blocks: [any VisionBlock]
    private let lastNorm: LayerNorm
    let projection: EmbeddingProjection

    /// What pools the tokens of a Perception Encoder.
    package let poolingHead: PoolingHead?

    /// Declares the tower.
    /// - Parameter scope: The scope of the whole CLIP; the names of ``CheckpointFormat`` are relative to it.
    /// - Throws: ``CLIPError`` for impossible sizes, `TorchError` if names are taken.
    package init(_ scope: ParameterScope, _ configuration: Configuration, format: CheckpointFormat) throws {
        try configuration.validate("image tower")
        let transformer = configuration.transformer
        let (width, epsilon) = (transformer.width, transformer.epsilon)
        let patch = Size2D(configuration.patchSize)
        let names = format.names
        let design = configuration.design
        let isEVA = design == .eva02
        let classShape = names.positionsAreBatched ? [1, 1, width] : [width]
        classToken =
            configuration.hasClassToken
            ? try scope.scope(of: names.classToken).weight(
                names.classToken.name, classShape, .normal(standardDeviation: 1 / Double(width).squareRoot()))
            : nil
        patches = try Conv2d(
            scope / names.vision.embedding, inputs: 3, outputs: width, kernel: patch, stride: patch,
            bias: isEVA)
        positions = try PositionEmbedding(
            scope, names.vision.positions, configuration, isBatched: names.positionsAreBatched)
        let headWidth = width / transformer.heads
        switch design {
        case .clip: rotary = nil
        case .eva02:
            rotary = RotaryPositions(.rowsScaled(grid: 16), headWidth: headWidth, hasClassToken: true)
        case .perceptionEncoder(let hasClassToken):
            rotary = RotaryPositions(
                .columnsCounted(first: hasClassToken ? 1 : 0), headWidth: headWidth,
                hasClassToken: hasClassToken)
        }
        firstNorm =
            isEVA ? nil : try LayerNorm(scope / names.firstVisionNorm, width: width, epsilon: epsilon)
        blocks = try (0..<transformer.depth).map { index -> any VisionBlock in
            let block = scope / names.vision.blocks / index
            if isEVA { return try EVABlock(block, transformer) }
            return try TransformerBlock(block, transformer, names.block)
        }
        lastNorm = try LayerNorm(scope / names.vision.lastNorm, width: width, epsilon: epsilon)
        projection = try EmbeddingProjection(
            scope, names.vision.projection, width: width, embeddingWidth: configuration.embeddingWidth,
            isTransposed: names.vision.projectionIsTransposed, hasBias: isEVA)
        if case .perceptionEncoder = design {
            poolingHead = try PoolingHead(scope / names.poolingHead, width: width, epsilon: epsilon)
        } else {
            poolingHead = nil
        }
        self.configuration = configuration
    }

    // MARK: Features

    /// Runs the blocks; the last one only if its state is kept, since pooling decides how it runs.
    /// - Parameters:
    ///   - pixels: [N, 3, H, W], normalized.
    ///   - kept: The states to keep, by the number of blocks before them: 0 to ``TransformerConfiguration/depth``.
    ///   - keepsValuePath: Whether the last block's value path is kept, where both a pyramid and a dense map need it.
    /// - Throws: ``CLIPError`` for images smaller than a patch, `TorchError`.
    package func features(
        of pixels: Tensor, keeping kept: Set<Int> = [], keepingValuePath keepsValuePath: Bool = false
    ) throws -> Features {
        let (tokens, grid) = try tokens(of: pixels)
        var states = try firstNorm.map { try $0(tokens) } ?? tokens
        let rotary = try rotary.map { try $0(grid, device: states.device) }
        var keptStates: [Int: Tensor] = kept.contains(0) ? [0: states] : [:]
        for (index, block) in blocks.dropLast().enumerated() {
            states = try block(states, rotary: rotary)
            if kept.contains(index + 1) { keptStates[index + 1] = states }
        }
        if kept.contains(blocks.count), let last = blocks.last {
            keptStates[blocks.count] = try last(states, rotary: rotary)
        }
        return Features(
            grid: grid, rotary: rotary, lastInput: states,
            valuePath: keepsValuePath ? try blocks.last?.valuePath(states) : nil, blocks: keptStates)
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
        guard let classToken else { return (try seen + positions(grid), grid) }
        let tokens = try Tensor.cat(
            [classToken.value.expanded([shape[0], 1, width]), seen], dimension: 1)
        try tokens.addInPlace(positions(grid))
        return (tokens, grid)
    }

    // MARK: Pooling

    /// The output of the last block, [N, 1 + P, width]; neither normalized nor projected.
    /// - Throws: `TorchError`.
    package func lastState(of features: Features) throws -> Tensor {
        if let kept = features.blocks[blocks.count] { return kept }
        guard let last = blocks.last else { return features.lastInput }
        return try last(features.lastInput, rotary: features.rotary)
    }

    /// The normalized class token, or what the pooling head makes of all normalized tokens, [N, width].
    /// - Throws: `TorchError`.
    package func pooled(_ features: Features) throws -> Tensor {
        guard let poolingHead else { return try lastNorm(lastState(of: features).selected(1, 0)) }
        return try poolingHead(normalizedState(of: features))
    }

    /// The output of the last block, normalized, [N, 1 + P, width].
    /// - Throws: `TorchError`.
    package func normalizedState(of features: Features) throws -> Tensor {
        try lastNorm(lastState(of: features))
    }

    /// The normalized patch tokens of the last block as a map, [N, width, height, width of the grid].
    /// - Throws: `TorchError`.
    package func normalizedMap(of features: Features) throws -> Tensor {
        try Features.map(normalizedState(of: features), features.grid)
    }

    /// The last block with every token attending to itself alone, as a map, [N, width, height, width of the grid];
    /// neither normalized nor projected.
    /// - Throws: `CLIPError` for a tower without blocks, `TorchError`.
    package func valuePathMap(of features: Features) throws -> Tensor {
        try Features.map(valuePathState(of: features), features.grid)
    }

    private func valuePathState(of features: Features) throws -> Tensor {
        if let kept = features.valuePath { return kept }
        guard let last = blocks.last else { throw CLIPError("image tower", reason: "has no blocks") }
        return try last.valuePath(features.lastInput)
    }

    /// The embedding of pooled states, [R, width] to [R, E], not of length 1.
    /// - Throws: `TorchError`.
    package func embedding(ofPooled pooled: Tensor) throws -> Tensor { try projection(pooled) }

    /// The embeddings of whole images, [N, E], not of length 1.
    /// - Throws: `TorchError`.
    package func embedding(of features: Features) throws -> Tensor { try projection(pooled(features)) }

    /// The embedding of every patch by the value path of the last block, [N, E, grid height, grid width], not of length
    /// 1: local and aligned with texts, unlike the tower's plain output (Zhou et al., 2022).
    /// - Throws: `TorchError`.
    package func denseMap(of features: Features) throws -> Tensor {
        try embeddedMap(valuePathState(of: features), features.grid)
    }

    /// The embedding of every patch by the tower's plain output, [N, E, grid height, grid width], not of length 1; kept
    /// for comparison with `denseMap(of:)`.
    /// - Throws: `TorchError`.
    package func lastHiddenMap(of features: Features) throws -> Tensor {
        try embeddedMap(lastState(of: features), features.grid)
    }

    private func embeddedMap(_ states: Tensor, _ grid: Size2D) throws -> Tensor {
        guard poolingHead == nil else {
            throw CLIPError(
                "image tower",
                reason: "a Perception Encoder embeds what its pooling head makes of patches, not single ones")
        }
        return try Features.map(projection(lastNorm(states)), grid)
    }
}

/// The position embedding of a square grid of patches, and of a class token before it, for any grid.
///
/// Other grids than the trained one are resampled with pixel centers at halves and without antialiasing: bicubic with
/// a = -0.75, as transformers' `interpolate_pos_encoding` and EVA-CLIP's detectors do it, or bilinear for a Perception
/// Encoder. The class token keeps its own.
final class PositionEmbedding: Sendable {
    private let weight: Parameter
    private let gridSize: Int
    private let hasClassToken: Bool
    private let interpolation: Interpolation

    /// The last resampled table, with its source tensor: images of one size usually follow each other.
    private let recent = Mutex<(grid: Size2D, source: Tensor, table: Tensor)?>(nil)

    /// - Parameter isBatched: Whether the checkpoint's table has a first dimension of one.
    init(
        _ scope: ParameterScope, _ place: CheckpointNames.Place,
        _ configuration: VisionTransformer.Configuration,
        isBatched: Bool
    ) throws {
        let (width, gridSize) = (configuration.transformer.width, configuration.gridSize)
        let count = gridSize * gridSize + (configuration.hasClassToken ? 1 : 0)
        weight = try scope.scope(of: place).weight(
            place.name, (isBatched ? [1] : []) + [count, width],
            .normal(standardDeviation: 1 / Double(width).squareRoot()))
        self.gridSize = gridSize
        hasClassToken = configuration.hasClassToken
        if case .perceptionEncoder = configuration.design {
            interpolation = .bilinear
        } else {
            interpolation = .bicubic
        }
    }

    /// [1 + height * width, width of a token], perhaps in a batch of one.
    func callAsFunction(_ grid: Size2D) throws -> Tensor {
        let source = try weight.value
        guard grid != Size2D(gridSize) else { return source }
        // A table that gradients flow through belongs to one graph.
        if source.requiresGrad { return try resampled(grid) }
        let known = recent.withLock { $0 }
        if let known, known.grid == grid, known.source === source { return known.table }
        let table = try withoutGradients { try resampled(grid) }
        try use(table, for: grid)
        return table
    }

    /// Takes a table for a grid, until another grid or other weights are asked for.
    func use(_ table: Tensor, for grid: Size2D) throws {
        let source = try weight.value
        recent.withLock { $0 = (grid, source, table) }
    }

    /// The table for a grid, without the cache.
    func resampled(_ grid: Size2D, antialias: Bool = false) throws -> Tensor {
        let source = try weight.value
        let rows = source.rank == 3 ? try source.squeezed(0) : source
        let patches = try rows[(hasClassToken ? 1 : 0)...].to(.float32)
            .unflattened(0, into: [gridSize, gridSize]).permuted([2, 0, 1]).unsqueezed(0)
        let resized = try patches.interpolated(to: grid, interpolation, antialias: antialias)
            .squeezed(0).flattened(from: 1).transposed(0, 1).to(source.dtype)
        return hasClassToken ? try Tensor.cat([rows[0..<1], resized]) : resized
    }
}
