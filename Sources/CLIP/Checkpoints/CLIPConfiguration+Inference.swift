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
    /// - Throws: ``CLIPError`` if the tensors are not those of a CLIP, `WeightFileError`.
    package init(
        inferredFrom source: some WeightSource, prefix: String = "", format: CheckpointFormat,
        activation: Activation
    ) throws {
        let shapes = CheckpointShapes(source: source, prefix: prefix)
        switch format {
        case .openAI: self = try shapes.openAI(activation)
        case .huggingFace: self = try shapes.huggingFace(activation)
        }
        try validate(source.origin)
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

    private func transformer(width: Int, blocks: String, expansion: String, _ activation: Activation) throws
        -> TransformerConfiguration
    {
        TransformerConfiguration(
            width: width, depth: count(blocks), heads: max(width / (Self.headWidths[width] ?? 64), 1),
            hiddenWidth: try shape("\(blocks)0.mlp.\(expansion).weight", rank: 2)[0], activation: activation)
    }

    func openAI(_ activation: Activation) throws -> CLIPConfiguration {
        let projection = try shape("text_projection", rank: 2)
        let tokens = try shape("token_embedding.weight", rank: 2)
        let text = TextTransformer.Configuration(
            transformer: try transformer(
                width: tokens[1], blocks: "transformer.resblocks.", expansion: "c_fc", activation),
            vocabularySize: tokens[0], contextLength: try shape("positional_embedding", rank: 2)[0],
            embeddingWidth: projection[1])
        let first = try shape("visual.conv1.weight", rank: 4)
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
