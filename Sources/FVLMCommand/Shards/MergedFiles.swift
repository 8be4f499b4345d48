import Support
import WeightFiles

/// Joins the safetensors files of shards: embeddings into one file.
struct MergedEmbeddings {
    /// The number of pictures.
    let pictures: Int

    private let tensor: StoredTensor
    private let metadata: [String: String]

    /// Reads and checks the files of all shards.
    ///
    /// - Throws: `FileFailure`, `WeightFileError`.
    init(_ shards: FinishedShards) throws {
        var (names, width) = ([String](), 0)
        var owners: [String: ShardRecord] = [:]
        var parts: [StoredTensor] = []
        var metadata: [String: String] = [:]
        for record in shards.records {
            let path = shards.results(record)
            let file = try Safetensors(contentsOf: path)
            let rows = try file.tensor(named: "embeddings")
            guard let own: [String] = try? JSONText.value(of: Array((file.metadata["names"] ?? "").utf8)),
                rows.dtype == .float32, rows.shape.count == 2, rows.shape[0] == own.count,
                own.count == record.count,
                rows.isContiguous, parts.isEmpty || rows.shape[1] == width
            else { throw FileFailure(path, reason: "does not hold the embeddings that its record says") }
            width = rows.shape[1]
            for name in own {
                if let other = owners.updateValue(record, forKey: name) {
                    try FinishedShards.refuse(name, record, and: other, in: shards.folder)
                }
            }
            metadata.merge(file.metadata) { first, _ in first }
            names += own
            parts.append(rows)
        }
        var bytes: [UInt8] = []
        for part in parts { part.withUnsafeBytes { bytes += $0 } }
        let storage = bytes.withUnsafeBytes { TensorStorage(copying: $0) }
        tensor = try StoredTensor(
            name: "embeddings", dtype: .float32, shape: [names.count, width], storage: storage)
        metadata["names"] = try JSONText.line(names)
        self.metadata = metadata
        pictures = names.count
    }

    /// Writes one file.
    func write(to path: String) throws { try Safetensors.write([tensor], metadata: metadata, to: path) }
}

/// Joins the indexes of shards into one, whose files are numbered anew.
struct MergedIndex {
    private static let header = "index.json"

    /// The number of pictures.
    let pictures: Int

    private let files: [String]
    private let description: [UInt8]

    /// Reads and checks the indexes of all shards.
    ///
    /// - Throws: `FileFailure`, `WeightFileError`.
    init(_ shards: FinishedShards) throws {
        var (files, pictures) = ([String](), 0)
        var owners: [String: ShardRecord] = [:]
        var first: JSONValue?
        var description: [UInt8] = []
        for record in shards.records {
            let folder = shards.results(record)
            let path = Path.join(folder, Self.header)
            let bytes = try FileBytes(contentsOf: path, access: .read).array
            guard case .object(let header)? = try? bytes.withUnsafeBytes({ try JSONValue(parsing: $0) }),
                let identity = header["identity"]
            else { throw FileFailure(path, reason: "is not the description of an index") }
            guard first == nil || first == identity else {
                throw FileFailure(path, reason: "was made with another detector or other settings")
            }
            if first == nil { description = bytes }
            first = identity
            var own = 0
            for name in try Folder.names(in: folder) where name.hasSuffix(".safetensors") {
                let place = Path.join(folder, name)
                let text = try Safetensors(contentsOf: place).metadata["pictures"] ?? ""
                guard let listed: [Listed] = try? JSONText.value(of: Array(text.utf8)) else {
                    throw FileFailure(place, reason: "is not a part of an index")
                }
                for picture in listed {
                    if let other = owners.updateValue(record, forKey: picture.path) {
                        try FinishedShards.refuse(picture.path, record, and: other, in: shards.folder)
                    }
                }
                own += listed.count
                files.append(place)
            }
            guard own == record.count else {
                throw FileFailure(folder, reason: "has \(own) pictures, and its record says \(record.count)")
            }
            pictures += own
        }
        (self.files, self.pictures, self.description) = (files, pictures, description)
    }

    private struct Listed: Decodable { let path: String }

    /// Writes the index into a new folder.
    func write(to path: String) throws {
        let folder = try NewFolder(path: path)
        try folder.write(description, to: Self.header)
        for (number, file) in files.enumerated() {
            let digits = String(number)
            let name =
                "shard-" + String(repeating: "0", count: max(6 - digits.count, 0)) + digits + ".safetensors"
            try folder.write(FileBytes(contentsOf: file, access: .read).array, to: name)
        }
        try folder.finish()
    }
}
