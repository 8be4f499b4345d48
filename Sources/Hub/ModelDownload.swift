import Foundation
import Support

/// Downloads a model's files into a ``ModelCache``, in the layout of Hugging Face's libraries, which find them there.
///
/// Interrupted downloads are resumed. Each file is checked against the digest that the hub states; a file that does not
/// match is removed and an error is thrown.
public struct ModelDownload: Sendable {
    /// The progress of the download of one file.
    public struct Progress: Sendable {
        /// The file's name.
        public let file: String
        /// The number of bytes received, including those of earlier attempts.
        public let received: Int
        /// The size of the file, if known.
        public let total: Int?
    }

    /// The files of a model to download.
    public struct Selection: Sendable, Hashable {
        /// Names of weight files; the first one that the model has is downloaded, with the shards that an index names.
        public var weights: [String]
        /// Names of other files to download.
        public var companions: Set<String>

        /// Creates a selection.
        public init(weights: [String], companions: Set<String>) {
            self.weights = weights
            self.companions = companions
        }
    }

    /// The model.
    public let model: ModelName

    /// The files to download.
    public let selection: Selection

    /// A branch, a tag or a commit.
    public let revision: String

    /// The cache that receives the files.
    public let cache: ModelCache

    /// The hub's address.
    public let endpoint: String

    /// Sent to the hub only, if set.
    private let token: String?

    /// Creates a download.
    /// - Parameters:
    ///   - environment: `HF_ENDPOINT` overrides the hub's address; `HF_TOKEN` is sent to it.
    /// - Throws: ``HubError`` if the revision is not a valid name.
    public init(
        _ model: ModelName, files selection: Selection, revision: String = "main",
        cache: ModelCache = ModelCache(),
        environment: [String: String]? = nil
    ) throws {
        let environment = environment ?? ProcessWords.environment
        guard ModelName.isSafe(revision: revision) else {
            throw HubError("\(model)", reason: "'\(revision)' cannot be a branch, a tag or a commit")
        }
        self.model = model
        self.selection = selection
        self.revision = revision
        self.cache = cache
        let address = environment["HF_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0 } ?? "https://huggingface.co"
        endpoint = address.hasSuffix("/") ? String(address.dropLast()) : address
        token = environment["HF_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Downloads the missing files of one set of weights and its companions.
    /// - Parameter progress: Called on an unspecified thread, several times a second.
    /// - Returns: The snapshot folder.
    /// - Throws: ``HubError`` about the address or file, `WeightFileError` for a broken index.
    public func run(progress: @escaping @Sendable (Progress) -> Void = { _ in }) async throws -> String {
        let transfer = HubTransfer(endpoint: endpoint, token: token)
        let (commit, names) = try await listing(transfer)
        let snapshot = cache.snapshot(of: model, commit: commit)
        var wanted = names.filter { selection.companions.contains($0) }
        guard let weights = selection.weights.first(where: names.contains) else {
            throw HubError(
                "\(model)",
                reason: "has no supported weights: none of "
                    + selection.weights.joined(separator: ", "))
        }
        wanted.append(weights)
        for name in wanted { try await fetch(name, commit: commit, into: snapshot, transfer, progress) }
        if weights.hasSuffix(".index.json") {
            for name in try shards(of: "\(snapshot)/\(weights)") where names.contains(name) {
                try await fetch(name, commit: commit, into: snapshot, transfer, progress)
            }
        }
        // Written last, so that a name never leads to an incomplete snapshot.
        try Self.write(commit, to: "\(cache.folder(of: model))/refs/\(revision)")
        return snapshot
    }

    /// The commit of the revision and the names of its files.
    private func listing(_ transfer: HubTransfer) async throws -> (commit: String, names: [String]) {
        let address = "\(endpoint)/api/models/\(model)/revision/\(Self.escaped(revision))"
        let bytes = try await transfer.contents(of: address)
        let json: JSONValue
        do {
            json = try bytes.withUnsafeBytes { try JSONValue(parsing: $0) }
        } catch let error as JSONReader.Failure {
            throw HubError(address, reason: "did not answer with JSON: \(error.reason)")
        }
        guard case .object(let values) = json, case .string(let commit)? = values["sha"],
            ModelName.isSafe(revision: commit), !commit.contains("/"),
            case .array(let siblings)? = values["siblings"]
        else { throw HubError(address, reason: "did not answer with the description of a model") }
        let names = siblings.compactMap { sibling -> String? in
            guard case .object(let values) = sibling, case .string(let name)? = values["rfilename"] else {
                return nil
            }
            // Only files at the top level: a CLIP needs none from subfolders.
            return ModelName.isSafe(revision: name) && !name.contains("/") ? name : nil
        }
        return (commit, names)
    }

    private func shards(of index: String) throws -> [String] {
        let json: JSONValue
        do {
            json = try Self.contents(of: index).withUnsafeBytes { try JSONValue(parsing: $0) }
        } catch let error as JSONReader.Failure {
            throw HubError(index, reason: "byte \(error.position): \(error.reason)")
        }
        guard case .object(let values) = json, case .object(let map)? = values["weight_map"] else {
            throw HubError(index, reason: "is not a weight index: it lacks \"weight_map\"")
        }
        let names = try map.values.map { value in
            guard case .string(let name) = value else {
                throw HubError(index, reason: "\"weight_map\" contains a value that is not a file name")
            }
            return name
        }
        return Set(names).sorted()
    }

    private func fetch(
        _ name: String, commit: String, into snapshot: String, _ transfer: HubTransfer,
        _ progress: @escaping @Sendable (Progress) -> Void
    ) async throws {
        let link = "\(snapshot)/\(name)"
        guard FileStatus(link) == nil else { return }
        let address = "\(endpoint)/\(model)/resolve/\(Self.escaped(commit))/\(Self.escaped(name))"
        let file = try await transfer.describe(address)
        let blobs = "\(cache.folder(of: model))/blobs"
        let blob = "\(blobs)/\(file.tag)"
        try Self.makeFolder(blobs)
        try Self.makeFolder(snapshot)
        if FileStatus(blob) == nil {
            let part = FileName.companion(of: blob, ending: ".incomplete")
            try await transfer.download(file, to: part) {
                progress(Progress(file: name, received: $0, total: file.size))
            }
            try verify(part, file, name)
            try Self.rename(part, to: blob)
        }
        // A link to a file that is gone.
        try Self.remove(link)
        guard link.withPathPointer({ symlink("../../blobs/\(file.tag)", $0) }) == 0 else {
            throw HubError(FileFailure(link, "cannot be created"))
        }
    }

    /// The tag of a large file is its SHA-256, that of a small one its git blob id.
    private func verify(_ path: String, _ file: HubTransfer.File, _ name: String) throws {
        let digest: String
        switch file.tag.count {
        case 64: digest = try Self.sha256(of: path)
        case 40: digest = try SHA1.gitBlob(Self.contents(of: path))
        default: return
        }
        guard digest == file.tag else {
            try Self.remove(path)
            throw HubError(
                "\(model)/\(name)",
                reason:
                    "was received with the digest \(digest.prefix(12))…, not \(file.tag.prefix(12))…; it was "
                    + "removed, try again")
        }
    }
}

// MARK: Files

extension ModelDownload {
    static func makeFolder(_ path: String) throws {
        do { try Folder.make(path) } catch { throw HubError(error) }
    }

    static func remove(_ path: String) throws {
        do { try Folder.remove(path) } catch { throw HubError(error) }
    }

    static func rename(_ path: String, to target: String) throws {
        do { try Folder.move(path, to: target) } catch { throw HubError(error) }
    }

    static func write(_ text: String, to path: String) throws {
        try makeFolder(Path.parent(path))
        do { try AtomicFile.write(text, to: path) } catch { throw HubError(error) }
    }

    static func contents(of path: String) throws -> [UInt8] {
        do { return try FileBytes(contentsOf: path, access: .read).array } catch { throw HubError(error) }
    }

    /// The digest of a file of any size.
    static func sha256(of path: String) throws -> String {
        do {
            let file = try FileBytes(contentsOf: path)
            var digest = SHA256()
            withExtendedLifetime(file) { digest.update(file.bytes) }
            return digest.finalized().hexadecimal
        } catch { throw HubError(error) }
    }

    /// Percent-encodes text for use in an address.
    static func escaped(_ text: String) -> String {
        text.percentEncodedPath(keeping: "!$&'()*+,;=:@/")
    }
}
