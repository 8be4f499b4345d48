import Foundation
import Hub
import Torch
import WeightFiles

/// A CLIP on disk: its weights, how they are named, and its architecture.
package struct CLIPCheckpoint: Sendable {
    /// The tensors.
    package let weights: any WeightSource

    /// How they are named.
    package let format: CheckpointFormat

    /// What stands before the names of ``format`` in the file, such as `module.`.
    package let prefix: String

    /// The architecture.
    package let configuration: CLIPConfiguration

    /// The folder that the weights lie in, and with them, where there are any, the files of tokenizer and preprocessing.
    package let folder: String

    /// What stands before the names of other sets of weights in the file.
    private let otherPrefixes: [String]

    /// What was chosen or passed over and a user should know, a sentence each.
    package let notes: [String]

    /// Opens a snapshot folder of Hugging Face, or one weight file; nothing but names and shapes is read yet.
    ///
    /// A file is taken together with the configuration beside it, if there is one that fits its names. Without one, the
    /// architecture follows from the shapes.
    /// - Parameters:
    ///   - path: A folder or a file: safetensors, `.bin` and `.pt` of PyTorch, TorchScript.
    ///   - activation: Overrides the activation, which shapes do not tell.
    /// - Throws: ``CLIPError`` or `WeightFileError` that says what is missing or wrong.
    package init(_ path: String, activation: Activation? = nil) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CLIPError(
                path, reason: "there is no such file or folder", exitStatus: .failure)
        }
        let file: String
        if isFolder.boolValue {
            folder = path
            file = try Self.weightFile(in: path)
        } else {
            folder = URL(filePath: path).deletingLastPathComponent().path
            file = path
        }
        var notes: [String] = []
        weights = try WeightFile.open(file)
        let prefixes: [String]
        (format, prefixes) = try Self.naming(of: weights, &notes)
        prefix = prefixes[0]
        otherPrefixes = Array(prefixes.dropFirst())
        configuration = try Self.configuration(
            weights, format, prefix: prefix, folder: folder, activation: activation, &notes)
        self.notes = notes
    }

    private static func weightFile(in folder: String) throws -> String {
        let names = ModelDownload.Selection.clip.weights
        let paths = names.map { URL(filePath: folder).appending(path: $0).path }
        guard let path = paths.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw CLIPError(folder, reason: "has no weights: none of \(names.joined(separator: ", "))")
        }
        return path
    }

    // MARK: Names

    /// One tensor of each format that every checkpoint of it has.
    private static let signs: [(format: CheckpointFormat, name: String)] = [
        (.huggingFace, "text_model.embeddings.token_embedding.weight"),
        (.openAI, "token_embedding.weight"),
    ]

    /// Tells the format and what stands before its names; first that of the set of weights that is meant, when a file
    /// holds several.
    private static func naming(
        of weights: any WeightSource, _ notes: inout [String]
    ) throws -> (CheckpointFormat, [String]) {
        for (format, sign) in signs {
            let prefixes = weights.keys.filter { $0 == sign || $0.hasSuffix("." + sign) }
                .map { String($0.dropLast(sign.count)) }
            guard let first = prefixes.first else { continue }
            let chosen = prefixes.count == 1 ? first : try choice(of: prefixes, weights, &notes)
            guard format == .huggingFace || !(chosen == "text." || chosen.hasSuffix(".text.")) else {
                throw CLIPError(
                    weights.origin,
                    reason:
                        "names its text tower 'text.' as OpenCLIP's models with \"custom_text\" do, which "
                        + "are not built here")
            }
            return (format, [chosen] + prefixes.filter { $0 != chosen })
        }
        throw CLIPError(
            weights.origin,
            reason: "is no CLIP: none of its \(weights.keys.count) tensors is called "
                + signs.map { "'\($0.name)'" }.joined(separator: " or "))
    }

    /// Names of running means of weights, which a trainer keeps beside those that it trains.
    private static let averages: Set<String> = [
        "ema", "model_ema", "ema_model", "state_dict_ema", "ema_state_dict", "teacher", "averaged_model",
    ]

    /// Of several sets of weights in one file, the one that was trained: the others are averages of it.
    private static func choice(
        of prefixes: [String], _ weights: any WeightSource, _ notes: inout [String]
    ) throws -> String {
        let trained = prefixes.filter { prefix in
            !prefix.split(separator: ".").contains { averages.contains(String($0)) }
        }
        let listed = prefixes.map { "'\($0.hasSuffix(".") ? String($0.dropLast()) : $0)'" }
            .joined(separator: ", ")
        guard let chosen = trained.first, trained.count == 1 else {
            throw CLIPError(
                weights.origin,
                reason:
                    "holds several sets of weights, \(listed): save the one that is meant to a file of its own"
            )
        }
        let name = chosen.isEmpty ? "the one without a name" : "'\(chosen.dropLast())'"
        notes.append("\(weights.origin) holds several sets of weights, \(listed); \(name) is taken")
        return chosen
    }

    // MARK: Architecture

    private static func configuration(
        _ weights: any WeightSource, _ format: CheckpointFormat, prefix: String, folder: String,
        activation: Activation?, _ notes: inout [String]
    ) throws -> CLIPConfiguration {
        let name = format == .huggingFace ? "config.json" : "open_clip_config.json"
        let file = URL(filePath: folder).appending(path: name).path
        guard FileManager.default.fileExists(atPath: file) else {
            var known = activation
            if known == nil, isOpenAIArchive(weights) {
                known = .quickGELU
                notes.append("\(weights.origin) is an archive of OpenAI's: its activation is quick_gelu")
            }
            guard let known else {
                throw CLIPError(
                    weights.origin,
                    reason: "neither it nor a configuration beside it tells the activation: say quick_gelu "
                        + "(OpenAI's weights, OpenCLIP's models ending in -quickgelu) or gelu")
            }
            return try CLIPConfiguration(
                inferredFrom: weights, prefix: prefix, format: format, activation: known)
        }
        let configuration =
            format == .huggingFace
            ? try CLIPConfiguration(huggingFace: file) : try CLIPConfiguration(openCLIP: file)
        guard let activation, activation != configuration.text.transformer.activation else {
            return configuration
        }
        notes.append(
            "\(file) says the activation \(configuration.text.transformer.activation.rawValue), "
                + "\(activation.rawValue) is taken")
        return configuration.with(activation: activation)
    }

    /// OpenAI's own archives are TorchScript and hold the sizes of the model as tensors; all have the quick GELU.
    private static func isOpenAIArchive(_ weights: any WeightSource) -> Bool {
        weights is TorchScriptArchive
            && ["input_resolution", "context_length", "vocab_size"].allSatisfy(weights.keys.contains)
    }

    /// The preparation of pictures that a file beside the weights describes, if there is one.
    /// - Throws: ``CLIPError``.
    func preprocessor() throws -> ImagePreprocessor? {
        func existing(_ name: String) -> String? {
            let path = URL(filePath: folder).appending(path: name).path
            return FileManager.default.fileExists(atPath: path) ? path : nil
        }
        if let path = existing("preprocessor_config.json") ?? existing("processor_config.json") {
            return try ImagePreprocessor(contentsOf: path)
        }
        guard format == .openAI, let path = existing("open_clip_config.json") else { return nil }
        return try ImagePreprocessor(openCLIP: path, side: configuration.vision.imageSize)
    }

    /// Tensors of checkpoints that carry nothing a network needs.
    func isIgnored(_ key: String) -> Bool {
        // A training checkpoint holds the optimizer's tensors beside the network's.
        guard key.hasPrefix(prefix) else { return true }
        return otherPrefixes.contains { $0.count > prefix.count && key.hasPrefix($0) }
            || Self.ignoredKeys.contains(String(key.dropFirst(prefix.count)))
    }

    private static let ignoredKeys: Set<String> = [
        "input_resolution", "context_length", "vocab_size", "attn_mask",
        "text_model.embeddings.position_ids", "vision_model.embeddings.position_ids",
    ]
}

extension ModelDownload.Selection {
    /// The files of a CLIP: transformers' weights before OpenCLIP's.
    public static let clip = ModelDownload.Selection(
        weights: [
            "model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors",
            "pytorch_model.bin", "pytorch_model.bin.index.json", "open_clip_pytorch_model.bin",
        ],
        companions: [
            "config.json", "open_clip_config.json", "preprocessor_config.json",
            "processor_config.json", "vocab.json", "merges.txt",
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
            "bpe_simple_vocab_16e6.txt.gz",
        ])
}

extension CLIPConfiguration {
    /// The same architecture with another activation in all transformers.
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
