import CLIP
import Foundation
import Support
import Torch
import WeightFiles

extension Detector {
    /// Options for loading a detector.
    public struct LoadingOptions: Sendable {
        /// A location of the CLIP that overrides the configuration's.
        public var clip: String?

        /// What the networks compute in; scores, boxes and masks are always float32.
        public var precision = Precision.float32

        /// The element type of ``precision``; setting it chooses `bfloat16` or `float32`.
        public var dtype: DType {
            get { precision.dtype }
            set { precision = newValue == .bfloat16 ? .bfloat16 : .float32 }
        }

        /// The device of the networks; by default the CPU. `DeviceChoice.resolved(note:)` finds a GPU.
        public var device = Device.cpu

        /// Settings applied over the configuration's, such as `input.size=640`.
        public var settings: [String] = []

        /// Receives what a user should know: what was read in an older form than it is written today, heads that look
        /// untrained, and embeddings that do not match the trunk.
        public var note: @Sendable (String) -> Void = { _ in }

        /// Creates the default options.
        public init() {}
    }

    /// Loads a detector from its folder.
    /// - Throws: `ConfigurationError`, `CLIPError`, `WeightFileError`, `WeightMismatch`, naming the file and what is
    ///   wrong with it; `DeviceError`.
    public static func load(_ folder: String, options: LoadingOptions = LoadingOptions()) throws -> Detector {
        let files = ModelFolder(folder)
        var options = options
        options.device = try options.device.checked()
        guard FileStatus(files.configuration) != nil else {
            throw ConfigurationError(
                origin: folder,
                reason: FileStatus(folder) == nil
                    ? "there is no such folder; the folder of a detector is needed"
                    : "is not a detector: it contains no detector.yaml",
                exitStatus: FileStatus(folder) == nil ? .failure : .badData)
        }
        let configuration = try DetectorConfiguration(contentsOf: files.configuration, note: options.note)
            .with(settings: options.settings)
        let clip = try loadCLIP(configuration, files, options)
        let network = try DetectorNetwork(configuration, for: clip.configuration)
        try network.store.loadFrozen(Safetensors(contentsOf: files.weights))
        let vocabulary =
            FileStatus(files.vocabulary) != nil
            ? try Vocabulary(contentsOf: files.vocabulary) : nil
        try selfTest(network, vocabulary, clip, files, options.note)
        if options.dtype != .float32 {
            // The temperature is a factor of every score, so it keeps full precision.
            let paths = Set(network.store.parameters.map { $0.name.prefix { $0 != "." } }.map(String.init))
            for path in paths.sorted() where path != "temperature" {
                try network.store.convert(under: path, dtype: options.dtype)
            }
        }
        try network.store.convert(
            device: options.device.isProcessor ? nil : options.device, format: .channelsLast)
        let trained = vocabulary?.classes.filter { $0.split == .base } ?? []
        let detector = try Detector(
            configuration: configuration, clip: clip, network: network, trainedNames: trained.map(\.name))
        if options.precision == .int8 { try detector.use(quantization(files)) }
        return detector
    }

    private static func quantization(_ files: ModelFolder) throws -> Quantization {
        if let refusal = Quantization.refusal {
            throw ConfigurationError(
                key: "precision", reason: "int8: \(refusal); use bfloat16 or float32", exitStatus: .failure)
        }
        return try Quantization(contentsOf: files.quantization)
    }

    /// Tells heads that nobody trained, and embeddings of another trunk.
    private static func selfTest(
        _ network: DetectorNetwork, _ vocabulary: Vocabulary?, _ clip: CLIPModel, _ files: ModelFolder,
        _ note: (String) -> Void
    ) throws {
        if try network.looksUntrained { note("\(files.weights): \(DetectorNetwork.untrainedNote)") }
        guard let vocabulary else { return }
        if let chance = try network.chanceNote(texts: vocabulary.embeddings) {
            note("\(files.path): \(chance)")
        }
        // Without templates they were not made here but taken over, so that nothing else says whose they are.
        if vocabulary.templates.isEmpty, let mismatch = vocabulary.mismatch(with: clip, limit: 16) {
            note("\(files.vocabulary): \(mismatch)")
        }
    }

    private static func loadCLIP(
        _ configuration: DetectorConfiguration, _ files: ModelFolder, _ options: LoadingOptions
    ) throws -> CLIPModel {
        let place = options.clip ?? configuration.clip
        let loading = CLIPModel.LoadingOptions(dtype: options.dtype, device: options.device)
        guard let path = try? loading.cache.path(of: place) else {
            throw ConfigurationError(
                origin: options.clip == nil ? files.configuration : "", key: "clip",
                reason:
                    "there is no CLIP '\(place)': give its current location with --clip (in a program, "
                    + "LoadingOptions.clip)"
                    + (options.clip == nil ? ", or correct the setting" : "")
                    + "; it is a folder, a file, or a name in the Hugging Face cache",
                exitStatus: .failure)
        }
        return try CLIPModel.load(path, options: loading)
    }
}
