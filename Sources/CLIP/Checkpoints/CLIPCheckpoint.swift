import Foundation
import Hub
import Support
import Torch
import WeightFiles

/// A CLIP on disk: its weights, their naming, and its architecture.
package struct CLIPCheckpoint: Sendable {
    /// The tensors, named as in ``format``.
    package let weights: any WeightSource

    /// The naming of the tensors.
    package let format: CheckpointFormat

    /// The prefix of the names of ``format`` in the file, such as `module.`.
    package let prefix: String

    /// The architecture.
    package let configuration: CLIPConfiguration

    /// The folder of the weights, which may also hold tokenizer and preprocessing files.
    package let folder: String

    /// The prefixes of other sets of weights in the file, which are not used.
    private let otherSets: [String]

    /// Choices and omissions that a user should know about, one sentence each.
    package let notes: [String]

    /// Opens a Hugging Face snapshot folder or a single weight file; only names and shapes are read at this point.
    ///
    /// A file is paired with the configuration next to it, if there is one that fits its names. Without one, the
    /// architecture is inferred from the shapes.
    /// - Parameters:
    ///   - path: A folder or a file: safetensors, PyTorch's `.bin` and `.pt`, TorchScript.
    ///   - activation: Overrides the activation, which shapes do not reveal.
    /// - Throws: ``CLIPError`` or `WeightFileError` stating what is missing or wrong.
    package init(_ path: String, activation: Activation? = nil) throws {
        guard let kind = FileStatus(path)?.kind else {
            throw CLIPError(
                path, reason: "there is no such file or folder", exitStatus: .failure)
        }
        let file: String
        if kind == .folder {
            folder = path
            file = try Self.weightFile(in: path)
        } else {
            folder = Path.parent(path)
            file = path
        }
        let source = try WeightFile.open(file)
        let (format, unwrapped, named) = try Self.naming(of: source)
        self.format = format
        weights = named
        prefix = unwrapped.prefix
        otherSets = Self.signs.filter { $0.format == format }.flatMap { sign in
            unwrapped.keys.filter { $0.hasSuffix("." + sign.name) }
                .map { String($0.dropLast(sign.name.count)) }
        }
        var notes = unwrapped.note.map { [$0] } ?? []
        configuration =
            try Self.knownDesign(of: named, format, folder: folder, activation: activation, &notes)
            ?? Self.configuration(
                source, unwrapped, format, folder: folder, activation: activation, &notes)
        self.notes = notes
    }

    private static func weightFile(in folder: String) throws -> String {
        let names = ModelDownload.Selection.clip.weights
        let paths = names.map { Path.join(folder, $0) }
        guard let path = paths.first(where: { FileStatus($0) != nil }) else {
            throw CLIPError(folder, reason: "has no weights: none of \(names.joined(separator: ", "))")
        }
        return path
    }

    // MARK: Names

    /// For each format, a tensor that all its checkpoints have.
    private static let signs: [(format: CheckpointFormat, name: String)] = [
        (.huggingFace, "text_model.embeddings.token_embedding.weight"),
        (.eva, "text.token_embedding.weight"),
        (.openAI, "token_embedding.weight"),
    ]

    /// Tells the format, which set of weights is meant when a file holds several, and gives timm's names those of the
    /// authors.
    private static func naming(
        of source: any WeightSource
    ) throws -> (CheckpointFormat, UnwrappedWeights, any WeightSource) {
        for (format, sign) in signs {
            guard let weights = try UnwrappedWeights(source, knownBy: [sign]) else { continue }
            guard format == .eva else { return (format, weights, weights) }
            if weights.keys.contains("visual.blocks.0.attn.q_bias") { return (.eva, weights, weights) }
            if let timm = try TimmWeights(weights) {
                return (timm.kind == .eva02 ? .eva : .openAI, weights, timm)
            }
            let trunk = weights.keys.first { $0.hasPrefix("visual.") }
            throw CLIPError(
                source.origin,
                reason:
                    "names its text tower 'text.' as OpenCLIP's models with \"custom_text\" do; of these only "
                    + "EVA-02 and Perception Encoder are built here, whose image towers have other names than "
                    + "'\(trunk ?? "none")'")
        }
        throw CLIPError(
            source.origin,
            reason: "is not a CLIP: none of its \(source.keys.count) tensors is called "
                + signs.map { "'\($0.name)'" }.joined(separator: " or ")
                + (source.keys.contains { $0.hasSuffix("visual.blocks.0.attn.q_bias") }
                    ? "; it seems to be the image tower of an EVA-02 alone" : ""))
    }

    // MARK: Architecture

    /// The architecture of EVA-02 and Perception Encoder, which the shapes tell but for the number of heads, and that is a
    /// 64th of the width in the published ones; nil for others.
    private static func knownDesign(
        of weights: any WeightSource, _ format: CheckpointFormat, folder: String, activation: Activation?,
        _ notes: inout [String]
    ) throws -> CLIPConfiguration? {
        guard format == .eva || weights.keys.contains("visual.attn_pool.probe") else { return nil }
        var configuration = try CLIPConfiguration(
            inferredFrom: weights, format: format, activation: activation ?? .gelu, isValidated: false)
        let file = Path.join(folder, "open_clip_config.json")
        if FileStatus(file) != nil {
            try configuration.takeHeads(openCLIP: file)
        }
        try configuration.validate(weights.origin)
        if let activation, activation != .gelu {
            notes.append(
                "\(weights.origin): the activation \(activation.rawValue) is taken for its texts, gelu is usual"
            )
        }
        return configuration
    }

    private static func configuration(
        _ source: any WeightSource, _ weights: UnwrappedWeights, _ format: CheckpointFormat, folder: String,
        activation: Activation?, _ notes: inout [String]
    ) throws -> CLIPConfiguration {
        let name = format == .huggingFace ? "config.json" : "open_clip_config.json"
        let file = Path.join(folder, name)
        guard FileStatus(file) != nil else {
            var known = activation
            if known == nil, isOpenAIArchive(source) {
                known = .quickGELU
                notes.append("\(weights.origin) is an OpenAI archive: its activation is quick_gelu")
            }
            guard let known else {
                throw CLIPError(
                    weights.origin,
                    reason:
                        "neither it nor a configuration next to it states the activation: pass quick_gelu "
                        + "(OpenAI's weights, OpenCLIP's models ending in -quickgelu) or gelu")
            }
            return try CLIPConfiguration(
                inferredFrom: weights, format: format, activation: known)
        }
        let configuration =
            format == .huggingFace
            ? try CLIPConfiguration(huggingFace: file) : try CLIPConfiguration(openCLIP: file)
        guard let activation, activation != configuration.text.transformer.activation else {
            return configuration
        }
        notes.append(
            "\(file) states the activation \(configuration.text.transformer.activation.rawValue), "
                + "\(activation.rawValue) is used")
        return configuration.with(activation: activation)
    }

    /// OpenAI's own archives are TorchScript files that hold the model's sizes as tensors; all use the quick GELU.
    private static func isOpenAIArchive(_ weights: any WeightSource) -> Bool {
        weights is TorchScriptArchive
            && ["input_resolution", "context_length", "vocab_size"].allSatisfy(weights.keys.contains)
    }

    /// The image preprocessing described by a file next to the weights, if there is one.
    /// - Throws: ``CLIPError``.
    func preprocessor() throws -> ImagePreprocessor? {
        func existing(_ name: String) -> String? {
            let path = Path.join(folder, name)
            return FileStatus(path) != nil ? path : nil
        }
        if let path = existing("preprocessor_config.json") ?? existing("processor_config.json") {
            return try ImagePreprocessor(contentsOf: path)
        }
        let side = configuration.vision.imageSize
        if format != .huggingFace, let path = existing("open_clip_config.json") {
            return try ImagePreprocessor(openCLIP: path, side: side)
        }
        guard case .transformer(let tower) = configuration.vision, case .perceptionEncoder = tower.design
        else { return nil }
        return .perceptionEncoder(side: side)
    }

    /// Whether the network does not need a tensor.
    func isIgnored(_ key: String) -> Bool {
        Self.ignoredKeys.contains(key) || otherSets.contains { key.hasPrefix($0) }
            || format == .eva && Self.isRotaryTable(key)
    }

    /// EVA-CLIP's rotary positions are computed anew: in half precision they would be too coarse, and files of its
    /// detectors hold those of other sizes too.
    package static func isRotaryTable(_ key: String) -> Bool {
        guard key.hasPrefix("visual.rope.") || key.contains(".attn.rope."),
            let last = key.split(separator: ".").last
        else { return false }
        return last == "flag" || last.hasPrefix("freqs_cos") || last.hasPrefix("freqs_sin")
    }

    private static let ignoredKeys: Set<String> = [
        "input_resolution", "context_length", "vocab_size", "attn_mask",
        "text_model.embeddings.position_ids", "vision_model.embeddings.position_ids",
    ]
}

extension ModelDownload.Selection {
    /// The files of a CLIP: transformers' weights take precedence over OpenCLIP's.
    public static let clip = ModelDownload.Selection(
        weights: WeightFile.snapshotNames,
        companions: [
            "config.json", "open_clip_config.json", "preprocessor_config.json",
            "processor_config.json", "vocab.json", "merges.txt",
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
            "bpe_simple_vocab_16e6.txt.gz",
        ])
}

extension CLIPConfiguration {
    /// The same architecture with a different activation in all transformers.
    func with(activation: Activation) -> CLIPConfiguration {
        var copy = self
        copy.text.transformer.activation = activation
        if case .transformer(var configuration) = vision {
            configuration.transformer.activation = activation
            copy.vision = .transformer(configuration)
        }
        return copy
    }
}
