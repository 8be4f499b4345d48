import Support

/// The records of a folder of shards, checked: one work, each of its shards once.
struct FinishedShards {
    let folder: String

    /// The records, in the order of the work.
    let records: [ShardRecord]

    /// The places of shards that have no record.
    let missing: [Int]

    /// Reads and checks the records in a folder.
    ///
    /// - Throws: `FileFailure` when there is none, or they do not belong together.
    init(in folder: String) throws {
        self.folder = folder
        let names = try Folder.names(in: folder).filter { $0.hasSuffix(ShardRecord.ending) }
        guard !names.isEmpty else {
            throw FileFailure(
                folder, reason: "contains no record of a finished shard (NAME\(ShardRecord.ending))",
                advice: "name the folder that was given to --into")
        }
        var records: [ShardRecord] = []
        for name in names {
            let path = Path.join(folder, name)
            let record = try ShardRecord(contentsOf: path)
            guard record.shard + ShardRecord.ending == name, record.of > 0,
                (0..<record.of).contains(record.place),
                !record.results.contains("/"), record.results.hasPrefix(record.shard)
            else { throw FileFailure(path, reason: "is not the record of this shard") }
            guard record.hasResults(in: folder) else {
                throw FileFailure(
                    path, reason: "the results \(record.results) are not there, or not as long as they were",
                    advice: "delete the record and run the work again: it makes this shard anew")
            }
            if let first = records.first { try Self.check(record, path, against: first) }
            records.append(record)
        }
        self.records = records.sorted { $0.place < $1.place }
        var places: [Int: String] = [:]
        for record in self.records {
            if let other = places.updateValue(record.shard, forKey: record.place) {
                throw FileFailure(
                    folder, reason: "shards \(other) and \(record.shard) are the same part of the work",
                    advice: "delete the older one's record and results")
            }
        }
        missing = (0..<records[0].of).filter { places[$0] == nil }
    }

    private static func check(_ record: ShardRecord, _ path: String, against first: ShardRecord) throws {
        func refuse(_ reason: String) -> FileFailure {
            FileFailure(
                path, reason: "\(reason) than that of \(first.shard)",
                advice: "run the same command for all shards; what is finished and the same is kept")
        }
        guard record.kind == first.kind else { throw refuse("its results are of another kind") }
        let names = ShardRecord.differences(record.identity, first.identity)
        guard names.isEmpty else {
            throw refuse("was made with a different \(names.joined(separator: ", a different "))")
        }
        guard record.categories == first.categories else { throw refuse("was made with other category ids") }
        guard record.work == first.work, record.of == first.of else {
            throw refuse("belongs to another list of shards")
        }
    }

    /// The path of a shard's results.
    func results(_ record: ShardRecord) -> String { Path.join(folder, record.results) }

    /// Pictures that are in the results of two shards, or twice in one.
    ///
    /// - Throws: `FileFailure`, which names one.
    static func refuse(_ file: String, _ record: ShardRecord, and other: ShardRecord, in folder: String)
        throws
    {
        throw FileFailure(
            folder,
            reason: "the picture \(file) is in the results of "
                + (record.shard == other.shard
                    ? "\(record.shard) twice" : "\(other.shard) and of \(record.shard)"),
            advice: "name each picture once, in one shard")
    }
}
