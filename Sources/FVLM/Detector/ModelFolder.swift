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

    /// The licence of the weights; nil where nothing was kept with them.
    /// - Throws: `WeightFileError`.
    public var license: String? {
        get throws { try Safetensors(contentsOf: weights).metadata[Self.licenseKey] }
    }

    private static let licenseKey = "license"

    private func file(_ name: String) -> String { URL(filePath: path).appending(path: name).path }

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
        do {
            try Data(text.utf8).write(to: URL(filePath: self.configuration), options: .atomic)
        } catch {
            throw ConfigurationError(
                origin: self.configuration, reason: "cannot be written: \(Self.reason(error))")
        }
    }

    // MARK: The CLIP

    /// The configuration's reference to a CLIP: a path relative to the folder, or an unchanged name.
    private func reference(to clip: String) -> String {
        let files = FileManager.default
        // Relative paths that are already right, such as of a CLIP inside the folder, are unchanged.
        if !clip.hasPrefix("/"), files.fileExists(atPath: file(clip)) { return clip }
        guard files.fileExists(atPath: clip) else { return clip }
        // Links are resolved: `..` is relative to a link's actual folder.
        let target = URL(filePath: clip).resolvingSymlinksInPath().standardizedFileURL.pathComponents
        let base = URL(filePath: path).resolvingSymlinksInPath().standardizedFileURL.pathComponents
        let shared = zip(target, base).prefix { $0 == $1 }.count
        let up = [String](repeating: "..", count: base.count - shared)
        return (up + target.dropFirst(shared)).joined(separator: "/")
    }

    /// Copies a CLIP into the folder.
    /// - Returns: Its relative path.
    private func copyCLIP(_ clip: String) throws -> String {
        let files = FileManager.default
        let inside = file(clip)
        if !clip.hasPrefix("/"), files.fileExists(atPath: inside) { return clip }
        var isFolder: ObjCBool = false
        guard let source = try? CLIPModel.LoadingOptions().cache.path(of: clip),
            files.fileExists(atPath: source, isDirectory: &isFolder)
        else {
            throw ConfigurationError(
                key: "clip", reason: "there is no CLIP '\(clip)' to copy into \(path)")
        }
        let folder = file("clip")
        try make(folder)
        let origin =
            isFolder.boolValue ? URL(filePath: source) : URL(filePath: source).deletingLastPathComponent()
        do {
            for name in try files.contentsOfDirectory(atPath: origin.path).sorted() {
                let isWeight = ["safetensors", "bin", "pt", "pth", "h5", "msgpack"].contains(
                    URL(filePath: name).pathExtension)
                // A weight file is copied with the small files next to it, without other weights.
                if !isFolder.boolValue, isWeight, name != URL(filePath: source).lastPathComponent { continue }
                let file = origin.appending(path: name).resolvingSymlinksInPath()
                let kind = try files.attributesOfItem(atPath: file.path)
                guard kind[.type] as? FileAttributeType == .typeRegular, !name.hasPrefix(".") else {
                    continue
                }
                guard isFolder.boolValue || isWeight || (kind[.size] as? Int ?? 0) <= 16 << 20 else {
                    continue
                }
                let copy = URL(filePath: folder).appending(path: name)
                try? files.removeItem(at: copy)
                try files.copyItem(at: file, to: copy)
            }
        } catch {
            throw ConfigurationError(
                origin: folder, reason: "the CLIP cannot be copied into it: \(Self.reason(error))")
        }
        return isFolder.boolValue ? "clip" : "clip/\(URL(filePath: source).lastPathComponent)"
    }

    private func make(_ folder: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw ConfigurationError(origin: folder, reason: "cannot be created: \(Self.reason(error))")
        }
    }

    /// The system's message, as a sentence.
    private static func reason(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        if let underlying, underlying.domain == NSPOSIXErrorDomain {
            return String(cString: strerror(Int32(underlying.code)))
        }
        return error.localizedDescription
    }
}
