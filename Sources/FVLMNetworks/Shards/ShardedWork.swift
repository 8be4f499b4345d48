import ArgumentParser
import FVLMCommand
import Imaging
import Support

/// Work on many pictures, shard by shard: this process's share of it.
///
/// The results of a shard and what its resumption needs are made in `NAME.work`, which a process locks. When they are complete
/// they get their name, then the record is written, then the folder goes: a shard is whole or absent, and one that a killed
/// process has left is taken up again.
struct ShardedWork {
    /// The results of a shard.
    struct Outcome {
        var pictures = 0
        var objects: Int?
        var faults: [ShardRecord.Fault] = []

        /// Adds a picture that could not be used.
        mutating func add(_ error: any Error, of file: String) {
            faults.append(ShardRecord.Fault(file: file.displayedPath, reason: "\(error)".displayedPath))
        }
    }

    private let folder: String
    private let rank: ProcessRank
    private let shards: [PictureShard]

    /// Lists the shards; archives are not opened yet.
    ///
    /// - Parameter folder: Where results go; it is made if it is not there.
    init(_ pictures: PictureArguments, _ arguments: ShardArguments, folder: String) throws {
        self.folder = folder
        rank = try arguments.rank()
        shards = PictureShard.shards(
            of: try pictures.files(opensArchives: false),
            size: arguments.shardSize ?? ShardArguments.defaultSize)
        try Folder.make(folder)
    }

    /// Does this process's share.
    ///
    /// - Parameters:
    ///   - ending: The ending of results' names, with its dot; empty for folders.
    ///   - identity: What the results depend on, by names for messages.
    ///   - work: Makes the results of pictures at a path, in a folder that earlier tries may have filled.
    func run(
        _ kind: ShardRecord.Kind, ending: String, identity: [String: String],
        categories: [ShardRecord.Category]? = nil,
        work: (_ files: [String], _ path: String) async throws -> Outcome
    ) async throws {
        StandardError.note(rank.note + ", \(shards.count) shards")
        var hash = SHA256()
        for shard in shards {
            hash.update(shard.name)
            hash.update(shard.source)
        }
        let digest = hash.finalized().hexadecimal
        var (made, finished, left, failed) = (0, 0, 0, 0)
        var (pictures, faults) = (0, 0)
        for (place, shard) in shards.enumerated() where place % rank.count == rank.rank {
            try Task.checkCancellation()
            if let record = try earlier(shard, kind, identity) {
                finished += 1
                // The same shard of a list that has grown since.
                if record.place != place || record.of != shards.count || record.work != digest {
                    var moved = record
                    (moved.place, moved.of, moved.work) = (place, shards.count, digest)
                    try moved.write(in: folder)
                }
                continue
            }
            let workFolder = Path.join(folder, shard.name + ".work")
            guard let lock = try FolderLock.ifFree(making: workFolder) else {
                StandardError.note("\(shard.name) is being done by another process, and left to it")
                left += 1
                continue
            }
            // Another process may have finished it before it gave the lock away.
            if try earlier(shard, kind, identity) != nil {
                finished += 1
                withExtendedLifetime(lock) {}
                continue
            }
            let start = ContinuousClock.now
            let files: [String]
            do { files = try shard.pictures(note: StandardError.note) } catch let error as ImagingError {
                StandardError.note("the shard \(shard.name) cannot be done: \(error)")
                failed += 1
                withExtendedLifetime(lock) {}
                continue
            }
            let results = shard.name + ending
            let (growing, target) = (Path.join(workFolder, "results" + ending), Path.join(folder, results))
            let outcome = try await work(files, growing)
            let status = FileStatus(growing)
            // Of an index the folder that was there: the record of it went with a change of the shard.
            if FileStatus(target)?.kind == .folder { try Folder.remove(target) }
            try Folder.move(growing, to: target)
            try ShardRecord(
                kind: kind, shard: shard.name, place: place, of: shards.count, work: digest,
                source: shard.source,
                results: results, bytes: status?.kind == .file ? status?.byteCount : nil,
                count: outcome.pictures,
                objects: outcome.objects, unreadable: outcome.faults,
                seconds: (ContinuousClock.now - start) / .seconds(1), identity: identity,
                categories: categories
            ).write(in: folder)
            try Folder.remove(workFolder)
            withExtendedLifetime(lock) {}
            made += 1
            pictures += outcome.pictures
            faults += outcome.faults.count
        }
        if faults > 0 {
            StandardError.note("\(faults) pictures could not be used; their shards' records name them")
        }
        try StandardOutput.print(
            "\(folder): \(made) shards done, with \(pictures) pictures; \(finished) were finished"
                + (left > 0 ? ", \(left) are being done by others" : "")
                + (failed > 0 ? ", \(failed) failed" : ""))
        if failed > 0 { throw ExitCode.failure }
    }

    /// The record of a finished shard; nil if it is still to be done.
    private func earlier(
        _ shard: PictureShard, _ kind: ShardRecord.Kind, _ identity: [String: String]
    ) throws -> ShardRecord? {
        let path = ShardRecord.path(shard.name, in: folder)
        guard FileStatus(path) != nil else { return nil }
        let record = try ShardRecord(contentsOf: path)
        func refuse(_ what: String) -> FileFailure {
            FileFailure(path, reason: "was made with \(what): choose another folder for these results")
        }
        guard record.kind == kind else { throw refuse("another command") }
        let names = ShardRecord.differences(record.identity, identity)
        guard names.isEmpty else { throw refuse("a different \(names.joined(separator: ", a different "))") }
        guard record.source == shard.source else { throw refuse("other pictures of the same name") }
        guard record.hasResults(in: folder) else {
            StandardError.note(
                "\(shard.name): the results \(record.results) are not there as they were; made anew")
            return nil
        }
        return record
    }
}
