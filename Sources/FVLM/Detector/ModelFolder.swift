import CLIP
import Foundation
import Support
import Torch
import WeightFiles

/// A detector on disk: `detector.yaml`, `detector.safetensors`, and often `vocabulary.safetensors` and `clip/`.
public struct ModelFolder: Sendable {
    /// How the CLIP is stored when a detector is written.
    public enum CLIPStorage: Sendable, Hashable {
        /// It is not copied; the folder refers to it by a relative path, so that both can be moved together.
        case reference
        /// Its files are copied into the folder, which then works anywhere.
        case copy
    }

    /// The folder's path.
    public let path: String

    /// Creates a reference to a folder, which need not exist yet.
    public init(_ path: String) { self.path = path }

    /// The configuration.
    public var configuration: String { file("detector.yaml") }

    /// The trained weights.
    public var weights: String { file("detector.safetensors") }

    /// The classes that were trained on, with their embeddings.
    public var vocabulary: String { file("vocabulary.safetensors") }

    /// How products are computed in eight bits, if `fvlm quantize` was used.
    public var quantization: String { file(Quantization.fileName) }

    /// The license of the weights; nil where nothing was kept with them.
    /// - Throws: `WeightFileError`.
    public var license: String? {
        get throws { try Safetensors(contentsOf: weights).metadata[Self.licenseKey] }
    }

    private static let licenseKey = "license"

    private func file(_ name: String) -> String { Path.join(path, name) }

    /// Writes a detector: weights first, so that a folder with a configuration is complete.
    /// - Parameters:
    ///   - configuration: Its `clip` is a path relative to the working folder, or a name in the Hugging Face cache.
    ///   - network: The trained part, whose weights are written.
    ///   - vocabulary: The classes that the heads were trained on, written if given.
    ///   - clip: How the CLIP is stored.
    ///   - license: Of the weights, which is kept with them; nil when there is nothing to say.
    /// - Throws: `WeightFileError`, `ConfigurationError` if something cannot be written; existing files are then
    ///   unchanged.
    public func write(
        _ configuration: DetectorConfiguration, network: DetectorNetwork, vocabulary: Vocabulary?,
        clip: CLIPStorage = .reference, license: String? = nil
    ) throws {
        try make(path)
        var configuration = configuration
        switch clip {
        case .reference: configuration.clip = reference(to: configuration.clip)
        case .copy: configuration.clip = try copyCLIP(configuration.clip)
        }
        var metadata = ["format": "fvlm-detector"]
        metadata[Self.licenseKey] = license
        try Safetensors.write(network.store.stored(), metadata: metadata, to: weights)
        try vocabulary?.write(to: self.vocabulary)
        let text = try configuration.yaml()
        do { try AtomicFile.write(text, to: self.configuration) } catch { throw ConfigurationError(error) }
    }

    // MARK: The CLIP

    /// The configuration's reference to a CLIP: a path relative to the folder, or an unchanged name.
    private func reference(to clip: String) -> String {
        // Relative paths that are already right, such as of a CLIP inside the folder, are unchanged.
        if !clip.hasPrefix("/"), FileStatus(file(clip)) != nil { return clip }
        guard FileStatus(clip) != nil else { return clip }
        // Links are resolved: `..` is relative to a link's actual folder.
        let target = Path.resolved(clip).split(separator: "/")
        let base = Path.resolved(path).split(separator: "/")
        let shared = zip(target, base).prefix { $0 == $1 }.count
        let up = [Substring](repeating: "..", count: base.count - shared)
        return (up + target.dropFirst(shared)).joined(separator: "/")
    }

    /// Copies a CLIP into the folder.
    /// - Returns: Its relative path.
    private func copyCLIP(_ clip: String) throws -> String {
        if !clip.hasPrefix("/"), FileStatus(file(clip)) != nil { return clip }
        guard let source = try? CLIPModel.LoadingOptions().cache.path(of: clip),
            let kind = FileStatus(source)?.kind
        else {
            throw ConfigurationError(
                key: "clip", reason: "there is no CLIP '\(clip)' to copy into \(path)")
        }
        let folder = file("clip")
        try make(folder)
        let isFolder = kind == .folder
        let origin = isFolder ? source : Path.parent(source)
        do {
            for name in try Folder.names(in: origin) where !name.hasPrefix(".") {
                let isWeight = ["safetensors", "bin", "pt", "pth", "h5", "msgpack"].contains(
                    Path.suffix(name))
                // A weight file is copied with the small files next to it, without other weights.
                if !isFolder, isWeight, name != Path.name(source) { continue }
                guard let status = FileStatus(Path.join(origin, name)), status.kind == .file,
                    isFolder || isWeight || status.byteCount <= 16 << 20
                else { continue }
                let bytes = try FileBytes(contentsOf: Path.join(origin, name))
                try AtomicFile.write(to: Path.join(folder, name)) { try $0.write(bytes.bytes) }
            }
        } catch {
            throw ConfigurationError(origin: folder, reason: "the CLIP cannot be copied into it: \(error)")
        }
        return isFolder ? "clip" : "clip/\(Path.name(source))"
    }

    private func make(_ folder: String) throws {
        do { try Folder.make(folder) } catch { throw ConfigurationError(error) }
    }
}
