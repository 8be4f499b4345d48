import Foundation
import Support

/// Fetches a model's files into a ``ModelCache``, in the layout of Hugging Face's libraries, which find them there.
///
/// Interrupted files are resumed. What arrives is compared with the digest that the hub gives; a file with other contents
/// is removed and reported.
public struct ModelDownload: Sendable {
    /// How far the download of one file is.
    public struct Progress: Sendable {
        /// The file's name.
        public let file: String
        /// The bytes that are there, those of earlier attempts included.
        public let received: Int
        /// The size of the file, when it is known.
        public let total: Int?
    }

    /// The files of a model that are fetched.
    public struct Selection: Sendable, Hashable {
        /// Names of weight files; the first one that the model has is fetched, with the parts that an index names.
        public var weights: [String]
        /// Names of files that are fetched beside them.
        public var companions: Set<String>

        /// A selection of names.
        public init(weights: [String], companions: Set<String>) {
            self.weights = weights
            self.companions = companions
        }
    }

    /// The model.
    public let model: ModelName

    /// What is fetched of it.
    public let selection: Selection

    /// A branch, a tag or a commit.
    public let revision: String

    /// Where the files go.
    public let cache: ModelCache

    /// The hub's address.
    public let endpoint: String

    /// Sent to the hub, and to nobody else, when it is there.
    private let token: String?

    /// A download.
    /// - Parameters:
    ///   - environment: `HF_ENDPOINT` overrides the hub's address, `HF_TOKEN` is sent to it.
    /// - Throws: ``HubError`` when the revision cannot be one.
    public init(
        _ model: ModelName, files selection: Selection, revision: String = "main",
        cache: ModelCache = ModelCache(),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
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

    /// Fetches what is missing of one set of weights and of the files that belong to it.
    /// - Parameter progress: Called on an unknown thread, several times a second.
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
                reason: "has no weights that are known: none of "
                    + selection.weights.joined(separator: ", "))
        }
        wanted.append(weights)
        for name in wanted { try await fetch(name, commit: commit, into: snapshot, transfer, progress) }
        if weights.hasSuffix(".index.json") {
            for name in try shards(of: "\(snapshot)/\(weights)") where names.contains(name) {
                try await fetch(name, commit: commit, into: snapshot, transfer, progress)
            }
        }
        // Last, so that a name never leads to a snapshot that is not complete.
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
            throw HubError(address, reason: "answers no JSON: \(error.reason)")
        }
        guard case .object(let values) = json, case .string(let commit)? = values["sha"],
            ModelName.isSafe(revision: commit), !commit.contains("/"),
            case .array(let siblings)? = values["siblings"]
        else { throw HubError(address, reason: "answers no description of a model") }
        let names = siblings.compactMap { sibling -> String? in
            guard case .object(let values) = sibling, case .string(let name)? = values["rfilename"] else {
                return nil
            }
            // Only files at the top: a name with slashes is none that a CLIP needs.
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
            throw HubError(index, reason: "is no index of weights: it lacks \"weight_map\"")
        }
        let names = try map.values.map { value in
            guard case .string(let name) = value else {
                throw HubError(index, reason: "\"weight_map\" holds a value that is no file's name")
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
        guard !FileManager.default.fileExists(atPath: link) else { return }
        let address = "\(endpoint)/\(model)/resolve/\(Self.escaped(commit))/\(Self.escaped(name))"
        let file = try await transfer.describe(address)
        let blobs = "\(cache.folder(of: model))/blobs"
        let blob = "\(blobs)/\(file.tag)"
        try Self.makeFolder(blobs)
        try Self.makeFolder(snapshot)
        if !FileManager.default.fileExists(atPath: blob) {
            let part = blob + ".incomplete"
            try await transfer.download(file, to: part) {
                progress(Progress(file: name, received: $0, total: file.size))
            }
            try verify(part, file, name)
            try Self.rename(part, to: blob)
        }
        // The attribute of a dangling link would make the creation fail.
        try? FileManager.default.removeItem(atPath: link)
        do {
            try FileManager.default.createSymbolicLink(
                atPath: link, withDestinationPath: "../../blobs/\(file.tag)")
        } catch { throw HubError(link, reason: "cannot be created: \(error.localizedDescription)") }
    }

    /// The tag of a large file is its SHA-256, that of a small one its name in git.
    private func verify(_ path: String, _ file: HubTransfer.File, _ name: String) throws {
        let digest: String
        switch file.tag.count {
        case 64: digest = try Self.sha256(of: path)
        case 40: digest = try SHA1.gitBlob(Self.contents(of: path))
        default: return
        }
        guard digest == file.tag else {
            try? FileManager.default.removeItem(atPath: path)
            throw HubError(
                "\(model)/\(name)",
                reason: "arrived with the digest \(digest.prefix(12))…, not \(file.tag.prefix(12))…; it was "
                    + "removed, try again")
        }
    }
}

// MARK: Files

extension ModelDownload {
    static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch { throw HubError(path, reason: "cannot be created: \(error.localizedDescription)") }
    }

    static func rename(_ path: String, to target: String) throws {
        do {
            try FileManager.default.moveItem(atPath: path, toPath: target)
        } catch { throw HubError(target, reason: "cannot be put in place: \(error.localizedDescription)") }
    }

    static func write(_ text: String, to path: String) throws {
        try makeFolder(URL(filePath: path).deletingLastPathComponent().path)
        do {
            try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
        } catch { throw HubError(path, reason: "cannot be written: \(error.localizedDescription)") }
    }

    static func contents(of path: String) throws -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch { throw HubError(path, reason: "cannot be read: \(error.localizedDescription)") }
    }

    /// The digest of a file of any size, read in pieces.
    static func sha256(of path: String) throws -> String {
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }
            var digest = SHA256()
            while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
                piece.withUnsafeBytes { digest.update($0) }
            }
            return digest.finalized().hexadecimal
        } catch { throw HubError(path, reason: "cannot be read: \(error.localizedDescription)") }
    }

    /// Text as part of an address.
    static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? text
    }
}
