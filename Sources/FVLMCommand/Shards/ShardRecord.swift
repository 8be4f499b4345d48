import Support

/// What `NAME.done.json` says of a finished shard, a part of a large work on pictures: it stands beside the shard's results,
/// and is written after them.
package struct ShardRecord: Codable, Sendable {
    /// The kinds of results.
    package enum Kind: String, Codable, Sendable {
        /// JSON lines, one a picture.
        case detections
        /// A safetensors file.
        case embeddings
        /// A folder that can be searched.
        case index
    }

    /// A picture that could not be used.
    package struct Fault: Codable, Sendable, Hashable {
        package var file: String
        package var reason: String

        package init(file: String, reason: String) { (self.file, self.reason) = (file, reason) }
    }

    /// A class and its id in COCO's results.
    package struct Category: Codable, Sendable, Hashable {
        package var id: Int64
        package var name: String

        package init(id: Int64, name: String) { (self.id, self.name) = (id, name) }
    }

    package static let format = "fvlm-shard"

    package var format = Self.format
    package var version = 1
    package var kind: Kind

    /// The shard's name.
    package var shard: String

    /// The place of the shard among all, from 0.
    package var place: Int

    /// The number of shards of the work.
    package var of: Int

    /// A digest of the names of all shards and pictures that the work was given: the same in all its records.
    package var work: String

    /// A digest of what the shard itself was given.
    package var source: String

    /// The name of the results, beside the record.
    package var results: String

    /// Their length in bytes; nil for a folder.
    package var bytes: Int?

    /// The number of pictures with results.
    package var count: Int

    /// The number of objects in them.
    package var objects: Int?

    /// The number of pictures that could not be used.
    package var faults: Int

    /// Those pictures.
    package var unreadable: [Fault]

    /// How long the process that finished the shard took for it.
    package var seconds: Double

    /// What the results depend on, by names for messages: the digests of the model's weights, its settings, the classes.
    package var identity: [String: String]

    /// The classes; nil where there are none.
    package var categories: [Category]?

    /// Creates a record.
    package init(
        kind: Kind, shard: String, place: Int, of: Int, work: String, source: String, results: String,
        bytes: Int?,
        count: Int, objects: Int?, unreadable: [Fault], seconds: Double, identity: [String: String],
        categories: [Category]?
    ) {
        (self.kind, self.shard, self.place, self.of) = (kind, shard, place, of)
        (self.work, self.source, self.results, self.bytes) = (work, source, results, bytes)
        (self.count, self.objects, self.unreadable, self.seconds) = (count, objects, unreadable, seconds)
        (self.identity, self.categories) = (identity, categories)
        faults = unreadable.count
    }

    /// The end of a record's name.
    package static let ending = ".done.json"

    /// The path of a shard's record.
    package static func path(_ shard: String, in folder: String) -> String {
        Path.join(folder, shard + ending)
    }

    /// Reads a record.
    ///
    /// - Throws: `FileFailure`.
    package init(contentsOf path: String) throws {
        let bytes = try FileBytes(contentsOf: path, access: .read).array
        guard let record: ShardRecord = try? JSONText.value(of: bytes), record.format == Self.format else {
            throw FileFailure(path, reason: "is not the record of a shard")
        }
        guard record.version == 1 else {
            throw FileFailure(path, reason: "is of version \(record.version); supported is 1")
        }
        self = record
    }

    /// Writes the record, whole or not at all.
    ///
    /// - Throws: `FileFailure`.
    package func write(in folder: String) throws {
        try AtomicFile.write(JSONText.document(self) + "\n", to: Self.path(shard, in: folder))
    }

    /// Whether the results are there, with the length that they had.
    package func hasResults(in folder: String) -> Bool {
        guard let status = FileStatus(Path.join(folder, results)) else { return false }
        return bytes == nil ? status.kind == .folder : status.kind == .file && status.byteCount == bytes
    }

    /// The names of what differs between two identities.
    package static func differences(_ one: [String: String], _ other: [String: String]) -> [String] {
        Set(one.keys).union(other.keys).filter { one[$0] != other[$0] }.sorted()
    }
}
