import CLIP
import Foundation
import Torch
import WeightFiles

/// A detector on disk: `detector.yaml`, `detector.safetensors`, and often `vocabulary.safetensors` and `clip/`.
public struct ModelFolder: Sendable {
    /// The folder's path.
    public let path: String

    /// A folder, which need not be there yet.
    public init(_ path: String) { self.path = path }

    /// The configuration.
    public var configuration: String { file("detector.yaml") }

    /// The trained weights.
    public var weights: String { file("detector.safetensors") }

    /// The classes that were trained on, with their embeddings.
    public var vocabulary: String { file("vocabulary.safetensors") }

    private func file(_ name: String) -> String { URL(filePath: path).appending(path: name).path }

    /// Where the configuration's CLIP is: a relative path that exists starts from the folder, anything else is taken as it
    /// is.
    func clip(_ configured: String) -> String {
        let inside = file(configured)
        return FileManager.default.fileExists(atPath: inside) ? inside : configured
    }

    /// Writes a detector without its CLIP: weights first, so that a folder with a configuration is complete.
    /// - Throws: `WeightFileError`, ``ConfigurationError`` when something cannot be written; earlier files are then as
    ///   they were.
    public func write(
        _ configuration: DetectorConfiguration, network: DetectorNetwork, vocabulary: Vocabulary?
    ) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ConfigurationError(origin: path, reason: "cannot be made: \(error.localizedDescription)")
        }
        try Safetensors.write(network.store.stored(), metadata: ["format": "fvlm-detector"], to: weights)
        try vocabulary?.write(to: self.vocabulary)
        do {
            try Data(configuration.yaml().utf8).write(to: URL(filePath: self.configuration), options: .atomic)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(
                origin: self.configuration, reason: "cannot be written: \(error.localizedDescription)")
        }
    }
}

extension Detector {
    /// What loading a detector can be told.
    public struct LoadingOptions: Sendable {
        /// Another place for the CLIP than the configuration's.
        public var clip: String?

        /// `float32`, or `bfloat16` where the processor knows it; scores, boxes and masks are float32 in any case.
        public var dtype = DType.float32

        /// Settings upon the configuration's, such as `input.size=640`.
        public var settings: [String] = []

        /// The usual options.
        public init() {}
    }

    /// Loads a detector from its folder.
    /// - Throws: ``ConfigurationError``, `CLIPError`, `WeightFileError`, `WeightMismatch`: what is wrong with which file.
    public static func load(_ folder: String, options: LoadingOptions = LoadingOptions()) throws -> Detector {
        let files = ModelFolder(folder)
        guard FileManager.default.fileExists(atPath: files.configuration) else {
            throw ConfigurationError(
                origin: folder, reason: "is no detector: there is no detector.yaml in it")
        }
        let configuration = try DetectorConfiguration(contentsOf: files.configuration)
            .with(settings: options.settings)
        let clip = try CLIPModel.load(
            options.clip ?? files.clip(configuration.clip),
            options: CLIPModel.LoadingOptions(dtype: options.dtype))
        let network = try DetectorNetwork(configuration.architecture(for: clip.configuration))
        try network.store.loadFrozen(Safetensors(path: files.weights))
        if options.dtype != .float32 {
            // The temperature is a factor of every score and stays exact.
            let paths = Set(network.store.parameters.map { $0.name.prefix { $0 != "." } }.map(String.init))
            for path in paths.sorted() where path != "temperature" {
                try network.store.convert(under: path, dtype: options.dtype)
            }
        }
        try network.store.convert(format: .channelsLast)
        let trained: [Vocabulary.Class] =
            FileManager.default.fileExists(atPath: files.vocabulary)
            ? try Vocabulary(contentsOf: files.vocabulary).classes.filter { $0.split == .base } : []
        return try Detector(
            configuration: configuration, clip: clip, network: network, trainedNames: trained.map(\.name))
    }
}
