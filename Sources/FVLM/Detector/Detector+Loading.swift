import CLIP
import Foundation
import Torch
import WeightFiles

extension Detector {
    /// Settings of loading.
    public struct LoadingOptions: Sendable {
        /// Another place for the CLIP than the configuration's.
        public var clip: String?

        /// `float32`, or `bfloat16` where the processor knows it; scores, boxes and masks are float32 in any case.
        public var dtype = DType.float32

        /// Settings over the configuration's, such as `input.size=640`.
        public var settings: [String] = []

        /// Receives what was read in an older form than it is written today.
        public var note: @Sendable (String) -> Void = { _ in }

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
        let configuration = try DetectorConfiguration(contentsOf: files.configuration, note: options.note)
            .with(settings: options.settings)
        let clip = try loadCLIP(configuration, files, options)
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.loadFrozen(Safetensors(contentsOf: files.weights))
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

    private static func loadCLIP(
        _ configuration: DetectorConfiguration, _ files: ModelFolder, _ options: LoadingOptions
    ) throws -> CLIPModel {
        let place = options.clip ?? configuration.clip
        let loading = CLIPModel.LoadingOptions(dtype: options.dtype)
        guard let path = try? loading.cache.path(of: place) else {
            throw ConfigurationError(
                origin: options.clip == nil ? files.configuration : "", key: "clip",
                reason:
                    "there is no CLIP '\(place)': give the place where it is now with --clip (in a program, "
                    + "LoadingOptions.clip)"
                    + (options.clip == nil ? ", or correct the setting" : "")
                    + "; it is a folder, a file, or a name in the Hugging Face cache")
        }
        return try CLIPModel.load(path, options: loading)
    }
}
