import Torch

/// CLIP's text tower: a causal transformer whose state at the end token, projected, embeds the text.
///
/// Token ids are [N, L] int64, L at most the context length, each row with an end token. Tokens after the end token
/// cannot change an embedding, since a token attends only to itself and to earlier ones.
public struct TextTransformer: Sendable {
    /// How the end token of a row is located.
    public enum EndToken: Sendable, Hashable {
        /// The first position with the highest id of the row: OpenAI's rule, and transformers' for old configurations.
        case highest
        /// The first position with this id.
        case id(Int)
    }

    /// The sizes of the tower.
    public struct Configuration: Sendable, Hashable {
        /// The blocks.
        package var transformer: TransformerConfiguration
        /// The number of distinct tokens.
        public var vocabularySize: Int
        /// The maximum length of a row of tokens.
        public var contextLength: Int
        /// The width E of an embedding.
        package var embeddingWidth: Int
        /// How the end token is found.
        package var endToken: EndToken

        /// Creates a configuration; by default with OpenAI's vocabulary.
        package init(
            transformer: TransformerConfiguration, vocabularySize: Int = 49_408, contextLength: Int = 77,
            embeddingWidth: Int, endToken: EndToken = .highest
        ) {
            self.transformer = transformer
            self.vocabularySize = vocabularySize
            self.contextLength = contextLength
            self.embeddingWidth = embeddingWidth
            self.endToken = endToken
        }

        func validate(_ subject: String) throws {
            try transformer.validate(subject)
            try Limits.check(subject, "vocabulary size", vocabularySize, 1...10_000_000)
            try Limits.check(subject, "context length", contextLength, 1...65_536)
            try Limits.check(subject, "embedding width", embeddingWidth, 1...65_536)
        }
    }

    /// The states of the tokens inside the tower.
    public struct Features: Sendable {
        /// The output of the last block, not normalized, [N, L, width].
        package let last: Tensor
        /// The kept states, by the number of blocks before them; 0 is the sum of token and position.
        package let blocks: [Int: Tensor]
    }

    /// The sizes of the tower.
    package let configuration: Configuration

    let tokenEmbedding: Embedding
    private let positions: Parameter
    private let blocks: [TransformerBlock]
    private let finalNorm: LayerNorm
    let projection: EmbeddingProjection

    /// Declares the tower.
    /// - Parameter scope: The scope of the whole CLIP; the names of ``CheckpointFormat`` are relative to it.
    /// - Throws: ``CLIPError`` for impossible sizes, `TorchError` if names are taken.
    package init(_ scope: ParameterScope, _ configuration: Configuration, format: CheckpointFormat) throws {
        try configuration.validate("text tower")
        let width = configuration.transformer.width
        let epsilon = configuration.transformer.epsilon
        let names = format.names.text
        tokenEmbedding = try Embedding(
            scope / names.embedding, count: configuration.vocabularySize, width: width,
            initializer: .normal(standardDeviation: 0.02))
        positions = try scope.scope(of: names.positions).weight(
            names.positions.name, [configuration.contextLength, width], .normal(standardDeviation: 0.01))
        finalNorm = try LayerNorm(scope / names.lastNorm, width: width, epsilon: epsilon)
        blocks = try (0..<configuration.transformer.depth).map {
            try TransformerBlock(scope / names.blocks / $0, configuration.transformer, format.names.block)
        }
        projection = try EmbeddingProjection(
            scope, names.projection, width: width, embeddingWidth: configuration.embeddingWidth,
            isTransposed: names.projectionIsTransposed)
        self.configuration = configuration
    }

    /// Runs the blocks.
    /// - Parameters:
    ///   - ids: [N, L] int64.
    ///   - attentionMask: [N, L], 1 for tokens that take part: transformers' padding mask. It changes only the states
    ///     after the end token.
    ///   - kept: The additional states to return, by the number of blocks before them.
    /// - Throws: ``CLIPError`` for rows that are too long; `TorchError`, also for ids outside the vocabulary.
    package func features(of ids: Tensor, attentionMask: Tensor? = nil, keeping kept: Set<Int> = []) throws
        -> Features
    {
        let length = try checkedLength(ids)
        var states = try tokenEmbedding(ids) + positions.value.narrowed(0, start: 0, length: length)
        var keptStates: [Int: Tensor] = kept.contains(0) ? [0: states] : [:]
        let mask = try attentionMask.map { mask in
            let causal = try Tensor.ones([length, length], dtype: .bool, device: ids.device).lowerTriangle()
            return try causal .&& mask.to(.bool).unsqueezed(1).unsqueezed(1)
        }
        for (index, block) in blocks.enumerated() {
            states = try block(states, mask: mask, isCausal: mask == nil)
            if kept.contains(index + 1) { keptStates[index + 1] = states }
        }
        return Features(last: states, blocks: keptStates)
    }

    /// The normalized states of all tokens, [N, L, width].
    /// - Throws: `TorchError`.
    package func normalizedStates(of features: Features) throws -> Tensor { try finalNorm(features.last) }

    /// The normalized state at the end token of every row, [N, width].
    /// - Throws: `TorchError`.
    package func pooled(_ features: Features, ids: Tensor) throws -> Tensor {
        let ends = try endPositions(of: ids)
        let rows = try Tensor.arange(to: ends.count, dtype: .int64, device: ids.device)
        // Selected before normalizing: the other states are not needed.
        return try finalNorm(features.last[rows, ends])
    }

    /// The position of the end token in every row of [N, L], [N].
    /// - Throws: `TorchError`.
    package func endPositions(of ids: Tensor) throws -> Tensor {
        switch configuration.endToken {
        case .highest: try ids.argmax(1)
        case .id(let id): try (ids .== id).to(.int32).argmax(1)
        }
    }

    /// The embeddings of texts, [N, E], not of length 1.
    ///
    /// Columns after the last end token are dropped, which affects only the time.
    /// - Parameter ids: [N, L] int64.
    /// - Throws: The errors of ``features(of:attentionMask:keeping:)``.
    package func embedding(of ids: Tensor) throws -> Tensor {
        _ = try checkedLength(ids)
        guard try ids.size(0) > 0 else {
            return try Tensor.zeros(
                [0, configuration.embeddingWidth], dtype: positions.dtype, device: positions.value.device)
        }
        // Looked at where the ids are: in main memory that waits for nothing.
        let longest = try endPositions(of: ids).max().item(as: Int64.self)
        let ids = try ids.narrowed(1, start: 0, length: Int(longest) + 1).to(device: positions.value.device)
        return try projection(pooled(features(of: ids), ids: ids))
    }

    /// The embedding of pooled states, [N, width] to [N, E], not of length 1.
    /// - Throws: `TorchError`.
    package func embedding(ofPooled pooled: Tensor) throws -> Tensor { try projection(pooled) }

    private func checkedLength(_ ids: Tensor) throws -> Int {
        let shape = ids.shape
        guard shape.count == 2, (1...configuration.contextLength).contains(shape[1]) else {
            throw CLIPError(
                "text tower",
                reason: "token ids must be [N, L] with L from 1 to \(configuration.contextLength), "
                    + "not \(shape)")
        }
        return shape[1]
    }
}
