import Torch
import WeightFiles

extension CLIPConfiguration {
    /// Infers the architecture from the shapes of a checkpoint's tensors.
    ///
    /// Shapes reveal neither the number of heads (64 wide in all published models except OpenCLIP's largest, whose
    /// widths are known) nor the activation.
    /// - Parameters:
    ///   - source: The checkpoint.
    ///   - prefix: The prefix of the names of `format`.
    ///   - format: The naming of the checkpoint's tensors.
    ///   - activation: The activation of the transformers.
    ///   - isValidated: Whether sizes that cannot be built are refused.
    /// - Throws: ``CLIPError`` if the tensors are not those of a CLIP, `WeightFileError`.
    package init(
        inferredFrom source: some WeightSource, prefix: String = "", format: CheckpointFormat,
        activation: Activation, isValidated: Bool = true
    ) throws {
        let shapes = CheckpointShapes(source: source, prefix: prefix)
        switch format {
        case .openAI: self = try shapes.openAI(activation)
        case .huggingFace: self = try shapes.huggingFace(activation)
        case .eva: self = try shapes.eva(activation)
        }
        if isValidated { try validate(source.origin) }
    }
}

/// The sizes that follow from the shapes of a checkpoint's tensors.
private struct CheckpointShapes {
    private let source: any WeightSource
    private let prefix: String
    private let keys: [String]

    init(source: some WeightSource, prefix: String) {
        self.source = source
        self.prefix = prefix
        keys = source.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// The heads of OpenCLIP's transformers H, g and G are not 64 wide.
    private static let headWidths = [1_280: 80, 1_408: 88, 1_664: 104]

    private func shape(_ key: String, rank: Int) throws -> [Int] {
        let shape = try source.tensor(named: prefix + key).shape
        guard shape.count == rank else {
            throw CLIPError(source.origin, reason: "'\(prefix)\(key)' is \(shape), not of rank \(rank)")
        }
        return shape
    }

    /// The number of distinct indices after `list`.
    private func count(_ list: String) -> Int {
        var indices: Set<Substring> = []
        for key in keys where key.hasPrefix(list) {
            indices.insert(key.dropFirst(list.count).prefix { $0 != "." })
        }
        return indices.count
    }

    private func side(_ positions: Int) throws -> Int {
        let side = Int(Double(positions - 1).squareRoot().rounded())
        guard positions > 1, side * side == positions - 1 else {
            throw CLIPError(
                source.origin,
                reason: "\(positions) positions are not one class token plus a square grid of patches")
        }
        return side
    }

    private func transformer(
        width: Int, blocks: String, expansion: String, _ activation: Activation, headWidth: Int? = nil
    ) throws -> TransformerConfiguration {
        TransformerConfiguration(
            width: width, depth: count(blocks),
            heads: max(width / (headWidth ?? Self.headWidths[width] ?? 64), 1),
            hiddenWidth: try shape("\(blocks)0.mlp.\(expansion).weight", rank: 2)[0], activation: activation)
    }

    /// A text tower under OpenAI's names behind `scope`.
    private func textTower(scope: String = "", _ activation: Activation, headWidth: Int? = nil) throws
        -> TextTransformer.Configuration
    {
        let projection = try shape("\(scope)text_projection", rank: 2)
        let tokens = try shape("\(scope)token_embedding.weight", rank: 2)
        return TextTransformer.Configuration(
            transformer: try transformer(
                width: tokens[1], blocks: "\(scope)transformer.resblocks.", expansion: "c_fc", activation,
                headWidth: headWidth),
            vocabularySize: tokens[0], contextLength: try shape("\(scope)positional_embedding", rank: 2)[0],
            embeddingWidth: projection[1])
    }

    func eva(_ activation: Activation) throws -> CLIPConfiguration {
        let patches = try shape("visual.patch_embed.proj.weight", rank: 4)
        let grid = try side(shape("visual.pos_embed", rank: 3)[1])
        var transformer = try transformer(
            width: patches[0], blocks: "visual.blocks.", expansion: "w1", .silu, headWidth: 64)
        transformer.epsilon = 1e-6
        return CLIPConfiguration(
            vision: .transformer(
                .init(
                    .eva02, transformer: transformer, patchSize: patches[3],
                    imageSize: try product(grid, patches[3]),
                    embeddingWidth: try shape("visual.head.weight", rank: 2)[0])),
            text: try textTower(scope: "text.", activation, headWidth: 64))
    }

    /// A Perception Encoder: the number of its positions tells whether there is a class token.
    private func perceptionEncoder(_ activation: Activation, patches: [Int]) throws -> CLIPConfiguration {
        let positions = try shape("visual.positional_embedding", rank: 2)[0]
        let hasClassToken = keys.contains("visual.class_embedding")
        let grid = try side(positions + (hasClassToken ? 0 : 1))
        return CLIPConfiguration(
            vision: .transformer(
                .init(
                    .perceptionEncoder(hasClassToken: hasClassToken),
                    transformer: try transformer(
                        width: patches[0], blocks: "visual.transformer.resblocks.", expansion: "c_fc",
                        activation,
                        // G has 16 heads of 96 places.
                        headWidth: patches[0] == 1_536 ? 96 : 64),
                    patchSize: patches[3], imageSize: try product(grid, patches[3]),
                    embeddingWidth: try shape("visual.proj", rank: 2)[1])),
            text: try textTower(activation, headWidth: 64))
    }

    func openAI(_ activation: Activation) throws -> CLIPConfiguration {
        let first = try shape("visual.conv1.weight", rank: 4)
        if keys.contains("visual.attn_pool.probe") {
            return try perceptionEncoder(activation, patches: first)
        }
        let text = try textTower(activation)
        guard keys.contains("visual.layer1.0.conv1.weight") else {
            let grid = try side(shape("visual.positional_embedding", rank: 2)[0])
            return CLIPConfiguration(
                vision: .transformer(
                    .init(
                        transformer: try transformer(
                            width: first[0], blocks: "visual.transformer.resblocks.", expansion: "c_fc",
                            activation),
                        patchSize: first[3], imageSize: try product(grid, first[3]),
                        embeddingWidth: try shape("visual.proj", rank: 2)[1])),
                text: text)
        }
        let width = try shape("visual.conv3.weight", rank: 4)[0]
        let grid = try side(shape("visual.attnpool.positional_embedding", rank: 2)[0])
        return CLIPConfiguration(
            vision: .resNet(
                .init(
                    blocks: (1...4).map { count("visual.layer\($0).") }, width: width,
                    imageSize: try product(grid, 32),
                    embeddingWidth: try shape("visual.attnpool.c_proj.weight", rank: 2)[0])),
            text: text)
    }

    func huggingFace(_ activation: Activation) throws -> CLIPConfiguration {
        let tokens = try shape("text_model.embeddings.token_embedding.weight", rank: 2)
        let patches = try shape("vision_model.embeddings.patch_embedding.weight", rank: 4)
        let positions = try shape("vision_model.embeddings.position_embedding.weight", rank: 2)
        return CLIPConfiguration(
            vision: .transformer(
                .init(
                    transformer: try transformer(
                        width: patches[0], blocks: "vision_model.encoder.layers.", expansion: "fc1",
                        activation),
                    patchSize: patches[3], imageSize: try product(side(positions[0]), patches[3]),
                    embeddingWidth: try shape("visual_projection.weight", rank: 2)[0])),
            text: .init(
                transformer: try transformer(
                    width: tokens[1], blocks: "text_model.encoder.layers.", expansion: "fc1", activation),
                vocabularySize: tokens[0],
                contextLength: try shape("text_model.embeddings.position_embedding.weight", rank: 2)[0],
                embeddingWidth: try shape("text_projection.weight", rank: 2)[0]))
    }

    private func product(_ first: Int, _ second: Int) throws -> Int {
        let (product, overflow) = first.multipliedReportingOverflow(by: second)
        guard !overflow else { throw CLIPError(source.origin, reason: "its shapes are impossible") }
        return product
    }
}
