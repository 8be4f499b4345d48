import Foundation
import Support

/// The folder in which Hugging Face's libraries cache their downloads:
/// `models--owner--name/{refs,blobs,snapshots/<commit>}`.
public struct ModelCache: Sendable, Hashable {
    /// The folder.
    public let folder: String

    /// Creates a cache in a folder.
    public init(folder: String) { self.folder = folder }

    /// Creates the cache that the environment selects: `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME/hub`,
    /// `XDG_CACHE_HOME/huggingface/hub`, or `~/.cache/huggingface/hub`; the first that is set.
    public init(environment: [String: String]? = nil) {
        let environment = environment ?? ProcessWords.environment
        func set(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
        let path: String
        if let cache = set("HF_HUB_CACHE") ?? set("HUGGINGFACE_HUB_CACHE") {
            path = cache
        } else if let home = set("HF_HOME") {
            path = home + "/hub"
        } else if let cache = set("XDG_CACHE_HOME") {
            path = cache + "/huggingface/hub"
        } else {
            path = (set("HOME") ?? NSHomeDirectory()) + "/.cache/huggingface/hub"
        }
        self.init(folder: path.hasPrefix("~") ? (path as NSString).expandingTildeInPath : path)
    }

    /// The path of a model given by path or name.
    /// - Throws: ``HubError`` if it is neither a path nor in the cache.
    public func path(of location: String, revision: String = "main") throws -> String {
        if FileStatus(location) != nil { return location }
        guard let name = ModelName(location) else {
            throw HubError(location, reason: "there is no such file or folder")
        }
        return try snapshot(of: name, revision: revision)
    }

    /// The folder of one model.
    func folder(of model: ModelName) -> String {
        "\(folder)/models--" + model.description.replacing("/", with: "--")
    }

    /// The folder of a revision's files.
    func snapshot(of model: ModelName, commit: String) -> String {
        "\(folder(of: model))/snapshots/\(commit)"
    }

    /// The commit that a revision (a branch, a tag or a commit) referred to when it was downloaded; nil if it never
    /// was.
    func commit(of model: ModelName, revision: String) throws -> String? {
        guard ModelName.isSafe(revision: revision) else { return nil }
        let reference = "\(folder(of: model))/refs/\(revision)"
        let commit =
            FileStatus(reference)?.kind == .file
            ? try TextFile(contentsOf: reference).text.trimmingBlanks() : revision
        guard ModelName.isSafe(revision: commit) else { return nil }
        let path = snapshot(of: model, commit: commit)
        return FileStatus(path) != nil ? commit : nil
    }

    /// The folder of a model's files, as downloaded by any of Hugging Face's libraries or by ``ModelDownload``.
    /// - Throws: ``HubError`` if it has not been downloaded.
    public func snapshot(of model: ModelName, revision: String = "main") throws -> String {
        let commit: String?
        do { commit = try self.commit(of: model, revision: revision) } catch let failure as FileFailure {
            throw HubError(failure)
        }
        guard let commit else {
            throw HubError(
                "\(model)",
                reason: "is neither a path nor in the cache \(folder) (revision \(revision))")
        }
        return snapshot(of: model, commit: commit)
    }
}

/// The name of a model on a hub: `owner/name`, or just a name.
public struct ModelName: Sendable, Hashable, CustomStringConvertible {
    /// The name as written.
    public let description: String

    /// Creates a name; nil if the text is not a valid one.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), text.utf8.count <= 200,
            parts.allSatisfy({ part in
                !part.isEmpty && part != "." && part != ".." && !part.contains("--")
                    && part.unicodeScalars.allSatisfy(Self.allowed.contains)
            })
        else { return nil }
        description = text
    }

    private static let allowed = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")

    /// Whether a revision is safe to use in a path: the contents of a file must not lead out of the cache.
    static func isSafe(revision: String) -> Bool {
        let parts = revision.split(separator: "/", omittingEmptySubsequences: false)
        return revision.utf8.count <= 200
            && parts.allSatisfy { part in
                !part.isEmpty && part != "." && part != ".."
                    && part.unicodeScalars.allSatisfy(allowed.contains)
            }
    }
}
