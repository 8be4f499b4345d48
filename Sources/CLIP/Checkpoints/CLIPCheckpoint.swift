import Foundation
import Torch
import WeightFiles

/// A CLIP on disk: its weights, how they are named, and its architecture.
public struct CLIPCheckpoint: Sendable {
    /// The tensors.
    public let weights: any WeightSource

    /// How they are named.
    public let format: CheckpointFormat

    /// What stands before the names of ``format`` in the file, such as `module.`.
    public let prefix: String

    /// The architecture.
    public let configuration: CLIPConfiguration

    /// The folder that the weights lie in, and with them, where there are any, the files of tokenizer and preprocessing.
    public let folder: String

    /// The weight files of a folder, the first one that is there counts: transformers' names, then OpenCLIP's.
    static let weightFileNames = [
        "model.safetensors", "model.safetensors.index.json", "open_clip_model.safetensors",
        "pytorch_model.bin", "pytorch_model.bin.index.json", "open_clip_pytorch_model.bin",
    ]

    /// Opens a snapshot folder of Hugging Face, or one weight file; nothing but names and shapes is read yet.
    ///
    /// A file is taken together with the configuration beside it, if there is one that fits its names. Without one, the
    /// architecture follows from the shapes.
    /// - Parameters:
    ///   - path: A folder or a file: safetensors, `.bin` and `.pt` of PyTorch, TorchScript.
    ///   - activation: Overrides the activation, which shapes do not tell.
    /// - Throws: ``CLIPError`` or `WeightFileError` that says what is missing or wrong.
    public init(_ path: String, activation: Activation? = nil) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CLIPError(path, reason: "there is no such file or folder")
        }
        let file: String
        if isFolder.boolValue {
            folder = path
            file = try Self.weightFile(in: path)
        } else {
            folder = URL(filePath: path).deletingLastPathComponent().path
            file = path
        }
        weights = try WeightFile.open(file)
        (format, prefix) = try Self.naming(of: weights)
        configuration = try Self.configuration(
            weights, format, prefix: prefix, folder: folder, activation: activation)
    }

    private static func weightFile(in folder: String) throws -> String {
        let paths = weightFileNames.map { URL(filePath: folder).appending(path: $0).path }
        guard let path = paths.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw CLIPError(
                folder, reason: "has no weights: none of \(weightFileNames.joined(separator: ", "))")
        }
        return path
    }

    /// Tells the format by one tensor that every checkpoint of it has.
    private static func naming(of weights: any WeightSource) throws -> (CheckpointFormat, String) {
        let signs: [(CheckpointFormat, String)] = [
            (.huggingFace, "text_model.embeddings.token_embedding.weight"),
            (.openAI, "token_embedding.weight"),
        ]
        for (format, sign) in signs {
            // The text tower of OpenCLIP's models with `custom_text` has names of its own, which are not built here.
            if let key = weights.keys.first(where: { $0 == sign || $0.hasSuffix("." + sign) }) {
                return (format, String(key.dropLast(sign.count)))
            }
        }
        throw CLIPError(
            weights.origin,
            reason: "is no CLIP: none of its \(weights.keys.count) tensors is called "
                + signs.map { "'\($0.1)'" }.joined(separator: " or "))
    }

    private static func configuration(
        _ weights: any WeightSource, _ format: CheckpointFormat, prefix: String, folder: String,
        activation: Activation?
    ) throws -> CLIPConfiguration {
        let names: [CheckpointFormat: String] = [
            .huggingFace: "config.json", .openAI: "open_clip_config.json",
        ]
        let file = names[format].map { URL(filePath: folder).appending(path: $0).path }
        guard let file, FileManager.default.fileExists(atPath: file) else {
            guard let activation = activation ?? impliedActivation(of: weights, prefix: prefix) else {
                throw CLIPError(
                    weights.origin,
                    reason: "neither it nor a configuration beside it tells the activation: say quick_gelu "
                        + "(OpenAI's weights, OpenCLIP's models ending in -quickgelu) or gelu")
            }
            return try CLIPConfiguration(
                inferredFrom: weights, prefix: prefix, format: format, activation: activation)
        }
        let configuration =
            format == .huggingFace
            ? try CLIPConfiguration(huggingFace: file) : try CLIPConfiguration(openCLIP: file)
        return activation.map { configuration.with(activation: $0) } ?? configuration
    }

    /// OpenAI's own archives, and what was saved from them, hold projections in half precision and norms in full; all of
    /// those have the quick GELU.
    private static func impliedActivation(of weights: any WeightSource, prefix: String) -> Activation? {
        if weights is TorchScriptArchive { return .quickGELU }
        let projection = try? weights.tensor(named: prefix + "text_projection")
        let norm = try? weights.tensor(named: prefix + "ln_final.weight")
        return projection?.dtype == .float16 && norm?.dtype == .float32 ? .quickGELU : nil
    }

    /// The preparation of pictures that a file beside the weights describes, if there is one.
    /// - Throws: ``PreprocessingError``, ``CLIPError``.
    func preprocessor() throws -> ImagePreprocessor? {
        func existing(_ name: String) -> String? {
            let path = URL(filePath: folder).appending(path: name).path
            return FileManager.default.fileExists(atPath: path) ? path : nil
        }
        if let path = existing("preprocessor_config.json") {
            return try ImagePreprocessor(contentsOf: path)
        }
        guard format == .openAI, let path = existing("open_clip_config.json") else { return nil }
        let file = try ConfigurationFile(path: path).object("preprocess_cfg")
        var preprocessor = ImagePreprocessor.openAI(side: configuration.vision.imageSize)
        if let mean = try file.numbers("mean") { preprocessor.mean = mean }
        if let deviation = try file.numbers("std") { preprocessor.standardDeviation = deviation }
        guard try (file.text("interpolation") ?? "bicubic") == "bicubic",
            try (file.text("resize_mode") ?? "shortest") == "shortest"
        else {
            throw CLIPError(
                path, reason: "\"preprocess_cfg\" asks for another resizing than bicubic, shortest side")
        }
        return preprocessor
    }

    /// Tensors of checkpoints that carry nothing a network needs.
    static func isIgnored(_ key: String, prefix: String) -> Bool {
        // A training checkpoint holds the optimizer's tensors beside the network's.
        guard key.hasPrefix(prefix) else { return true }
        return ignoredKeys.contains(String(key.dropFirst(prefix.count)))
    }

    private static let ignoredKeys: Set<String> = [
        "input_resolution", "context_length", "vocab_size", "attn_mask",
        "text_model.embeddings.position_ids", "vision_model.embeddings.position_ids",
    ]
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
